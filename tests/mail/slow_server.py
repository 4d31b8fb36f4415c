"""A mail server that is slow, silent, refusing or gone in any one phase, as the test says."""

from __future__ import annotations

import socketserver
import threading
from collections import Counter
from collections.abc import Callable
from email import message_from_bytes, policy
from email.message import EmailMessage

PHASES = ("greeting", "EHLO", "MAIL", "RCPT", "DATA", "end")
ANSWERS = {
    "greeting": "220 here",
    "EHLO": "250 here",
    "MAIL": "250 ok",
    "RCPT": "250 ok",
    "DATA": "354 go",
    "end": "250 taken",
}


class SlowServer:
    """Real SMTP on loopback. `at[phase]` is called before that phase is answered: it may wait, and returns the answer,
    None for the usual one, or "" to close the connection. `messages` are those whose end came, `cut` the others.
    """

    def __init__(self) -> None:
        self.at: dict[str, Callable[[], str | None]] = {}
        self.messages: list[EmailMessage] = []
        self.cut: list[bytes] = []
        self.seen: Counter[str] = Counter()
        self.reached: dict[str, threading.Event] = {phase: threading.Event() for phase in PHASES}
        self._release = threading.Event()
        outer = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                outer.serve(self)

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True
            request_queue_size = 50

        self._server = Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        self.url = f"smtp://127.0.0.1:{self._server.server_address[1]}"

    def stop(self) -> None:
        self._release.set()
        self._server.shutdown()
        self._server.server_close()

    def silent(self, phase: str) -> None:
        """Say nothing in this phase until `speak`."""
        self.at[phase] = self._wait

    def speak(self) -> None:
        """Answer everything again; what waited is answered now."""
        self.at.clear()
        self._release.set()
        self._release = threading.Event()

    def _wait(self) -> None:
        self._release.wait(60)

    def ids(self) -> list[str]:
        """The Message-IDs of the mails whose end came, in order."""
        return [message["Message-ID"] for message in self.messages]

    def serve(self, link: socketserver.StreamRequestHandler) -> None:
        """One connection."""
        going_on = self._answer(link, "greeting") != ""
        while going_on and (line := link.rfile.readline()):
            verb = line[:4].decode().upper()
            if verb in ("QUIT", "RSET"):
                link.wfile.write(b"250 ok\r\n")
                continue
            answer = self._answer(link, verb)
            going_on = answer != "" and (not answer.startswith("354") or self._take(link))

    def _take(self, link: socketserver.StreamRequestHandler) -> bool:
        lines = []
        while (line := link.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line.removeprefix(b"."))
        content = b"".join(lines)
        if not line:
            self.cut.append(content)
            return False
        message = message_from_bytes(content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.messages.append(message)
        return self._answer(link, "end") != ""

    def _answer(self, link: socketserver.StreamRequestHandler, phase: str) -> str:
        """Answer a phase and return the answer, "" where the connection is at its end."""
        self.seen[phase] += 1
        self.reached[phase].set()
        answer = self.at[phase]() if phase in self.at else None
        answer = ANSWERS[phase] if answer is None else answer
        if answer:
            try:
                link.wfile.write(f"{answer}\r\n".encode())
            except OSError:
                return ""
        return "" if answer.startswith("421") else answer
