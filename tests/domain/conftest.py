"""The domain is tested on both databases. One application for each serves all these tests, emptied before each of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask

from messaging_app.db.query import Query
from messaging_app.extensions import db
from tests.cast import Cast
from tests.conftest import Kept, empty
from tests.domain.conversations import begin


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def app(request: pytest.FixtureRequest, kept_sqlite: Kept) -> Iterator[Flask]:
    """The application with an empty database, inside its context."""
    if request.param == "sqlite":
        with (app := kept_sqlite.empty()).app_context():
            yield app
    else:
        with (app := request.getfixturevalue("kept_postgres")).app_context():
            empty(db.engine)
            yield app


@pytest.fixture(autouse=True, params=["driver", pytest.param("session", marks=pytest.mark.long)])
def way_of_queries(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The queries of every request, run by the driver as they are, or by SQLAlchemy's session."""
    monkeypatch.setattr(Query, "through_session", request.param == "session")


@pytest.fixture
def all_kinds(cast_of: Cast) -> dict[str, int]:
    """One conversation for each relation that there is."""
    return {
        "bakery-cleo": begin(cast_of.sam, cast_of.cleo),
        "cycles-jun": begin(cast_of.tomas, cast_of.jun),
        "admin-bakery": begin(cast_of.ada, cast_of.bakery),
        "admin-cleo": begin(cast_of.ada, cast_of.cleo),
    }
