"""Writes many rows in few statements."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

from sqlalchemy import Table, bindparam, insert, select, update
from sqlalchemy.engine import Connection

from messaging_app.db.types import AnyRow, Column, Fields

Item = TypeVar("Item")
KEYS_AT_ONCE = 500
ROWS_AT_ONCE = 5_000


def chunks(items: Sequence[Item], size: int = KEYS_AT_ONCE) -> Iterator[Sequence[Item]]:
    """Yield slices of `items` of at most `size`."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def rows_by(connection: Connection, table: Table, column: str, keys: Sequence[str]) -> dict[str, AnyRow]:
    """Return the rows of `table` whose `column` is one of `keys`, keyed by it."""
    found: dict[str, AnyRow] = {}
    for part in chunks(keys):
        for row in connection.execute(select(table).where(table.c[column].in_(part))):
            found[getattr(row, column)] = row
    return found


def insert_rows(connection: Connection, table: Table, rows: Sequence[Fields]) -> None:
    """Insert rows, all with the same columns."""
    for part in chunks(rows, ROWS_AT_ONCE):
        connection.execute(insert(table), part)


def insert_returning(
    connection: Connection, table: Table, rows: Sequence[Fields], *columns: Column
) -> Iterator[AnyRow]:
    """Insert rows and yield `columns` of each, in no particular order."""
    for part in chunks(rows, ROWS_AT_ONCE):
        yield from connection.execute(insert(table).returning(*columns), part)


def update_rows(connection: Connection, table: Table, rows: Sequence[Fields], *keys: str) -> None:
    """Update rows, all with the same columns, found by their columns `keys`."""
    if not rows:
        return
    statement = update(table).values({name: bindparam(f"to_{name}") for name in rows[0] if name not in keys})
    for key in keys:
        statement = statement.where(table.c[key] == bindparam(f"at_{key}"))
    named = {name: f"at_{name}" if name in keys else f"to_{name}" for name in rows[0]}
    for part in chunks(rows, ROWS_AT_ONCE):
        connection.execute(statement, [{named[name]: value for name, value in row.items()} for row in part])
