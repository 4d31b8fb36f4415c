"""The statements of search: what a document is made of, and which documents hold what was asked for."""

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
LINE: tuple[Column, ...] = (
    Message.id,
    Message.conversation_id,
    Message.sender_name,
    Message.content,
    Message.created_at,
)


def about_columns(dialect: str, *, writers: Column | None = None) -> tuple[Column, ...]:
    """The columns of `About`; see `joined`. `writers` in place of what is looked up for every row."""
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
    """The names of a message's files that were not removed, as JSON in the order sent; null where there are none."""
    file = MessageAttachment
    gather = func.json_group_array if dialect == "sqlite" else func.json_agg
    names = select(cast(gather(file.filename), Text)).where(file.message_id == Message.id, file.removed_at.is_(None))
    return case(
        (Message.attachment_count > literal_column("0"), names.correlate(Message).scalar_subquery()), else_=null()
    )


def _writers(dialect: str) -> Column:
    """The users who have written in a conversation, as JSON."""
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
    """Join store and customer to a query from conversations."""
    return query.join(Store, Store.id == Conversation.store_id).outerjoin(
        Customer, Customer.id == Conversation.customer_id
    )


def abouts(connection: Connection, *conditions: Column, lock: bool = False) -> list[tuple[int, About]]:
    """Return conversations that match, each with the id of its first message. `lock` holds them still."""
    dialect = connection.dialect.name
    query = joined(select(Message.id, *about_columns(dialect)).select_from(Conversation)).join(
        Message, and_(Message.conversation_id == Conversation.id, Message.seq == literal_column("1"))
    )
    query = query.where(*conditions).order_by(Conversation.id)
    found = connection.execute(query.with_for_update(key_share=True, of=Conversation) if lock else query)
    return [(first, About(*row)) for first, *row in found]


def lines(connection: Connection, *conditions: Column) -> list[tuple[Line, About]]:
    """Return messages that match, each with its conversation."""
    dialect = connection.dialect.name
    columns = (*LINE, filenames(dialect), *about_columns(dialect))
    query = joined(select(*columns).select_from(Message).join(Conversation, Conversation.id == Message.conversation_id))
    found = connection.execute(query.where(Message.kind == word(MessageKind.MESSAGE), *conditions))
    size = len(Line._fields)
    return [(Line(*row[:size]), About(*row[size:])) for row in found]


class Candidate(NamedTuple):
    """A document that the index offers. All but its id is None where the actor does not see its conversation.

    `LINE`, the names of its files and `about_columns` follow as they stand in `Line` and `About`.
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
        """The number of its conversation."""
        return self.line.conversation_id

    @property
    def line(self) -> Line:
        """Return its message: that of a conversation's own document is the first."""
        return Line(*self.columns[: len(Line._fields)])

    @property
    def about(self) -> About:
        """Return its conversation."""
        return About(*self.columns[len(Line._fields) :])


# Each block by itself, the newest first, until there are enough. What is found in one block is in the index's own order
# on SQLite (see `models.SearchLine`), and few enough to be sorted on PostgreSQL.
_BLOCKS = """WITH RECURSIVE blocks(block) AS (
    SELECT (SELECT max(id) FROM search_lines WHERE id < :below) >> BITS
    UNION ALL
    SELECT (SELECT max(id) FROM search_lines WHERE id < (block << BITS)) >> BITS FROM blocks WHERE block > :above >> BITS
)"""
_PLACES = {
    "sqlite": """
        SELECT -found.rowid AS id FROM (SELECT block FROM blocks WHERE block IS NOT NULL) AS of_block
        CROSS JOIN search_index AS found WHERE found.search_index MATCH replace(:asked, '{}', of_block.block)
        AND found.rowid > -:below AND found.rowid < -:above LIMIT :most""",
    "postgresql": """
        SELECT found.id FROM (SELECT block FROM blocks WHERE block IS NOT NULL) AS of_block
        CROSS JOIN LATERAL (
            SELECT all_of_block.id FROM (
                SELECT id FROM search_lines
                WHERE words @@ CAST(replace(:asked, '{}', CAST(of_block.block AS text)) AS tsquery) OFFSET 0
            ) AS all_of_block
            WHERE all_of_block.id < :below AND all_of_block.id > :above ORDER BY all_of_block.id DESC LIMIT :most
        ) AS found LIMIT :most""",
}


@cache
def candidates(
    dialect: str, actor_type: ActorType, sees_all: bool, states: frozenset[str] = frozenset()
) -> Query[Candidate]:
    """Documents that hold what parameter `asked` says, the newest `most` between `above` and `below`.

    Conversations that are not in all of these states (see `asking.STATES`) count as not seen.
    """
    numbers = [bindparam(name, type_=Id) for name in ("below", "above", "most")]
    written = _BLOCKS.replace("BITS", str(BLOCK_BITS)) + _PLACES[dialect]
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
    """What a conversation in a state is to an actor. Customers have no side for which it could wait: a `ValueError`."""
    if state == "unread":
        return exists().where(own_seat(actor_type), Seat.unread_count > literal_column("0")).correlate(Conversation)
    if state == "waiting" and (side := Conversation.side(actor_type)):
        return side.waits_for_us()
    return Conversation.status == word(ConversationStatus(state))


def stores_named(session: Session, actor: Actor, words: Sequence[str], limit: int) -> list[int]:
    """Return the stores within reach of `actor` whose name or code has a word that begins with each of `words`."""
    query = (
        select(Store.id).where(*having_words("store", list(words), Store.id.expression)).order_by(Store.id).limit(limit)
    )
    if actor.type != ActorType.ADMIN:
        query = query.where(Store.id == actor.store_id)
    return list(session.scalars(query))


def rendered(dialect: str, scope: str, clauses: Iterable[Clause], but: Clause = ()) -> str:
    """Return what the index is asked, with `{}` for the block: of each clause any key, and none of `but`."""
    if dialect == "sqlite":
        key, beginning, either, both, without = '"{}.{{}}:{}"', " *", " OR ", " AND ", "({}) NOT ({})"
    else:
        key, beginning, either, both, without = "'{}.{{}}:{}'", ":*", " | ", " & ", "({}) & !({})"

    def any_of(clause: Clause) -> str:
        return either.join(key.format(scope, word.text) + beginning * word.is_beginning for word in clause)

    asked = both.join(f"({any_of(clause)})" for clause in clauses)
    return without.format(asked, any_of(but)) if but else asked
