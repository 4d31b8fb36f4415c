"""Malware checks by clamd, over its own protocol (clamd(8), INSTREAM)."""

from __future__ import annotations

import socket
import time
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from messaging_app.files.refusals import CheckUnavailable, FileRefused

_CONNECT_TIMEOUT = 5.0
_PIECE = 64 * 1024
_MAX_ANSWER = 4096


class ScannerUnavailable(CheckUnavailable):
    """The scanner gave no verdict: it is unreachable, too slow, or cannot scan this file."""


def clamd_address(url: str) -> tuple[str, int] | str:
    """Return host and port of `tcp://host:port`, or the path of `unix:/path`. Raises `ValueError` with a sentence."""
    with suppress(ValueError):  # a port that is not a number or too large
        parts = urlsplit(url)
        if parts.scheme == "tcp" and parts.hostname and parts.port and not parts.path.strip("/"):
            return parts.hostname, parts.port
        if parts.scheme == "unix" and parts.path.startswith("/") and not parts.netloc:
            return parts.path
    raise ValueError(f"{url!r} is no address of clamd. Write tcp://host:port or unix:/path.")


def scan(path: Path, url: str, *, timeout: float = 60) -> None:
    """Return if clamd at `url` finds nothing in the file at `path`.

    Raises `FileRefused` (`malware`; `detail` is the signature's name) or `ScannerUnavailable`, which also means no
    verdict within `timeout` seconds or a file larger than clamd's StreamMaxLength.
    """
    deadline = time.monotonic() + timeout
    try:
        with path.open("rb") as file, _connect(clamd_address(url), min(timeout, _CONNECT_TIMEOUT)) as link:
            answer = ""
            try:
                link.sendall(b"zINSTREAM\0")
                while piece := file.read(_PIECE):
                    link.settimeout(_left(deadline))
                    link.sendall(len(piece).to_bytes(4, "big") + piece)
                link.sendall(bytes(4))
            except (BrokenPipeError, ConnectionResetError):
                pass  # clamd stopped reading; its reply says why
            answer = _answer(link, deadline)
    except (OSError, TimeoutError) as error:
        raise ScannerUnavailable(f"clamd at {url}: {error or type(error).__name__}") from error
    _judge(answer, url)


def _connect(address: tuple[str, int] | str, timeout: float) -> socket.socket:
    if isinstance(address, tuple):
        return socket.create_connection(address, timeout)
    link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        link.settimeout(timeout)
        link.connect(address)
    except BaseException:
        link.close()
        raise
    return link


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("took too long")
    return left


def _answer(link: socket.socket, deadline: float) -> str:
    answer = b""
    while b"\0" not in answer and len(answer) < _MAX_ANSWER:
        link.settimeout(_left(deadline))
        piece = link.recv(_MAX_ANSWER)
        if not piece:
            break
        answer += piece
    return answer.partition(b"\0")[0].decode(errors="replace").strip()


def _judge(answer: str, url: str) -> None:
    verdict = answer.removeprefix("stream: ")
    if verdict.endswith(" FOUND"):
        raise FileRefused("malware", detail=verdict.removesuffix(" FOUND"))
    if verdict != "OK":
        raise ScannerUnavailable(f"clamd at {url} said {answer!r:.200}")
