"""An application with mail on both databases, for one test with settings of its own or kept for a module."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask

from messaging_app.extensions import db
from tests import cast
from tests.post import MAIL, Post, emptied, mailing_app
from tests.services import MailServer


@pytest.fixture
def make_post(make_app: Callable[..., Flask], database_url: str, smtp: MailServer) -> Iterator[Callable[..., Post]]:
    """Makes a `Post` on both databases; its argument are settings."""
    contexts = []

    def make(**settings: Any) -> Post:
        app = make_app(database_url, **({"mail_url": smtp.url} | MAIL | settings))
        context = app.app_context()
        context.push()
        contexts.append(context)
        return Post(app, smtp, cast.bring_in())

    yield make
    for context in contexts:
        db.session.rollback()
        context.pop()


@pytest.fixture(scope="module")
def kept_app(kept_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Flask, MailServer]]:
    """An application and its mail server for a whole module; with settings of their own they are made anew."""
    with mailing_app(kept_database_url, tmp_path_factory.mktemp("mail")) as kept:
        yield kept


@pytest.fixture
def post(kept_app: tuple[Flask, MailServer]) -> Iterator[Post]:
    """The same on an empty database, with nothing in the post."""
    with emptied(*kept_app) as post:
        yield post
