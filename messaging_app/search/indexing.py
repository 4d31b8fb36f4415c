"""Keeps the index up to date: at every send, at every removed file, and in batches for the rest."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from itertools import takewhile

from sqlalchemy import ColumnElement, delete, exists, func, select, update
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Session

from messaging_app.actors import Actor, ActorType
from messaging_app.db.engine import now, writing
from messaging_app.db.types import DbSession
from messaging_app.models import (
    Conversation,
    ConversationParticipant,
    Message,
    MessageAttachment,
    SearchDue,
    SearchLine,
)
from messaging_app.models.position import Names, Taken
from messaging_app.models.scope import word
from messaging_app.queries import search as queries
from messaging_app.search.documents import About, Line, head_document, line_document

BATCH = 250  # messages or conversations in one transaction
LINES = "lines"  # the row of SearchDue that holds the progress through messages
SETTLED_AFTER = timedelta(minutes=1)  # a message may be committed this much later than one with a higher id
RENAMED_AT_ONCE = 100
# Seconds between batches on SQLite, where each holds the only write lock; who waits for it looks every 0.1 s at the latest.
REST = 0.1


def add_message(
    session: Session,
    actor: Actor,
    taken: Taken,
    message_id: int,
    content: str,
    filenames: Sequence[str],
    *,
    first_of_sender: bool,
) -> None:
    """Index a new message within its own transaction, and its conversation if the sender is new. 1-2 statements."""
    dialect = session.get_bind().dialect.name
    names = json.dumps(filenames) if filenames else None
    line = Line(message_id, taken.conversation_id, actor.name, content, taken.moment, names)
    documents = [line_document(dialect, taken, line)]
    if taken.names is not None:
        documents.append(head_document(dialect, _new(actor, taken, taken.names), message_id))
    elif first_of_sender and actor.type != ActorType.CUSTOMER:
        documents += _heads(session.connection(), Conversation.id == taken.conversation_id)
    SearchLine.write(session, documents)


def file_removed(session: Session, attachment_id: int) -> None:
    """Remove a deleted file's name from its message's document."""
    of_file = select(MessageAttachment.message_id).where(MessageAttachment.id == attachment_id)
    SearchLine.write(session, _lines(session.connection(), Message.id == of_file.scalar_subquery()))


def run(session: DbSession, keep_going: Callable[[], bool] = lambda: True) -> int:
    """Index everything that is due, until `keep_going` returns False. Returns how many documents were written.

    On SQLite others get to write between batches.
    """
    total = 0
    rest = REST if session.get_bind().dialect.name == "sqlite" else 0
    while keep_going() and _is_due(session) and (done := catch_up(session)):
        total += done
        time.sleep(rest)
    return total


def catch_up(session: DbSession) -> int:
    """Index one batch: conversations with a changed name, or messages without a document. Returns how many, 0 at the end.

    Each call is one transaction, so indexing can be stopped at any moment and resumes where it was.
    """
    with writing(session) as own:
        return _rename(own) or _fill(own)


def fill(session: Session, after: int, up_to: int) -> None:
    """Add missing documents of messages with ids in (`after`, `up_to`], and of conversations that begin with one of them."""
    connection = session.connection()
    missing = select(Message.id).where(Message.id > after, Message.id <= up_to)
    # The ids first: in a single statement, databases scan every conversation for each batch.
    firsts = connection.scalars(missing.where(Message.seq == 1, ~exists().where(SearchLine.id == 2 * Message.id - 1)))
    lines = connection.scalars(missing.where(~exists().where(SearchLine.id == 2 * Message.id)))
    heads = _heads(connection, Message.id.in_(firsts.all()))
    SearchLine.write_all(connection, heads + _lines(connection, Message.id.in_(lines.all())))


def _is_due(session: DbSession) -> bool:
    renamed = exists().where(SearchDue.kind != LINES)
    after = select(func.coalesce(func.max(SearchDue.after), 0)).where(SearchDue.kind == LINES).scalar_subquery()
    return bool(session.scalar(select(renamed | exists().where(Message.id > after))))


def _fill(session: Session) -> int:
    """Index the next messages. Looks again at those of the last minute: one with a lower id may still be committed."""
    after = session.scalar(select(SearchDue.after).where(SearchDue.kind == LINES)) or 0
    query = select(Message.id, Message.created_at).where(Message.id > after).order_by(Message.id).limit(BATCH)
    rows = session.execute(query).all()
    if not rows:
        return 0
    fill(session, after, rows[-1].id)
    settled = [row.id for row in takewhile(lambda row: now() - row.created_at > SETTLED_AFTER, rows)]
    if settled:
        # merge, not update: without its row this would never end
        session.merge(SearchDue(kind=LINES, id=0, after=settled[-1]))
    return len(settled)


def _rename(session: Session) -> int:
    """Reindex the next conversations of stores, customers and users whose names have changed."""
    query = select(SearchDue.kind, SearchDue.id, SearchDue.after).where(SearchDue.kind != LINES).limit(RENAMED_AT_ONCE)
    done = 0
    for kind, number, after in session.execute(query.order_by(SearchDue.kind, SearchDue.id)).all():
        ids = session.scalars(
            select(Conversation.id)
            .where(_OF[kind](number), Conversation.id > after)
            .order_by(Conversation.id)
            .limit(BATCH)
        ).all()
        connection = session.connection()
        SearchLine.write_all(connection, _heads(connection, Conversation.id.in_(ids)))
        # A name that changed in the meantime has reset `after`: leave the row alone then.
        seen = (SearchDue.kind == kind, SearchDue.id == number, SearchDue.after == after)
        more = len(ids) == BATCH
        session.execute(
            update(SearchDue).where(*seen).values(after=ids[-1]) if more else delete(SearchDue).where(*seen)
        )
        done += 1 + len(ids)
        if done > BATCH:
            break
    return done


def _wrote(user_id: int) -> ColumnElement[bool]:
    seat = ConversationParticipant
    own = (seat.participant_type != word(ActorType.CUSTOMER), seat.participant_id == user_id, seat.has_written)
    return exists().where(seat.conversation_id == Conversation.id, *own)


_OF: dict[str, Callable[[int], ColumnElement[bool]]] = {
    "store": lambda number: Conversation.store_id == number,
    "customer": lambda number: Conversation.customer_id == number,
    "user": _wrote,
}


def _new(actor: Actor, taken: Taken, names: Names) -> About:
    """Return the `About` of a conversation that `actor` has just begun."""
    writers = [(actor.type, actor.name, names.beginner_email)] if names.beginner_email else []
    return About(
        taken.conversation_id,
        taken.conversation_type,
        taken.store_id,
        taken.customer_id,
        names.subject,
        names.store_name,
        names.store_code,
        names.customer_name,
        names.customer_email,
        names.context,
        json.dumps(writers),
    )


def _heads(connection: Connection, *conditions: ColumnElement[bool]) -> list[tuple[int, str]]:
    found = queries.abouts(connection, *conditions, lock=True)
    return [head_document(connection.dialect.name, about, first) for first, about in found]


def _lines(connection: Connection, *conditions: ColumnElement[bool]) -> list[tuple[int, str]]:
    found = queries.lines(connection, *conditions)
    return [line_document(connection.dialect.name, about, line) for line, about in found]
