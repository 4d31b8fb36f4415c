"""Columns derived from names (sort names and search words), and platform settings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from sqlalchemy import Select, Table, delete, select
from sqlalchemy.engine import Connection

from messaging_app.db.types import table_of
from messaging_app.directory import terms
from messaging_app.directory.bulk import chunks, update_rows
from messaging_app.doctor.checks import some
from messaging_app.models import Customer, PlatformSetting, RecipientTerm, Store
from messaging_app.services.settings import SETTINGS

TABLES = {"store": table_of(Store), "customer": table_of(Customer)}
# By name, because migrations call this on tables that lack later columns.
COLUMNS = {
    kind: tuple(table.c[name] for name in ("id", "name", "sort_name", *more))
    for (kind, table), more in zip(TABLES.items(), [("code",), ("store_id", "email", "external_id")], strict=True)
}
AT_ONCE = 5_000


class _Wrong(NamedTuple):
    kind: str
    number: int
    store_id: int
    sort_name: str
    words: set[str]


def _out_of_step(connection: Connection) -> Iterator[_Wrong]:
    """Yield every recipient whose stored values differ, with the right ones."""
    for kind, table in TABLES.items():
        last = 0
        while rows := connection.execute(
            select(*COLUMNS[kind]).where(table.c.id > last).order_by(table.c.id).limit(AT_ONCE)
        ).all():
            stored = _stored(connection, kind, last, rows[-1].id)
            last = rows[-1].id
            for row in rows:
                if kind == "store":
                    store_id, words = row.id, terms.words_of_store(row.name, row.code)
                else:
                    store_id = row.store_id
                    words = terms.words_of_customer(row.name, row.email, row.external_id)
                sort_name = terms.sort_name(row.name)
                if row.sort_name != sort_name or stored.get(row.id, set()) != {(store_id, word) for word in words}:
                    yield _Wrong(kind, row.id, store_id, sort_name, words)


def _stored(connection: Connection, kind: str, after: int, up_to: int) -> dict[int, set[tuple[int, str]]]:
    term = RecipientTerm
    query = select(term.recipient_id, term.store_id, term.term).where(
        term.recipient_type == kind, term.recipient_id > after, term.recipient_id <= up_to
    )
    found: dict[int, set[tuple[int, str]]] = {}
    for number, store_id, word in connection.execute(query):
        found.setdefault(number, set()).add((store_id, word))
    return found


def find_out_of_step(connection: Connection) -> str | None:
    """Sort names and search words match the names, and no word belongs to a missing recipient."""
    number, first = 0, ""
    for wrong in _out_of_step(connection):
        number, first = number + 1, first or f"{wrong.kind} {wrong.number}"
    for kind, table in TABLES.items():
        for stray in connection.scalars(_strays(kind, table)):
            number, first = number + 1, first or f"{kind} {stray}, which is not there"
    return f"{some(number, 'recipient')} out of step (first: {first})" if number else None


def bring_in_step(connection: Connection) -> None:
    """Rewrite them."""
    for kind, table in TABLES.items():
        _forget(connection, kind, connection.scalars(_strays(kind, table)).all())
    wrong = list(_out_of_step(connection))
    for kind, table in TABLES.items():
        of_kind = [one for one in wrong if one.kind == kind]
        update_rows(connection, table, [{"id": one.number, "sort_name": one.sort_name} for one in of_kind], "id")
        _forget(connection, kind, [one.number for one in of_kind])
        terms.add_words(connection, kind, {one.number: (one.store_id, one.words) for one in of_kind})


def find_nonsense(connection: Connection) -> str | None:
    """Every stored platform setting is valid; otherwise its default is in force."""
    nonsense = sorted(_nonsense(connection))
    if not nonsense:
        return None
    key = nonsense[0]
    detail = f"{key}, so {str(SETTINGS[key].default).lower()} is in force"
    return f"{some(len(nonsense), 'setting')} cannot be read (first: {detail})"


def drop_nonsense(connection: Connection) -> None:
    """Delete invalid settings, so that the default is in force visibly."""
    connection.execute(delete(PlatformSetting).where(PlatformSetting.key.in_(_nonsense(connection))))


def _nonsense(connection: Connection) -> list[str]:
    found = []
    for key, value in connection.execute(select(PlatformSetting.key, PlatformSetting.value)):
        try:
            if key in SETTINGS:
                SETTINGS[key].parse(value)
        except ValueError:
            found.append(key)
    return found


def _strays(kind: str, table: Table) -> Select[int]:
    term = RecipientTerm
    there = select(table.c.id).where(table.c.id == term.recipient_id).exists()
    return select(term.recipient_id).where(term.recipient_type == kind, ~there).distinct().order_by(term.recipient_id)


def _forget(connection: Connection, kind: str, numbers: Sequence[int]) -> None:
    term = RecipientTerm
    for part in chunks(numbers):
        connection.execute(delete(term).where(term.recipient_type == kind, term.recipient_id.in_(part)))
