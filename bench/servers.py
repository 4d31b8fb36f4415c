"""The application and the reference behind the same gunicorn, scaled or embedded.

Scaled is two gevent processes with Redis; embedded is one process with 256 threads.
"""

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
from tests.services import ROOT, free_port, wait_for


@dataclass
class Server:
    """A running server: where it answers and which process is its parent."""

    port: int
    pid: int

    @property
    def base(self) -> str:
        """Its address, without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def serving(
    target: str, database_url: str, instance: Path, redis_url: str | None, *, plain: bool = False
) -> Iterator[Server]:
    """gunicorn serving `target` until the end of the block, scaled if there is a `redis_url`.

    With our own configuration, or, `plain`, for what is not our application, with the same options on the command line.
    Mail is on, and due so late that nothing is sent.
    """
    port = free_port()
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("MESSAGING_")},
        "PORT": str(port),
        "WEB_CONCURRENCY": "2",
        "MESSAGING_ENV": "production",
        "MESSAGING_SECRET_KEY": SECRET,
        "MESSAGING_BASE_URL": f"http://127.0.0.1:{port}",
        "MESSAGING_DATABASE_URL": database_url,
        "MESSAGING_RATE_LIMITS": "off",
        "MESSAGING_INSTANCE": str(instance),
        "MESSAGING_MAIL_URL": "smtp://127.0.0.1:9",
        "MESSAGING_MAIL_FROM": "no-reply@platform.example",
        "MESSAGING_MAIL_DELAY": "3600",
        **({"MESSAGING_REDIS_URL": redis_url} if redis_url else {}),
    }
    options = ["-c", "python:messaging_app.gunicorn_conf"]
    if plain:
        options = ["-b", f"127.0.0.1:{port}", "--keep-alive", "15", "--no-control-socket"]
        options += ["-k", "gevent", "-w", "2"] if redis_url else ["-k", "gthread", "-w", "1", "--threads", "256"]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", *options, target], cwd=ROOT, env=environment, stdout=log, stderr=log
        )
        try:
            ready = f"http://127.0.0.1:{port}/"  # the port is open before the workers have loaded the application
            wait_for(lambda: process.poll() is not None or _responds(ready), 300, 0.5, "gunicorn to start")
            if process.poll() is not None:
                log.seek(0)
                raise RuntimeError(log.read().decode())
            yield Server(port, process.pid)
        finally:
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@dataclass
class Visitor:
    """A client with a browser's cookies and the CSRF token of the last page."""

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


def _responds(address: str) -> bool:
    try:
        urllib.request.urlopen(address, timeout=30).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


def _open(
    opener: urllib.request.OpenerDirector, asked: urllib.request.Request
) -> urllib.request.addinfourl | urllib.error.HTTPError:
    try:
        return opener.open(asked, timeout=30)  # type: ignore[no-any-return]
    except urllib.error.HTTPError as error:
        return error
