"""What a check is, and the queries that most checks share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from sqlalchemy import func, select
from sqlalchemy.engine import Connection

from messaging_app.db.types import AnyRow, Columns

Query: TypeAlias = Columns


@dataclass(frozen=True, slots=True)
class Check:
    """One invariant.

    `find` returns None if it holds, otherwise what is broken, as the end of a line. `repair` fixes it in the caller's
    write transaction; None if the right value cannot be derived.
    """

    name: str
    find: Callable[[Connection], str | None]
    repair: Callable[[Connection], None] | None = None


def first_of(connection: Connection, broken: Query) -> tuple[AnyRow, int] | None:
    """Return the first row of a query for broken rows, in column order, and their number. None if there are none."""
    rows = broken.subquery()
    query = select(rows, func.count().over().label("how_many")).order_by(*rows.c).limit(1)
    row = connection.execute(query).one_or_none()
    return None if row is None else (row, row.how_many)


def some(number: int, noun: str) -> str:
    """Return `number` with its noun: "1 seat", "3 seats"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
