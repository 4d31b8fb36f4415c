"""A web with the four conversations for each test of this folder that asks for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Web
from tests.world import four_conversations, kept_web


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
