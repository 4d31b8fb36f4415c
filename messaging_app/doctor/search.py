"""The search index: a document for every message and conversation, with the names that are in force."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from sqlalchemy import ColumnElement, and_, delete, exists, func, or_, select
from sqlalchemy.engine import Connection

from messaging_app.db.engine import now
from messaging_app.directory.bulk import chunks
from messaging_app.doctor.checks import Query, some
from messaging_app.models import (
    Conversation,
    ConversationParticipant,
    Message,
    MessageAttachment,
    MessageKind,
    SearchDue,
    SearchLine,
)
from messaging_app.queries import search as queries
from messaging_app.search.documents import head_document, keys_in, line_document
from messaging_app.search.indexing import LINES

AT_ONCE = 500
SOON = timedelta(minutes=10)  # what an older release has just written, the worker indexes within a minute


def find_out_of_step(connection: Connection) -> str | None:
    """Every message and conversation has its document, with its files and names, and no document is of nothing."""
    number, first = 0, ""
    for document_id, _words in _out_of_step(connection):
        number, first = number + 1, first or f"of message {(document_id + 1) // 2}"
    for stray in connection.scalars(_strays()):
        number, first = number + 1, first or f"{stray}, which is of nothing"
    return f"{some(number, 'document')} out of step (first: {first})" if number else None


def bring_in_step(connection: Connection) -> None:
    """Write these documents again."""
    for part in chunks(connection.scalars(_strays()).all()):
        connection.execute(delete(SearchLine).where(SearchLine.id.in_(part)))
    SearchLine.write_all(connection, list(_out_of_step(connection)))


def _out_of_step(connection: Connection) -> Iterator[tuple[int, str]]:
    """Yield every document that is missing or wrong, as it should be.

    Messages never change, so only those with files, which can be removed, are compared word by word.
    """
    yield from _missing(connection)
    first = select(Message.id).join(Conversation, Conversation.id == Message.conversation_id).where(Message.seq == 1)
    heads = first.where(exists().where(SearchLine.id == 2 * Message.id - 1), ~_is_due())
    for numbers in _walk(connection, heads):
        found = queries.abouts(connection, Message.id.in_(numbers))
        yield from _unlike(connection, [head_document(connection.dialect.name, about, first) for first, about in found])
    with_files = select(Message.id).where(
        exists().where(MessageAttachment.message_id == Message.id), exists().where(SearchLine.id == 2 * Message.id)
    )
    for numbers in _walk(connection, with_files):
        lines = queries.lines(connection, Message.id.in_(numbers))
        yield from _unlike(connection, [line_document(connection.dialect.name, of, line) for line, of in lines])


def _missing(connection: Connection) -> Iterator[tuple[int, str]]:
    after = select(func.coalesce(func.max(SearchDue.after), 0)).where(SearchDue.kind == LINES).scalar_subquery()
    soon = and_(Message.id > after, Message.created_at > now() - SOON)
    line = and_(Message.kind == MessageKind.MESSAGE, ~exists().where(SearchLine.id == 2 * Message.id))
    head = and_(Message.seq == 1, ~exists().where(SearchLine.id == 2 * Message.id - 1))
    for numbers in _walk(connection, select(Message.id).where(~soon, or_(line, head))):
        for first, about in queries.abouts(connection, Message.id.in_(numbers), head):
            yield head_document(connection.dialect.name, about, first)
        for written, of in queries.lines(connection, Message.id.in_(numbers), line):
            yield line_document(connection.dialect.name, of, written)


def _unlike(connection: Connection, right: list[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    rows = select(SearchLine.id, SearchLine.words).where(SearchLine.id.in_([number for number, _words in right]))
    stored = {number: keys_in(words) for number, words in connection.execute(rows)}
    yield from ((number, words) for number, words in right if stored.get(number) != keys_in(words))


def _walk(connection: Connection, ids: Query) -> Iterator[list[int]]:
    """Yield these ids of messages in ascending batches."""
    last = 0
    while rows := connection.scalars(ids.where(Message.id > last).order_by(Message.id).limit(AT_ONCE)).all():
        last = rows[-1]
        yield list(rows)


def _is_due() -> ColumnElement[bool]:
    """Whether a changed name of a conversation is still to be indexed."""
    seat, due = ConversationParticipant, SearchDue
    kinds = {"store": Conversation.store_id, "customer": Conversation.customer_id}
    of_row = or_(*(and_(due.kind == kind, due.id == column) for kind, column in kinds.items()))
    users = select(due.id).where(due.kind == "user")
    wrote = exists().where(seat.conversation_id == Conversation.id, seat.has_written, seat.participant_id.in_(users))
    return or_(exists().where(of_row), wrote)


def _strays() -> Query:
    is_line, number = SearchLine.id % 2 == 0, (SearchLine.id + 1) // 2
    wrong = or_(and_(is_line, Message.kind != MessageKind.MESSAGE), and_(~is_line, Message.seq != 1))
    query = select(SearchLine.id).outerjoin(Message, Message.id == number)
    return query.where(or_(Message.id.is_(None), wrong)).order_by(SearchLine.id)
