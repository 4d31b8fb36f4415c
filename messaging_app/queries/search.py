"""The statements of search: the content of documents, and the documents that match a query."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import NamedTuple
from typing import cast as cast_type

from sqlalchemy import (
    ColumnElement,
    String,
    Text,
    and_,
    bindparam,
    case,
    cast,
    column,
    exists,
    func,
    literal_column,
    null,
    select,
    text,
)
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Session

from messaging_app.actors import Actor, ActorType
from messaging_app.db.query import Query
from messaging_app.db.types import AnyRow, Column, Columns, Id
from messaging_app.models import (
    Conversation,
    ConversationParticipant,
    ConversationStatus,
    Customer,
    Message,
    MessageAttachment,
    MessageKind,
    Store,
    User,
)
from messaging_app.models.scope import word
from messaging_app.queries.inbox import own_seat
from messaging_app.queries.words import having_words
from messaging_app.search.asking import Clause
from messaging_app.search.documents import BLOCK_BITS, About, Line

Seat = ConversationParticipant
SLICE = 1 << (BLOCK_BITS - 4)  # how far below the newest document a search looks first
LINE: tuple[Column, ...] = (
    Message.id,
    Message.conversation_id,
    Message.sender_name,
    Message.content,
    Message.created_at,
)


def about_columns(dialect: str, *, writers: Column | None = None) -> tuple[Column, ...]:
    """Return the columns of `About`; see `joined`. `writers` replaces the subquery that runs for every row."""
    return (
        Conversation.id,
        Conversation.conversation_type,
        Conversation.store_id,
        Conversation.customer_id,
        Conversation.subject,
        Store.name.label("store_name"),
        Store.code,
        Customer.name.label("customer_name"),
        Customer.email,
        Conversation.context,
        _writers(dialect) if writers is None else writers,
    )


def filenames(dialect: str) -> Column:
    """Return a JSON column with the names of a message's files in the order sent, without removed ones; null if none."""
    file = MessageAttachment
    gather = func.json_group_array if dialect == "sqlite" else func.json_agg
    names = select(cast(gather(file.filename), Text)).where(file.message_id == Message.id, file.removed_at.is_(None))
    return case(
        (Message.attachment_count > literal_column("0"), names.correlate(Message).scalar_subquery()), else_=null()
    )


def _writers(dialect: str) -> Column:
    """Return a JSON column with the users who have written in a conversation."""
    build, gather = (
        (func.json_array, func.json_group_array) if dialect == "sqlite" else (func.json_build_array, func.json_agg)
    )
    wrote = and_(
        Seat.conversation_id == Conversation.id,
        Seat.has_written,
        Seat.participant_type != word(ActorType.CUSTOMER),
        User.id == Seat.participant_id,
    )
    entries = cast(gather(build(Seat.participant_type, User.name, User.email)), Text)
    return select(entries).where(wrote).correlate(Conversation).scalar_subquery()


def joined(query: Columns) -> Columns:
    """Join store and customer to a query on conversations."""
    return query.join(Store, Store.id == Conversation.store_id).outerjoin(
        Customer, Customer.id == Conversation.customer_id
    )


def abouts(connection: Connection, *conditions: Column, lock: bool = False) -> list[tuple[int, About]]:
    """Return the conversations that meet `conditions`, each with the id of its first message; `lock` locks the rows."""
    dialect = connection.dialect.name
    query = joined(select(Message.id, *about_columns(dialect)).select_from(Conversation)).join(
        Message, and_(Message.conversation_id == Conversation.id, Message.seq == literal_column("1"))
    )
    query = query.where(*conditions).order_by(Conversation.id)
    found = connection.execute(query.with_for_update(key_share=True, of=Conversation) if lock else query)
    return [(first, About(*row)) for first, *row in found]


def lines(connection: Connection, *conditions: Column) -> list[tuple[Line, About]]:
    """Return the messages that meet `conditions`, each with its conversation."""
    dialect = connection.dialect.name
    columns = (*LINE, filenames(dialect), *about_columns(dialect))
    query = joined(select(*columns).select_from(Message).join(Conversation, Conversation.id == Message.conversation_id))
    found = connection.execute(query.where(Message.kind == word(MessageKind.MESSAGE), *conditions))
    size = len(Line._fields)
    return [(Line(*row[:size]), About(*row[size:])) for row in found]


class Candidate(NamedTuple):
    """A document that the index returned. Everything but its id is None if the actor cannot see its conversation.

    The columns of `Line` (`LINE` and the file names) and of `About` (`about_columns`) follow.
    """

    document_id: int
    seq: int
    columns: AnyRow

    @property
    def is_seen(self) -> bool:
        """Whether the actor sees its conversation."""
        return self.columns[len(Line._fields)] is not None

    @property
    def conversation_id(self) -> int:
        """The id of its conversation."""
        return self.line.conversation_id

    @property
    def line(self) -> Line:
        """Return its message. For a conversation's own document that is the first message."""
        return Line(*self.columns[: len(Line._fields)])

    @property
    def about(self) -> About:
        """Return its conversation."""
        return About(*self.columns[len(Line._fields) :])


# One block at a time, newest first, until there are enough hits. SQLite returns a block's in the order of the index (see
# `models.SearchLine`). PostgreSQL has to fetch and sort all of a block, so it tries a slice of the newest first, by both
# indexes: enough for a frequent word.
_PLACES = {
    "sqlite": """
        WITH RECURSIVE blocks(block) AS (
            SELECT (SELECT max(id) FROM search_lines WHERE id < :below) >> BITS
            UNION ALL
            SELECT (SELECT max(id) FROM search_lines WHERE id < (block << BITS)) >> BITS FROM blocks
            WHERE block > :above >> BITS
        )
        SELECT -found.rowid AS id FROM (SELECT block FROM blocks WHERE block IS NOT NULL) AS of_block
        CROSS JOIN search_index AS found WHERE found.search_index MATCH replace(:asked, '{}', of_block.block)
        AND found.rowid > -:below AND found.rowid < -:above LIMIT :most""",
    "postgresql": """
        WITH RECURSIVE parts(low, high, slice) AS (
            SELECT greatest(high >> BITS << BITS, high - SLICE), high, high - SLICE
            FROM (SELECT max(id) AS high FROM search_lines WHERE id < :below) AS newest
            UNION ALL
            SELECT greatest(next.high >> BITS << BITS, CASE WHEN next.high > slice THEN slice END), next.high, slice
            FROM parts CROSS JOIN LATERAL (SELECT max(id) AS high FROM search_lines WHERE id < parts.low) AS next
            WHERE parts.low > :above
        )
        SELECT found.id FROM (
            SELECT low, high, high > slice AS in_slice,
                CAST(replace(:asked, '{}', CAST(high >> BITS AS text)) AS tsquery) AS asked
            FROM parts WHERE high IS NOT NULL
        ) AS part
        CROSS JOIN LATERAL (
            SELECT of_part.id FROM (
                SELECT id FROM search_lines WHERE in_slice AND words @@ asked AND id BETWEEN low AND high
                UNION ALL
                SELECT id FROM search_lines WHERE NOT in_slice AND words @@ asked OFFSET 0
            ) AS of_part
            WHERE of_part.id BETWEEN low AND high AND of_part.id > :above ORDER BY of_part.id DESC LIMIT :most
        ) AS found LIMIT :most""",
}


@cache
def candidates(
    dialect: str, actor_type: ActorType, sees_all: bool, states: frozenset[str] = frozenset()
) -> Query[Candidate]:
    """Build the query of the newest `most` documents between `above` and `below` that match parameter `asked`.

    Conversations that are not in all of `states` (see `asking.STATES`) are treated as not visible.
    """
    numbers = [bindparam(name, type_=Id) for name in ("below", "above", "most")]
    written = _PLACES[dialect].replace("BITS", str(BLOCK_BITS)).replace("SLICE", str(SLICE))
    places = text(written).bindparams(*numbers, bindparam("asked", type_=String())).columns(column("id", Id))
    place = places.subquery("places")
    wanted = (_is_in(state, actor_type) for state in sorted(states))
    seen = and_(Conversation.id == Message.conversation_id, Conversation.seen_by(actor_type, sees_all), *wanted)
    of_head = case((place.c.id % literal_column("2", Id) == literal_column("1"), _writers(dialect)))
    about = about_columns(dialect, writers=of_head)  # only a conversation's own document holds who wrote in it
    query = (
        select(place.c.id, Message.seq, *LINE, filenames(dialect), *about)
        .select_from(place)
        .outerjoin(Message, Message.id == (place.c.id + literal_column("1", Id)) // literal_column("2", Id))
        .outerjoin(Conversation, seen)
        .outerjoin(Store, Store.id == Conversation.store_id)
        .outerjoin(Customer, Customer.id == Conversation.customer_id)
        .order_by(place.c.id.desc())
    )
    return Query(query, lambda document_id, seq, *columns: Candidate(document_id, seq, cast_type(AnyRow, columns)))


def _is_in(state: str, actor_type: ActorType) -> ColumnElement[bool]:
    """Return the condition that a conversation is in a state for an actor. Raises `ValueError` for customers' `waiting`."""
    if state == "unread":
        return exists().where(own_seat(actor_type), Seat.unread_count > literal_column("0")).correlate(Conversation)
    if state == "waiting" and (side := Conversation.side(actor_type)):
        return side.waits_for_us()
    return Conversation.status == word(ConversationStatus(state))


def stores_named(session: Session, actor: Actor, words: Sequence[str], limit: int) -> list[int]:
    """Return the ids of stores within reach of `actor` in whose name or code each of `words` begins a word."""
    query = (
        select(Store.id).where(*having_words("store", list(words), Store.id.expression)).order_by(Store.id).limit(limit)
    )
    if actor.type != ActorType.ADMIN:
        query = query.where(Store.id == actor.store_id)
    return list(session.scalars(query))


def rendered(dialect: str, scope: str, clauses: Iterable[Clause], but: Clause = ()) -> str:
    """Return the index query, with `{}` for the block: any key of each clause, and none of `but`."""
    if dialect == "sqlite":
        key, beginning, either, both, without = '"{}.{{}}:{}"', " *", " OR ", " AND ", "({}) NOT ({})"
    else:
        key, beginning, either, both, without = "'{}.{{}}:{}'", ":*", " | ", " & ", "({}) & !({})"

    def any_of(clause: Clause) -> str:
        return either.join(key.format(scope, word.text) + beginning * word.is_beginning for word in clause)

    asked = both.join(f"({any_of(clause)})" for clause in clauses)
    return without.format(asked, any_of(but)) if but else asked
