"""The search index: its documents, and the queue of documents to write again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache

from sqlalchemy import Index, String, Text, bindparam
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.dialects.postgresql import Insert as PostgresqlInsert
from sqlalchemy.dialects.sqlite import Insert as SqliteInsert
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Mapped, Session, mapped_column

from messaging_app.db.query import Query
from messaging_app.db.types import Base, Id, table_of
from messaging_app.db.upsert import insert_for

ROWS_AT_ONCE = 250
Words = Text().with_variant(TSVECTOR(), "postgresql")


class SearchLine(Base):
    """A document. Its id is twice that of its message; a conversation's own is one less than its first message's.

    So documents are in the order of writing, and a conversation's own comes before those of its lines. On SQLite
    triggers keep the full-text table `search_index` in sync, under negated ids, because its rows can only be read in
    ascending order and searches need the newest first.
    """

    __tablename__ = "search_lines"
    __table_args__ = (
        Index(
            "ix_search_lines_words",
            "words",
            postgresql_using="gin",
            postgresql_with={"fastupdate": "on", "gin_pending_list_limit": "512"},
        ).ddl_if(dialect="postgresql"),
    )

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    words: Mapped[str] = mapped_column(Words)

    @staticmethod
    def write(session: Session, documents: Sequence[tuple[int, str]]) -> None:
        """Write or overwrite one or two documents, each an id with its words as the database takes them."""
        numbered = enumerate(documents)
        values = {f"{name}_{n}": part for n, row in numbered for name, part in zip(_NAMES, row, strict=True)}
        _write(session.get_bind().dialect.name, len(documents)).all(session, **values)

    @staticmethod
    def write_all(connection: Connection, documents: Iterable[tuple[int, str]]) -> None:
        """Write or overwrite any number of documents, many in one statement.

        SQLite flushes its index for each statement that fires a trigger, and for each id above the previous one: with
        single statements a document would take a hundred times as long.
        """
        rows = [{"id": number, "words": words} for number, words in sorted(documents, reverse=True)]
        for start in range(0, len(rows), ROWS_AT_ONCE):
            part = rows[start : start + ROWS_AT_ONCE]
            connection.execute(_upsert(insert_for(connection.dialect.name, table_of(SearchLine)).values(part)))


class SearchDue(Base):
    """Documents to write again: of all conversations of this store, customer or user with an id above `after`.

    Triggers on names add rows. The row `lines` is permanent: all messages up to `after` have their document.
    """

    __tablename__ = "search_due"

    kind: Mapped[str] = mapped_column(String(8), primary_key=True)
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    after: Mapped[int] = mapped_column(default=0)


def is_compared(_object: object, name: str | None, kind: str, _reflected: bool, _compared_to: object) -> bool:
    """Whether Alembic compares a table or index with the models: not those that exist in only one of the databases."""
    return not (name or "").startswith("search_index") and name != "ix_search_lines_words"


_NAMES = ("id", "words")


def _upsert(insert: SqliteInsert | PostgresqlInsert) -> SqliteInsert | PostgresqlInsert:
    return insert.on_conflict_do_update(index_elements=["id"], set_={"words": insert.excluded.words})


@cache
def _write(dialect: str, count: int) -> Query[int]:
    table, numbers = table_of(SearchLine), range(count)
    rows = [{"id": bindparam(f"id_{n}", type_=Id), "words": bindparam(f"words_{n}", type_=Words)} for n in numbers]
    return Query(_upsert(insert_for(dialect, table).values(rows)).returning(table.c.id), int)
