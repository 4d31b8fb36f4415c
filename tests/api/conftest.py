"""Programs of the cast: each with a token of its own, made as the command line makes them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from messaging_app.accounts import tokens
from messaging_app.actors import Actor
from messaging_app.extensions import db
from messaging_app.policies import policy_of
from tests.cast import Cast
from tests.conftest import Kept, Web, empty, new_app


class Api(Web):
    """The application with its cast, as their programs see it."""

    def __init__(self, app: Flask, people: Cast | None = None) -> None:
        super().__init__(app, people)
        self.tokens: dict[str, str] = {}
        self.client = app.test_client()

    def actor(self, name: str) -> Actor:
        """Somebody of the cast by name."""
        actor: Actor = getattr(self.cast, name)
        return actor

    def token(self, name: str) -> str:
        """The token of somebody's program."""
        if name not in self.tokens:
            actor = self.actor(name)
            with self.app.app_context():
                self.tokens[name] = tokens.create_token(actor.type, actor.id, actor.store_id, "test")
        return self.tokens[name]

    def base(self, name: str) -> str:
        """Where the API stands for somebody's role."""
        return f"/api/v1/{policy_of(self.actor(name)).name}/messages"

    def call(self, name: str | None, method: str, path: str = "", **options: Any) -> TestResponse:
        """A request of somebody's program, to a path under their /messages; with nobody, to a whole path."""
        headers = options.pop("headers", {}) | ({"Authorization": f"Bearer {self.token(name)}"} if name else {})
        address = self.base(name) + path if name and not path.startswith("/api") else path
        return self.client.open(address, method=method, headers=headers, **options)

    def get(self, name: str | None, path: str = "", **options: Any) -> TestResponse:
        """Ask for something."""
        return self.call(name, "GET", path, **options)

    def post(self, name: str | None, path: str = "", **options: Any) -> TestResponse:
        """Send something."""
        return self.call(name, "POST", path, **options)

    def put(self, name: str | None, path: str = "", **options: Any) -> TestResponse:
        """Set something."""
        return self.call(name, "PUT", path, **options)

    def begin(self, name: str, to: str, subject: str = "Your order", content: str = "It is ready.") -> int:
        """The number of a new conversation of somebody with a customer, or with the store `bakery` or `cycles`."""
        answer = self.post(name, json=self.beginning(name, to, subject=subject, content=content))
        assert answer.status_code == 201, answer.text
        return int(answer.json["id"])

    def beginning(self, name: str, to: str, **fields: Any) -> dict[str, Any]:
        """The body of a ConversationCreate."""
        kind = "store" if to in ("bakery", "cycles") else "customer"
        number = getattr(self.cast, to) if kind == "store" else self.actor(to).id
        side = "store_customer" if policy_of(self.actor(name)).name == "store" else f"admin_{kind}"
        body = {"conversation_type": side, "recipient_type": kind, "recipient_id": number}
        return body | {"subject": "Your order", "content": "It is ready."} | fields


def problem_of(answer: TestResponse, status: int, code: str) -> dict[str, Any]:
    """The problem that `answer` is, whole and well-formed."""
    assert answer.status_code == status, (answer.status_code, answer.text)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Cache-Control"] == "private, no-store"
    problem: dict[str, Any] = answer.get_json(force=True)
    assert (problem["status"], problem["code"]) == (status, code), problem
    assert set(problem) - ({"messages"} if code == "newer_messages" else {"errors"}) == {
        "type",
        "title",
        "status",
        "detail",
        "code",
    }
    assert problem["type"] == f"/api/v1/docs#{code}"
    assert problem["title"] and problem["detail"]
    return problem


def faults_of(answer: TestResponse, status: int = 422, code: str = "invalid") -> set[tuple[str, str]]:
    """Field and code of everything at fault."""
    problem = problem_of(answer, status, code)
    assert all(set(error) == {"field", "code", "message"} and error["message"] for error in problem["errors"])
    return {(error["field"], error["code"]) for error in problem["errors"]}


@pytest.fixture
def api(kept_sqlite: Kept) -> Api:
    """Programs on SQLite, where the database makes no difference."""
    return Api(*kept_sqlite.with_cast())


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def either_api(request: pytest.FixtureRequest, kept_sqlite: Kept) -> Api:
    """Programs on SQLite and on PostgreSQL, in which nothing has happened yet."""
    if request.param == "sqlite":
        return Api(*kept_sqlite.with_cast())
    app: Flask = request.getfixturevalue("kept_postgres")
    with app.app_context():
        empty(db.engine)
    return Api(app)


@pytest.fixture
def limited(make_app: Callable[..., Flask], sqlite_url: str) -> Iterator[Api]:
    """Programs whose rates are limited."""
    yield Api(make_app(sqlite_url, rate_limits="on"))


@pytest.fixture(scope="module")
def kept_api(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """One application for a whole module of tests that change nothing that another reads."""
    folder = tmp_path_factory.mktemp("api")
    shutil.copy(migrated_sqlite, folder / "messaging.db")
    url = f"sqlite:///{folder / 'messaging.db'}"
    app = new_app(url, folder)
    yield Api(app)
    with app.app_context():
        db.engine.dispose()
