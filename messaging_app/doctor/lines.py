"""Messages and events: their numbers, and the columns of a conversation that are derived from them."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import ColumnElement, Subquery, and_, case, func, literal, literal_column, or_, select, union_all
from sqlalchemy.engine import Connection
from sqlalchemy.orm import aliased

from messaging_app.actors import ActorType
from messaging_app.db.types import Column, Fields, table_of
from messaging_app.directory.bulk import update_rows
from messaging_app.doctor.checks import Query, first_of, some
from messaging_app.models import (
    Conversation,
    ConversationStatus,
    Customer,
    Message,
    MessageAttachment,
    MessageKind,
    User,
    events,
)
from messaging_app.text import PREVIEW_MAX, preview

CONVERSATIONS = table_of(Conversation)
CLOSED, OPEN = ConversationStatus.CLOSED, ConversationStatus.OPEN


def _numbers() -> Subquery:
    """First, last and count of the line numbers of each conversation."""
    return (
        select(
            Message.conversation_id,
            func.min(Message.seq).label("first"),
            func.max(Message.seq).label("last"),
            func.count().label("lines"),
        )
        .group_by(Message.conversation_id)
        .subquery()
    )


def find_gaps(connection: Connection) -> str | None:
    """The lines of a conversation are numbered 1, 2, 3 … without gaps."""
    lines = _numbers()
    gaps = (
        select(Conversation.id, lines.c.first, lines.c.last, lines.c.lines)
        .outerjoin(lines, lines.c.conversation_id == Conversation.id)
        .where(or_(lines.c.lines.is_(None), lines.c.first != 1, lines.c.last != lines.c.lines))
    )
    if (found := first_of(connection, gaps)) is None:
        return None
    row, number = found
    detail = f"{row.lines} lines numbered {row.first} to {row.last}" if row.lines else "without any line"
    return f"{some(number, 'conversation')} with gaps (first: conversation {row.id}: {detail})"


def _wrong_last() -> Query:
    lines = _numbers()
    return (
        select(Conversation.id, Conversation.last_seq, lines.c.last)
        .join(lines, lines.c.conversation_id == Conversation.id)
        .where(Conversation.last_seq != lines.c.last)
    )


def find_wrong_last(connection: Connection) -> str | None:
    """A conversation's `last_seq` is the number of its last line."""
    if (found := first_of(connection, _wrong_last())) is None:
        return None
    row, number = found
    return f"{some(number, 'conversation')} wrong (first: conversation {row.id}: {row.last_seq} instead of {row.last})"


def set_last(connection: Connection) -> None:
    """Copy the number from the lines."""
    rows = connection.execute(_wrong_last()).all()
    update_rows(connection, CONVERSATIONS, [{"id": row.id, "last_seq": row.last} for row in rows], "id")


def _wrong_heads(connection: Connection) -> Iterator[Fields]:
    """Yield the correct last-message columns of every conversation where they are wrong.

    Python computes the preview, so this streams over the conversations (not the messages).
    """
    other = aliased(Message)
    newest = (
        select(other.seq)
        .where(other.conversation_id == Conversation.id, other.kind == MessageKind.MESSAGE)
        .order_by(other.seq.desc())
        .limit(1)
        .scalar_subquery()
    )
    head = (
        Conversation.last_message_at,
        Conversation.last_sender_type,
        Conversation.last_sender_id,
        Conversation.last_sender_name,
        Conversation.last_message_preview,
    )
    beginning = func.substr(Message.content, 1, PREVIEW_MAX * 8)
    message = (Message.created_at, Message.sender_type, Message.sender_id, Message.sender_name, beginning)
    query = select(Conversation.id, *head, *message).join(
        Message, and_(Message.conversation_id == Conversation.id, Message.seq == newest)
    )
    names = [column.key for column in head]
    for number, *values in connection.execute(query.execution_options(yield_per=1000)):
        stored, right = values[: len(head)], values[len(head) :]
        # A message without text is previewed by its first file's name, which this check ignores.
        right[-1] = preview(right[-1]) if right[-1] else stored[-1]
        if stored != right:
            yield {"id": number, **dict(zip(names, right, strict=True))}


def find_wrong_heads(connection: Connection) -> str | None:
    """Time, preview and sender in a conversation's row are those of its newest message. Events do not count."""
    broken = sorted(int(str(row["id"])) for row in _wrong_heads(connection))
    return f"{some(len(broken), 'conversation')} wrong (first: conversation {broken[0]})" if broken else None


def set_heads(connection: Connection) -> None:
    """Copy them from the newest message."""
    update_rows(connection, CONVERSATIONS, list(_wrong_heads(connection)), "id")


def _last_turns() -> Subquery:
    """The last event of each conversation that opened or closed it."""
    last = (
        select(Message.conversation_id, func.max(Message.seq).label("seq"))
        .where(Message.kind == MessageKind.EVENT, Message.event.in_(events.statuses()))
        .group_by(Message.conversation_id)
        .subquery()
    )
    return (
        select(Message.conversation_id, Message.event, Message.sender_type, Message.sender_id, Message.created_at)
        .join(last, and_(last.c.conversation_id == Message.conversation_id, last.c.seq == Message.seq))
        .subquery()
    )


def find_unlike_events(connection: Connection) -> str | None:
    """A conversation has the status of its last opening or closing event, otherwise it is open.

    Only events have an event kind.
    """
    event = _last_turns()
    said = case(
        {name: status.value for name, status in events.statuses().items()}, value=event.c.event, else_=OPEN.value
    )
    unlike = (
        select(Conversation.id, Conversation.status)
        .outerjoin(event, event.c.conversation_id == Conversation.id)
        .where(Conversation.status != said)
    )
    if (found := first_of(connection, unlike)) is not None:
        row, number = found
        detail = f"conversation {row.id} is {row.status}, its last event says otherwise"
        return f"{some(number, 'conversation')} unlike their events (first: {detail})"
    is_event = Message.kind == MessageKind.EVENT
    named = and_(Message.event.is_not(None), Message.event.in_(events.names_in_threads()))
    nameless = or_(and_(is_event, ~named), and_(~is_event, Message.event.is_not(None)))
    if (found := first_of(connection, select(Message.conversation_id, Message.seq).where(nameless))) is not None:
        row, number = found
        return f"{some(number, 'line')} of no known kind (first: conversation {row.conversation_id}, line {row.seq})"
    return None


def _wrong_closing() -> Query:
    by = (Conversation.closed_at, Conversation.closed_by_type, Conversation.closed_by_id)
    all_set, none_set = and_(*(c.is_not(None) for c in by)), and_(*(c.is_(None) for c in by))
    closed = Conversation.status == CLOSED
    return select(Conversation.id, Conversation.status).where(or_(and_(closed, ~all_set), and_(~closed, ~none_set)))


def find_wrong_closing(connection: Connection) -> str | None:
    """Closed conversations, and only those, record when and by whom."""
    if (found := first_of(connection, _wrong_closing())) is None:
        return None
    row, number = found
    return f"{some(number, 'conversation')} wrong (first: conversation {row.id}, which is {row.status})"


def set_closing(connection: Connection) -> None:
    """Copy them from the last event. If that is not a closing, only open conversations can be repaired."""
    broken, event = _wrong_closing().subquery(), _last_turns()
    columns = (event.c.created_at, event.c.sender_type, event.c.sender_id)
    query = select(broken.c.id, broken.c.status, event.c.event, *columns).outerjoin(
        event, event.c.conversation_id == broken.c.id
    )
    right = []
    for number, status, said, *values in connection.execute(query):
        if status == CLOSED and events.statuses().get(said) != CLOSED:
            continue
        at, kind, person = values if status == CLOSED else (None, None, None)
        right.append({"id": number, "closed_at": at, "closed_by_type": kind, "closed_by_id": person})
    update_rows(connection, CONVERSATIONS, right, "id")


def find_strangers(connection: Connection) -> str | None:
    """Everyone who wrote a line, closed a conversation or removed a file exists; a customer is the conversation's own."""
    file = MessageAttachment
    closed_by = (Conversation.closed_by_type, Conversation.closed_by_id)
    lines = select(Conversation.id, literal("line").label("what"), Message.seq.label("number")).join(
        Message, Message.conversation_id == Conversation.id
    )
    closers = select(Conversation.id, literal("closed by").label("what"), Conversation.closed_by_id.label("number"))
    removers = select(Conversation.id, literal("file").label("what"), file.id.label("number")).join(
        file, file.conversation_id == Conversation.id
    )
    strangers = union_all(
        lines.where(is_nobody(Message.sender_type, Message.sender_id)),
        closers.where(Conversation.closed_by_id.is_not(None), is_nobody(*closed_by)),
        removers.where(file.removed_by_id.is_not(None), is_nobody(file.removed_by_type, file.removed_by_id)),
    ).subquery()
    if (found := first_of(connection, select(strangers))) is None:
        return None
    row, number = found
    return f"{some(number, 'act')} of nobody (first: conversation {row.id}, {row.what} {row.number})"


def is_nobody(kind: Column, person: Column) -> ColumnElement[bool]:
    """Whether a type and number name no person, or another customer than the conversation's."""
    is_customer = kind == literal_column(f"'{ActorType.CUSTOMER.value}'")
    user = select(User.id).where(User.id == person).exists()
    own = and_(Conversation.customer_id.is_not(None), Conversation.customer_id == person)
    return or_(and_(is_customer, ~own), and_(~is_customer, ~user))


def find_empty(connection: Connection) -> str | None:
    """A message has words or files."""
    file = select(MessageAttachment.id).where(MessageAttachment.message_id == Message.id).exists()
    empty = select(Message.conversation_id, Message.seq).where(func.trim(Message.content) == "", ~file)
    if (found := first_of(connection, empty)) is None:
        return None
    row, number = found
    return f"{some(number, 'line')} with neither words nor files (first: conversation {row.conversation_id}, line {row.seq})"


def find_of_other_store(connection: Connection) -> str | None:
    """A conversation with a customer has that customer's store."""
    strange = (
        select(Conversation.id, Conversation.store_id, Customer.store_id.label("right"))
        .join(Customer, Customer.id == Conversation.customer_id)
        .where(Customer.store_id != Conversation.store_id)
    )
    if (found := first_of(connection, strange)) is None:
        return None
    row, number = found
    detail = f"conversation {row.id}: store {row.store_id}, its customer's is {row.right}"
    return f"{some(number, 'conversation')} of another store than its customer (first: {detail})"
