"""A web with the four conversations for each test of this folder that asks for it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask

from messaging_app.extensions import db
from tests.conftest import Kept, Web, empty, new_app
from tests.services import Postgres
from tests.world import four_conversations, kept_web


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def either_web(request: pytest.FixtureRequest, kept_sqlite: Kept) -> Web:
    """The application with its cast on SQLite and on PostgreSQL, where a page's statements differ."""
    if request.param == "sqlite":
        return Web(*kept_sqlite.with_cast())
    app: Flask = request.getfixturevalue("kept_postgres")
    with app.app_context():
        empty(db.engine)
    return Web(app)


@pytest.fixture
def numbers(web: Web) -> dict[str, int]:
    """The four conversations, by name, in the web of this test."""
    with web.app.app_context():
        return four_conversations(web.cast)


@pytest.fixture(scope="module")
def world(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Web, dict[str, int]]]:
    """A web with the four conversations that the tests of a module share."""
    with kept_web(migrated_sqlite, tmp_path_factory.mktemp("web")) as kept:
        yield kept


@pytest.fixture(scope="module")
def webs(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Web]]:
    """A web by the name of its database, each made at its first use and kept for the module."""
    made: dict[str, Web] = {}

    def of(database: str) -> Web:
        if database not in made:
            folder = tmp_path_factory.mktemp(database)
            if database == "sqlite":
                url = f"sqlite:///{shutil.copy(request.getfixturevalue('migrated_sqlite'), folder / 'messaging.db')}"
            else:
                server: Postgres = request.getfixturevalue("postgres")
                url = server.url(server.create_database(template=server.migrated()))
            app = new_app(url, folder)
            made[database] = Web(app)
        return made[database]

    yield of
    for web in made.values():
        web.engine.dispose()
