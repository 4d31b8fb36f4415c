"""The e-mail keys by which users and customers are found."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from sqlalchemy import Table, null, select
from sqlalchemy.engine import Connection

from messaging_app.db.types import Column, table_of
from messaging_app.directory.bulk import chunks, update_rows
from messaging_app.doctor.checks import some
from messaging_app.models import Customer, User
from messaging_app.text import email_key

USERS = table_of(User)
CUSTOMERS = table_of(Customer)
TABLES: dict[str, tuple[Table, Column]] = {"user": (USERS, null()), "customer": (CUSTOMERS, CUSTOMERS.c.store_id)}
KeyOf = Callable[[str], str]


class _Wrong(NamedTuple):
    number: int
    store_id: int | None
    key: str


def find_wrong(connection: Connection) -> str | None:
    """Every user and customer has the key of their e-mail address."""
    number, first = 0, ""
    for kind, (table, store) in TABLES.items():
        for wrong in _wrong(connection, table, store, email_key):
            number, first = number + 1, first or f"{kind} {wrong.number}"
    return f"{some(number, 'key')} wrong (first: {first})" if number else None


def put_right(connection: Connection, key_of: KeyOf = email_key) -> None:
    """Rewrite the keys. If two share an address, the one who already has its key keeps it, otherwise the older one.

    The other gets a key that cannot be typed, and is reported until the directory gives them another address.
    """
    for table, store in TABLES.values():
        wrong = sorted(_wrong(connection, table, store, key_of))
        aside = [{"id": row.number, "email_key": f"\x1f{row.number}"} for row in wrong]
        update_rows(connection, table, aside, "id")  # first move them aside: keys may pass from one row to another
        taken = _taken(connection, table, store, [row.key for row in wrong])
        right = []
        for row in wrong:
            if (row.store_id, row.key) not in taken:
                taken.add((row.store_id, row.key))
                right.append({"id": row.number, "email_key": row.key})
        update_rows(connection, table, right, "id")


def _wrong(connection: Connection, table: Table, store: Column, key_of: KeyOf) -> Iterator[_Wrong]:
    """Yield rows with a wrong key. Names its columns, because migrations call it on tables that lack later ones."""
    query = select(table.c.id, store, table.c.email, table.c.email_key)
    for number, store_id, email, stored in connection.execute(query.execution_options(yield_per=1000)):
        if (key := key_of(email)) != stored:
            yield _Wrong(number, store_id, key)


def _taken(connection: Connection, table: Table, store: Column, keys: Sequence[str]) -> set[tuple[int | None, str]]:
    found: set[tuple[int | None, str]] = set()
    for part in chunks(keys):
        rows = connection.execute(select(store, table.c.email_key).where(table.c.email_key.in_(part)))
        found.update((store_id, key) for store_id, key in rows)
    return found
