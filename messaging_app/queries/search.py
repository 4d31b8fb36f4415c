"""The statements of search: what a document is made of, and which documents hold what was asked for."""

from __future__ import annotations

from sqlalchemy import Text, and_, case, cast, func, literal_column, null, select
from sqlalchemy.engine import Connection

from messaging_app.actors import ActorType
from messaging_app.db.types import Column, Columns
from messaging_app.models import (
    Conversation,
    ConversationParticipant,
    Customer,
    Message,
    MessageAttachment,
    MessageKind,
    Store,
    User,
)
from messaging_app.models.scope import word
from messaging_app.search.documents import About, Line

Seat = ConversationParticipant
LINE: tuple[Column, ...] = (
    Message.id,
    Message.conversation_id,
    Message.sender_name,
    Message.content,
    Message.created_at,
)


def about_columns(dialect: str) -> tuple[Column, ...]:
    """The columns of `About`; see `joined`."""
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
        _writers(dialect),
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
