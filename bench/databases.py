"""Databases to measure on: a PostgreSQL that keeps its promises (fsync on) and an SQLite file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.services import Postgres, migrate


class DurablePostgres(Postgres):
    """As in production: every commit reaches the disk before it is answered, autovacuum runs."""

    SETTINGS = (
        "fsync=on",
        "synchronous_commit=on",
        "full_page_writes=on",
        "listen_addresses=",
        "shared_buffers=1GB",
        "effective_cache_size=4GB",
        "max_wal_size=4GB",
        "checkpoint_timeout=15min",
        "random_page_cost=1.1",
        "max_connections=100",
        "timezone=UTC",
    )


@contextmanager
def running(kind: str, folder: Path) -> Iterator[Databases]:
    """A database server, `postgresql` or `sqlite`. Its databases are deleted with it."""
    if kind == "sqlite":
        yield Databases(kind, folder, None)
        return
    server = DurablePostgres()
    try:
        yield Databases(kind, folder, server)
    finally:
        server.stop()


class Databases:
    """Makes migrated databases, one a size."""

    def __init__(self, kind: str, folder: Path, server: Postgres | None) -> None:
        self.kind = kind
        self.folder = folder
        self.server = server
        self.template: Path | None = None

    def make(self, name: str) -> str:
        """The URL of a migrated, empty database."""
        if self.server is None:
            path = self.folder / f"{name}.db"
            migrate(f"sqlite:///{path}")
            return f"sqlite:///{path}"
        self.server.execute(f"CREATE DATABASE bench_{name} TEMPLATE {self.server.migrated()}")
        return self.server.url(f"bench_{name}")

    def drop(self, name: str) -> None:
        """Remove it again."""
        if self.server is None:
            (self.folder / f"{name}.db").unlink(missing_ok=True)
        else:
            self.server.drop_database(f"bench_{name}")

    @property
    def pid(self) -> int | None:
        """The server's first process; None where there is no server."""
        return self.server.process.pid if self.server and self.server.process else None
