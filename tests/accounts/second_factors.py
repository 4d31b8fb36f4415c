"""An authenticator app as tests hold one, and people who have set one up."""

from __future__ import annotations

import re
from html import unescape

import pyotp
from werkzeug.test import TestResponse

from messaging_app.db.engine import now
from tests.accounts.conftest import browse
from tests.cast import EMAILS, PASSWORD
from tests.conftest import Browser
from tests.post import Post

HOMES = {"admin": "/admin", "store": "/store"}
CODES = re.compile(r"<li>([0-9a-z]{4}-[0-9a-z]{4})</li>")


class App:
    """Somebody's phone."""

    def __init__(self, page: str) -> None:
        uri = re.search(r'href="(otpauth://[^"]+)"', page)
        assert uri is not None, page
        self.totp = pyotp.parse_uri(unescape(uri[1]))
        self.secret = self.totp.secret

    def code(self, later: int = 0) -> str:
        """The code that it shows so many steps from now."""
        assert isinstance(self.totp, pyotp.TOTP)
        return self.totp.at(now(), counter_offset=later)


def enrol(post: Post, name: str, role: str = "admin") -> tuple[App, list[str], Browser]:
    """Have somebody turn an app on; returns it, the recovery codes, and the browser."""
    browser = browse(post, name, role)
    app = App(browser.get(f"{HOMES[role]}/account/security").text)
    answer = browser.post(f"{HOMES[role]}/account/security", {"code": app.code(-1)})
    assert answer.status_code == 200, answer.text
    codes = CODES.findall(answer.text)
    assert len(set(codes)) == 10
    return app, codes, browser


def first_step(post: Post, name: str, role: str = "admin", onward: str = "") -> Browser:
    """A browser in which somebody has shown the right password, and nothing else."""
    browser = browse(post)
    browser.get(f"/{role}/login" + (f"?next={onward}" if onward else ""))
    answer = browser.post(f"/{role}/login", {"email": EMAILS[name], "password": PASSWORD, "next": onward})
    assert answer.status_code == 303 and answer.location.startswith(f"/{role}/login"), answer.text
    page = browser.get(answer.location)
    assert 'name="code"' in page.text
    return browser


def second_step(browser: Browser, code: str, role: str = "admin", onward: str = "") -> TestResponse:
    """Send a code."""
    return browser.post(f"/{role}/login", {"code": code, "next": onward})
