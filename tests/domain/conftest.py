"""The domain is tested on both databases. One application for each serves all these tests, emptied before each of them:
a new PostgreSQL database for every test would cost more than the tests themselves."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import Engine, text

from messaging_app import create_app
from messaging_app.extensions import db
from tests.conftest import SECRET
from tests.services import Postgres


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def kept_app(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    folder = tmp_path_factory.mktemp("domain")
    if request.param == "sqlite":
        template: Path = request.getfixturevalue("migrated_sqlite")
        url = f"sqlite:///{shutil.copy(template, folder / 'messaging.db')}"
    else:
        postgres: Postgres = request.getfixturevalue("postgres")
        name = postgres.create_database(template=postgres.migrated())
        url = postgres.url(name)
    app = create_app(database_url=url, secret_key=SECRET, rate_limits="off", instance=str(folder))
    yield app
    with app.app_context():
        db.engine.dispose()
    if request.param == "postgres":
        postgres.drop_database(name)


@pytest.fixture
def app(kept_app: Flask) -> Iterator[Flask]:
    """The application with an empty database, inside its context."""
    with kept_app.app_context():
        empty(db.engine)
        yield kept_app


def empty(engine: Engine) -> None:
    """Remove every row and number anew from 1."""
    with engine.begin() as connection:
        for table in reversed(db.metadata.sorted_tables):
            connection.execute(table.delete())
        if engine.dialect.name == "postgresql":
            query = "SELECT setval(format('%I', sequencename)::regclass, 1, false) FROM pg_sequences WHERE schemaname = 'public'"
            connection.execute(text(query)).all()
