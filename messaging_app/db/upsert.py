"""`INSERT ... ON CONFLICT`, which SQLite and PostgreSQL understand alike and SQLAlchemy spells by dialect."""

from __future__ import annotations

from sqlalchemy import Table
from sqlalchemy.dialects.postgresql import Insert as PostgresqlInsert
from sqlalchemy.dialects.sqlite import Insert as SqliteInsert


def insert_for(dialect: str, table: Table) -> SqliteInsert | PostgresqlInsert:
    """An insert into `table` that has `on_conflict_do_update` and `excluded`."""
    return SqliteInsert(table) if dialect == "sqlite" else PostgresqlInsert(table)
