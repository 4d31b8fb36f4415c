"""An application with mail on both databases, reset to the cast before each test, with browsers and received mail."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextvars import Context
from email.message import EmailMessage
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from messaging_app.extensions import db
from messaging_app.services import trail
from tests.conftest import Browser
from tests.post import Post, emptied, mailing_app
from tests.services import MailServer

LINK = re.compile(r"http://localhost(/(?:invitation|reset|confirm)/[\w-]+)")


class FromOutside(FlaskClient):
    """A client whose requests share nothing with the context in which the test itself asks services and database."""

    def open(self, *args: Any, **options: Any) -> TestResponse:
        return Context().run(super().open, *args, **options)


@pytest.fixture(autouse=True)
def all_passwords_are_cheap(cheap_passwords: None) -> None:
    """These tests make many passwords."""


@pytest.fixture(scope="module")
def kept_app(kept_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Flask, MailServer]]:
    """The application and its mail server for a whole module."""
    folder = tmp_path_factory.mktemp("accounts")
    with mailing_app(kept_database_url, folder, base_url="http://localhost") as (app, server):
        app.test_client_class = FromOutside
        yield app, server


@pytest.fixture
def post(kept_app: tuple[Flask, MailServer]) -> Iterator[Post]:
    """The same with the cast, inside the application's context."""
    app, server = kept_app
    app.extensions["settings"].mail_url, app.extensions["settings"].rate_limits = server.url, "off"
    app.extensions.pop("has_people", None)
    app.extensions["limits"] = None
    with emptied(app, server) as post:
        yield post


def arrived(post: Post) -> list[EmailMessage]:
    """The mails that a round of the worker sends now."""
    post.sweep(0.01)
    return post.take()


def link_in(mail: EmailMessage) -> str:
    """The path of the link that a mail brings, the same in both of its parts."""
    found = {LINK.search(mail.get_body((kind,)).get_content())[1] for kind in ("plain", "html")}  # type: ignore
    [path] = found
    return str(path)


def browse(post: Post, name: str | None = None, role: str = "store") -> Browser:
    """Return a browser, with a member of the cast signed in if named."""
    browser = Browser(post.app)
    if name is not None:
        assert browser.sign_in(role, name).status_code == 303
    return browser


def actions() -> list[tuple[str, str, str]]:
    """Return the audit trail (actor, action, object) without the preparations of tests: sign-ins, sign-outs, tokens."""
    db.session.rollback()
    prepared = ("sign_in.succeeded", "sign_in.failed", "token.created")
    entries = [
        entry for entry in trail.all_entries() if entry.action not in prepared and '"session"' not in entry.after
    ]
    return [(entry.actor_name, entry.action, entry.object_email) for entry in entries]
