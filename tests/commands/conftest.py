"""The commands are tested on both databases, each emptied before a test as in tests/domain."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask

from tests.commands.files import Import, importer
from tests.conftest import Kept
from tests.domain import conftest as domain

app = domain.app


@pytest.fixture(autouse=True)
def all_passwords_are_cheap(cheap_passwords: None) -> None:
    """These tests make many passwords."""


@pytest.fixture
def sqlite_app(kept_sqlite: Kept) -> Iterator[Flask]:
    """The application on SQLite only, for what is decided before the database is asked."""
    with (app := kept_sqlite.empty()).app_context():
        yield app


@pytest.fixture
def postgres_app(make_app: Callable[..., Flask], postgres_url: str) -> Iterator[Flask]:
    """The application on PostgreSQL only, for what cannot happen on SQLite, where one write waits for the other."""
    with (app := make_app(postgres_url)).app_context():
        yield app


@pytest.fixture
def bring_in(app: Flask, tmp_path: Path) -> Import:
    """Imports what it is given as a directory file."""
    return importer(tmp_path)


@pytest.fixture
def bring_in_on_sqlite(sqlite_app: Flask, tmp_path: Path) -> Import:
    """The same where the database makes no difference."""
    return importer(tmp_path)
