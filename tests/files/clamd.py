"""A scanner that speaks clamd's protocol (clamd(8)) over a real socket and knows one piece of malware: EICAR's."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# The harmless text that every scanner reports, in two halves, so that this source is not reported itself.
EICAR = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-" + rb"STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"


class Clamd:
    """What the server saw, and how it shall behave."""

    def __init__(self, url: str, *, max_size: int, answer: bytes | None, silent: bool) -> None:
        self.url = url
        self.max_size = max_size
        self.answer = answer
        self.silent = silent
        self.scanned: list[bytes] = []
        self.released = threading.Event()


class _TcpServer(socketserver.ThreadingTCPServer):
    daemon_threads = True
    clamd: Clamd


class _UnixServer(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    clamd: Clamd


class _Session(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        assert isinstance(self.server, _TcpServer | _UnixServer)
        clamd = self.server.clamd
        command = self._until_nul()
        if command != b"zINSTREAM":
            self.wfile.write(b"UNKNOWN COMMAND\0")
            return
        data = b""
        while length := int.from_bytes(self.rfile.read(4), "big"):
            if len(data) + length > clamd.max_size:
                self.wfile.write(b"INSTREAM size limit exceeded. ERROR\0")
                return
            data += self.rfile.read(length)
        clamd.scanned.append(data)
        if clamd.silent:
            clamd.released.wait(20)
        elif clamd.answer is not None:
            self.wfile.write(clamd.answer)
        else:
            self.wfile.write(b"stream: Eicar-Signature FOUND\0" if EICAR in data else b"stream: OK\0")

    def _until_nul(self) -> bytes:
        command = b""
        while (char := self.rfile.read(1)) not in (b"\0", b""):
            command += char
        return command


@contextmanager
def running_clamd(
    socket: Path | None = None, *, max_size: int = 25 * 2**20, answer: bytes | None = None, silent: bool = False
) -> Iterator[Clamd]:
    """A scanner on a free port, or on the Unix socket `socket`. `answer` is what it says whatever it gets."""
    server: _TcpServer | _UnixServer
    if socket is None:
        server = _TcpServer(("127.0.0.1", 0), _Session)
        url = f"tcp://127.0.0.1:{server.server_address[1]}"
    else:
        server = _UnixServer(str(socket), _Session)
        url = f"unix:{socket}"
    clamd = Clamd(url, max_size=max_size, answer=answer, silent=silent)
    server.clamd = clamd
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield clamd
    finally:
        clamd.released.set()
        server.shutdown()
        server.server_close()
