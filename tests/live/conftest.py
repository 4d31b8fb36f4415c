"""The two set-ups in which everything live must hold: embedded (threads, SQLite) and scaled (gevent, PostgreSQL, Redis)."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.live.installation import Installation


@pytest.fixture(params=["embedded", pytest.param("scaled", marks=pytest.mark.postgres)])
def install(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[..., Installation]]:
    """Makes a running installation with the cast in its database; its argument are settings."""
    made: list[Installation] = []

    def make(**settings: Any) -> Installation:
        if request.param == "scaled":
            redis = settings.pop("redis", None) or request.getfixturevalue("redis_url")
            made.append(Installation(tmp_path, request.getfixturevalue("postgres_url"), redis, **settings))
        else:
            settings.pop("redis", None)
            shutil.copy(request.getfixturevalue("migrated_sqlite"), tmp_path / "messaging.db")
            made.append(Installation(tmp_path, f"sqlite:///{tmp_path / 'messaging.db'}", None, **settings))
        return made[-1].start()

    yield make
    for installation in made:
        installation.stop()
