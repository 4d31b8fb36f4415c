"""The rules are read off one application that no test changes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Browser, Web
from tests.world import kept_web


@pytest.fixture(scope="module")
def world(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Web, dict[str, int]]]:
    """The web and the numbers of the four conversations."""
    with kept_web(migrated_sqlite, tmp_path_factory.mktemp("rules")) as kept:
        yield kept


@pytest.fixture(scope="module")
def browsers(world: tuple[Web, dict[str, int]]) -> dict[str, Browser]:
    """A signed-in client for each role: Ada, Sam and Cleo."""
    web, _ = world
    return {role: web.signed_in(name) for role, name in (("admin", "ada"), ("store", "sam"), ("storefront", "cleo"))}
