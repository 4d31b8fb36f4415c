"""The two set-ups in which everything live must hold: embedded (threads, SQLite) and scaled (gevent, PostgreSQL, Redis)."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.live.installation import Installation
from tests.services import Postgres

SET_UPS = ["embedded", pytest.param("scaled", marks=pytest.mark.postgres)]
# For tests of half a minute: bin/test runs them in one set-up, bin/test --all in both.
IN_BOTH_AT_LENGTH = ["embedded", pytest.param("scaled", marks=[pytest.mark.postgres, pytest.mark.long])]


@pytest.fixture(params=SET_UPS)
def install(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[..., Installation]]:
    """Makes a running installation with the cast in its database; its argument are settings."""
    made: list[Installation] = []

    def make(**settings: Any) -> Installation:
        redis = settings.pop("redis", None)
        if request.param == "scaled":
            redis = redis or request.getfixturevalue("redis_url")
            made.append(Installation(tmp_path, request.getfixturevalue("postgres_url"), redis, **settings))
        else:
            made.append(_embedded(request, tmp_path, **settings))
        return made[-1].start()

    yield make
    for installation in made:
        installation.stop()


@pytest.fixture(scope="module", params=SET_UPS)
def kept(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """An installation for the tests of a module that neither stop nor disturb it."""
    folder = tmp_path_factory.mktemp("live")
    if request.param == "scaled":
        server: Postgres = request.getfixturevalue("postgres")
        database = server.url(server.create_database(template=server.migrated()))
        installation = Installation(folder, database, request.getfixturevalue("redis_server"))
    else:
        installation = _embedded(request, folder)
    yield installation.start()
    installation.stop()


def _embedded(request: pytest.FixtureRequest, folder: Path, **settings: Any) -> Installation:
    shutil.copy(request.getfixturevalue("migrated_sqlite"), folder / "messaging.db")
    return Installation(folder, f"sqlite:///{folder / 'messaging.db'}", None, **settings)
