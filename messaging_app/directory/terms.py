"""How recipient search finds stores and customers: sort names and the words in `recipient_terms`."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from sqlalchemy import bindparam, delete, select
from sqlalchemy.engine import Connection

from messaging_app.db.types import Fields, table_of
from messaging_app.directory.bulk import chunks, insert_rows
from messaging_app.models import RecipientTerm
from messaging_app.text import search_key

SORT_NAME_MAX = 255
Words = dict[int, tuple[int, set[str]]]  # recipient -> its store and its words
TERMS = table_of(RecipientTerm)


def sort_name(name: str) -> str:
    """Return `name` as a sort key. Folding can make it longer; the part beyond the column's length is cut."""
    return search_key(name)[:SORT_NAME_MAX]


def words_of_store(name: str, code: str) -> set[str]:
    """Return the words that find a store."""
    return RecipientTerm.words(name, code)


def words_of_customer(name: str, email: str, external_id: str | None) -> set[str]:
    """Return the words that find a customer."""
    return RecipientTerm.words(name, email, external_id or "")


def stored_words(connection: Connection, kind: str, ids: Collection[int]) -> Words:
    """Return the words in `recipient_terms` for these recipients."""
    found: Words = {}
    for part in chunks(list(ids)):
        columns = (TERMS.c.recipient_id, TERMS.c.store_id, TERMS.c.term)
        query = select(*columns).where(TERMS.c.recipient_type == kind, TERMS.c.recipient_id.in_(part))
        for recipient_id, store_id, term in connection.execute(query):
            found.setdefault(recipient_id, (store_id, set()))[1].add(term)
    return found


def add_words(connection: Connection, kind: str, wanted: Words) -> None:
    """Write the words of recipients that have none yet."""
    _insert(connection, kind, ((number, store, term) for number, (store, words) in wanted.items() for term in words))


def change_words(connection: Connection, kind: str, wanted: Words) -> None:
    """Update the words of existing recipients. Writes only the difference."""
    stored = stored_words(connection, kind, wanted.keys())
    missing: list[tuple[int, int, str]] = []
    spare: list[Fields] = []
    for number, (store, words) in wanted.items():
        had = stored.get(number, (store, set()))[1]
        missing.extend((number, store, term) for term in words - had)
        spare.extend({"number": number, "word": term} for term in had - words)
    if spare:
        of_kind = delete(TERMS).where(TERMS.c.recipient_type == kind)
        gone = of_kind.where(TERMS.c.recipient_id == bindparam("number"), TERMS.c.term == bindparam("word"))
        connection.execute(gone, spare)
    _insert(connection, kind, missing)


def _insert(connection: Connection, kind: str, terms: Iterable[tuple[int, int, str]]) -> None:
    rows: list[Fields] = [
        {"recipient_type": kind, "recipient_id": number, "term": term, "store_id": store}
        for number, store, term in terms
    ]
    insert_rows(connection, TERMS, rows)
