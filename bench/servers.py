"""The application and the reference behind the same gunicorn: two worker processes of four threads."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import unescape
from http.cookiejar import CookieJar
from pathlib import Path
from urllib.parse import urlencode

from bench.seed import PASSWORD
from tests.conftest import SECRET, TOKEN
from tests.services import ROOT, answers, free_port, wait_for

WORKERS, THREADS = 2, 4


@dataclass
class Server:
    """A running server: where it answers and which process is its parent."""

    base: str
    pid: int


@contextmanager
def serving(target: str, database_url: str, instance: Path, *, plain: bool = False, **more: str) -> Iterator[Server]:
    """gunicorn with two processes of four threads, serving `target`, until the end of the block.

    With our own configuration, or, `plain`, for what is not our application, with the same options on the command line.
    """
    port = free_port()
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("MESSAGING_")},
        "PORT": str(port),
        "MESSAGING_ENV": "production",
        "MESSAGING_SECRET_KEY": SECRET,
        "MESSAGING_BASE_URL": f"http://127.0.0.1:{port}",
        "MESSAGING_DATABASE_URL": database_url,
        "MESSAGING_RATE_LIMITS": "off",
        "MESSAGING_INSTANCE": str(instance),
        **more,
    }
    options = ["-k", "gthread", "-w", str(WORKERS), "--threads", str(THREADS)]
    if plain:
        options += ["-b", f"127.0.0.1:{port}", "--keep-alive", "15", "--no-control-socket"]
    else:
        options += ["-c", "python:messaging_app.gunicorn_conf"]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", *options, target], cwd=ROOT, env=environment, stdout=log, stderr=log
        )
        try:
            wait_for(lambda: process.poll() is not None or answers(port), 30, 0.1, "gunicorn to start")
            if process.poll() is not None:
                log.seek(0)
                raise RuntimeError(log.read().decode())
            yield Server(f"http://127.0.0.1:{port}", process.pid)
        finally:
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@dataclass
class Visitor:
    """Somebody with a browser's cookies and the CSRF token of the last page."""

    base: str
    jar: CookieJar = field(default_factory=CookieJar)
    token: str = ""

    def fetch(
        self, path: str, form: dict[str, str] | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, str]:
        """Status and text of an answer; redirects are followed, errors are answers too."""
        data = urlencode({"csrf_token": self.token, **form}).encode() if form is not None else None
        opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.jar))
        asked = urllib.request.Request(self.base + path, data, headers or {})
        with contextlib.closing(_open(opener, asked)) as answer:
            text = answer.read().decode()
        if found := TOKEN.search(text):
            self.token = unescape(found.group(1) or found.group(2))
        return int(answer.status or 0), text

    def sign_in(self, role: str = "store", email: str = "u1@mail.example") -> Visitor:
        """Through the sign-in page, as everybody does."""
        self.fetch(f"/{role}/login")
        status, text = self.fetch(f"/{role}/login", {"email": email, "password": PASSWORD})
        assert status == 200 and "data-unread-badge" in text, (status, text[:2000])
        return self

    @property
    def cookie(self) -> str:
        """The Cookie header."""
        return "; ".join(f"{cookie.name}={cookie.value}" for cookie in self.jar)


def _open(
    opener: urllib.request.OpenerDirector, asked: urllib.request.Request
) -> urllib.request.addinfourl | urllib.error.HTTPError:
    try:
        return opener.open(asked, timeout=30)  # type: ignore[no-any-return]
    except urllib.error.HTTPError as error:
        return error
