"""`INSERT ... ON CONFLICT`: the same on SQLite and PostgreSQL, but spelled per dialect in SQLAlchemy."""

from __future__ import annotations

from sqlalchemy import Table
from sqlalchemy.dialects.postgresql import Insert as PostgresqlInsert
from sqlalchemy.dialects.sqlite import Insert as SqliteInsert


def insert_for(dialect: str, table: Table) -> SqliteInsert | PostgresqlInsert:
    """Return an insert into `table` with `on_conflict_do_update` and `excluded`."""
    return SqliteInsert(table) if dialect == "sqlite" else PostgresqlInsert(table)
