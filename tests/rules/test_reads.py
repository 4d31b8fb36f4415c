"""Reads never wait for writers: every page and every API response, from the route tables."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial

import pytest
from flask import Flask
from sqlalchemy import text, update
from werkzeug.test import TestResponse

from messaging_app.api.answers import BASE
from messaging_app.api.endpoints import ENDPOINTS
from messaging_app.db import engine as database
from messaging_app.db.engine import now, writing
from messaging_app.db.types import Base
from messaging_app.extensions import db
from messaging_app.models import ApiToken, SignInSession
from tests.api.conftest import Api
from tests.files.makers import image
from tests.rules.routes import is_export, role_routes

PATIENCE = (
    20_000  # milliseconds that a writer waits for another one: nobody reads this slowly, however busy the machine
)
PEOPLE = {"admin": "ada", "store": "sam", "storefront": "cleo"}


@contextmanager
def everything_locked(app: Flask) -> Iterator[None]:
    """Another writer holds SQLite's single lock, or on PostgreSQL the lock of every row."""
    with app.app_context():
        engine = db.engine
    sqlite = engine.dialect.name == "sqlite"
    with engine.connect().execution_options(**database.WRITING[engine.dialect.name]) as other:
        for table in Base.metadata.sorted_tables:
            other.execute(text(f"SELECT 1 FROM {table.name}" + ("" if sqlite else " FOR UPDATE")))
        yield
        other.rollback()


def reads(api: Api, numbers: dict[str, int], files: dict[str, int]) -> dict[str, Callable[[], TestResponse]]:
    """How to ask for everything there is, by its address."""
    found: dict[str, Callable[[], TestResponse]] = {}
    browsers = {role: api.signed_in(name) for role, name in PEOPLE.items()}
    for route in role_routes(api.app):
        if route.method == "GET" and not is_export(route):
            path = route.path(numbers[route.role], files[route.role])
            path += f"?ids={numbers[route.role]}&action=assign" if path.endswith("/bulk") else ""
            found[path] = partial(browsers[route.role].client.get, path)
    for endpoint in ENDPOINTS:
        for role in endpoint.roles if endpoint.method == "GET" else ():
            context = {"store": "bakery", "kind": "order", "reference": "4711"}
            path = endpoint.path.format(id=numbers[role.name], att_id=files[role.name], **context)
            found[f"{BASE}/{role.name}{path}"] = partial(api.get, PEOPLE[role.name], f"{BASE}/{role.name}{path}")
    return found | {path: partial(api.client.get, path) for path in ("/", "/healthz", "/readyz", "/unsubscribe/x")}


def test_nothing_that_only_reads_waits_for_a_writer(
    make_app: Callable[..., Flask], database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "SQLITE_BUSY_MS", PATIENCE)
    options = database.POSTGRES_OPTIONS.replace("lock_timeout=5000", f"lock_timeout={PATIENCE}")
    monkeypatch.setattr(database, "POSTGRES_OPTIONS", options)
    api = Api(make_app(database_url))
    numbers = {"admin": api.begin("ada", "bakery"), "store": api.begin("sam", "cleo")}
    numbers["storefront"] = numbers["store"]
    files = {}
    for role, name in PEOPLE.items():
        data = {"content": "x", "attachments": (io.BytesIO(image("PNG")), "a.png")}
        sent = api.post(name, f"/{numbers[role]}/messages", data=data, content_type="multipart/form-data")
        files[role] = sent.json["attachments"][0]["id"]
    order = {"customer": {"email": "cleo@mail.example"}, "title": "A cake", "version": 1}
    assert api.put("ada", f"{BASE}/admin/contexts/bakery/order/4711", json=order).status_code == 201
    asked = reads(api, numbers, files)
    assert len(asked) > 50
    with api.app.app_context(), writing(db.session) as session:  # every use is due to be noted
        for model in (SignInSession, ApiToken):
            session.execute(update(model).values(last_used_at=now() - timedelta(hours=1)))
    with everything_locked(api.app):
        for path, ask in asked.items():
            began = time.monotonic()
            answer = ask()
            assert answer.status_code in (200, 204, 303, 404), (path, answer.status_code)
            assert time.monotonic() - began < PATIENCE / 2_000, path
            answer.close()
