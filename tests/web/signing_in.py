"""Helpers for tests of signing in: who signs in where, and whether a client is signed in."""

from __future__ import annotations

from typing import Any

from messaging_app import directory
from messaging_app.db.engine import writing
from messaging_app.extensions import db
from messaging_app.policies import ROLES
from tests.conftest import Browser, Web

INBOX = {name: role.messages for name, role in ROLES.items()}

WHO = {"admin": "ada", "store": "sam", "storefront": "cleo"}


def is_in(browser: Browser, role: str) -> bool:
    answer = browser.client.get(INBOX[role])
    assert answer.status_code in (200, 302)
    return answer.status_code == 200


def bring_in(web: Web, **entries: Any) -> None:
    """Import a directory file's content."""
    with web.app.app_context():
        plan = directory.make_plan(directory.parse(entries))
        directory.prepare_secrets(plan, print)
        with writing(db.session) as session:
            directory.apply(session, plan)


def cookie(browser: Browser, name: str) -> str:
    found = browser.client.get_cookie(name)
    assert found is not None
    return found.value


def opens(web: Web, role: str, value: str) -> bool:
    """Whether a browser with nothing but this cookie is in."""
    thief = web.browser()
    thief.client.set_cookie(role, value)
    return is_in(thief, role)
