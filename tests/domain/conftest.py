"""The domain is tested on both databases. One application for each serves all these tests, emptied before each of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask

from messaging_app import create_app
from messaging_app.extensions import db
from tests.cast import Cast
from tests.conftest import SECRET, empty
from tests.domain.conversations import begin


@pytest.fixture(scope="module")
def kept_app(kept_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    folder = tmp_path_factory.mktemp("domain")
    app = create_app(database_url=kept_database_url, secret_key=SECRET, rate_limits="off", instance=str(folder))
    yield app
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def app(kept_app: Flask) -> Iterator[Flask]:
    """The application with an empty database, inside its context."""
    with kept_app.app_context():
        empty(db.engine)
        yield kept_app


@pytest.fixture
def all_kinds(cast_of: Cast) -> dict[str, int]:
    """One conversation for each relation that there is."""
    return {
        "bakery-cleo": begin(cast_of.sam, cast_of.cleo),
        "cycles-jun": begin(cast_of.tomas, cast_of.jun),
        "admin-bakery": begin(cast_of.ada, cast_of.bakery),
        "admin-cleo": begin(cast_of.ada, cast_of.cleo),
    }
