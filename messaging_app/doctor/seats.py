"""Seats: who must have one, who may, and what they copy from their conversation."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Subquery, and_, case, exists, insert, or_, select, update
from sqlalchemy.engine import Connection

from messaging_app.actors import ActorType
from messaging_app.db.types import AnyRow, table_of
from messaging_app.doctor.checks import Query, first_of, some
from messaging_app.doctor.lines import is_nobody
from messaging_app.models import (
    Conversation,
    ConversationParticipant,
    Customer,
    Message,
    MessageKind,
)
from messaging_app.models.scope import active_person, type_without

Seat = ConversationParticipant
SEATS = table_of(Seat)
KEY = ("conversation_id", "participant_type", "participant_id")


def key_of(row: AnyRow) -> dict[str, object]:
    """Return the columns that identify a seat."""
    return {name: getattr(row, name) for name in KEY}


def place_of(row: AnyRow) -> str:
    """Return a seat in words."""
    return f"conversation {row.conversation_id}, {row.participant_type} {row.participant_id}"


def senders() -> Subquery:
    """The senders of messages, by conversation."""
    return (
        select(Message.conversation_id, Message.sender_type, Message.sender_id)
        .where(Message.kind == MessageKind.MESSAGE)
        .distinct()
        .subquery()
    )


def seat_of(sender: Subquery) -> ColumnElement[bool]:
    """The condition for the seat of one of `senders()`."""
    return and_(
        Seat.conversation_id == sender.c.conversation_id,
        Seat.participant_type == sender.c.sender_type,
        Seat.participant_id == sender.c.sender_id,
    )


def _missing() -> Query:
    """Missing seats: those of senders, and of the active customer of a conversation."""
    sender = senders()
    writers = (
        select(*sender.c)
        .join(Conversation, Conversation.id == sender.c.conversation_id)
        .outerjoin(Seat, seat_of(sender))
        .where(Seat.conversation_id.is_(None), ~is_nobody(sender.c.sender_type, sender.c.sender_id))
    )
    own = and_(
        Seat.conversation_id == Conversation.id,
        Seat.participant_type == ActorType.CUSTOMER,
        Seat.participant_id == Conversation.customer_id,
    )
    active = exists().where(active_person(ActorType.CUSTOMER, Conversation.customer_id, Conversation.store_id))
    kind = case((Customer.id.is_not(None), ActorType.CUSTOMER.value))
    customers = (
        select(Conversation.id, kind, Customer.id)
        .join(Customer, Customer.id == Conversation.customer_id)
        .outerjoin(Seat, own)
        .where(Seat.conversation_id.is_(None), active)
    )
    people = writers.union(customers).subquery()
    names = zip(people.c, KEY, strict=True)
    return select(*(column.label(name) for column, name in names))


def find_missing(connection: Connection) -> str | None:
    """Every sender and the customer of a conversation have a seat."""
    if (found := first_of(connection, _missing())) is None:
        return None
    row, number = found
    return f"{some(number, 'seat')} missing (first: {place_of(row)})"


def seat_the_missing(connection: Connection) -> None:
    """Add the missing seats, with everything read."""
    people = _missing().subquery()
    rows = connection.execute(
        select(people, Conversation.store_id, Conversation.last_seq.label("last_read_seq")).join(
            Conversation, Conversation.id == people.c.conversation_id
        )
    )
    connection.execute(insert(SEATS), [dict(row) for row in rows.mappings()])


def _strange() -> Query:
    kind, seat_kind = Conversation.conversation_type, Seat.participant_type
    strange = or_(
        *(and_(seat_kind == role, kind == type_without(role)) for role in ActorType),
        and_(seat_kind == ActorType.CUSTOMER, Conversation.customer_id.is_distinct_from(Seat.participant_id)),
        seat_kind.not_in(list(ActorType)),
    )
    return (
        select(Seat.conversation_id, Seat.participant_type, Seat.participant_id)
        .join(Conversation, Conversation.id == Seat.conversation_id)
        .where(strange)
    )


def find_strange(connection: Connection) -> str | None:
    """Roles have seats only in conversation types they take part in, customers only in their own conversations."""
    if (found := first_of(connection, _strange())) is None:
        return None
    row, number = found
    return f"{some(number, 'seat')} where they do not belong (first: {place_of(row)})"


def _of_other_store() -> Query:
    return (
        select(Seat.conversation_id, Seat.participant_type, Seat.participant_id, Conversation.store_id)
        .join(Conversation, Conversation.id == Seat.conversation_id)
        .where(Seat.store_id != Conversation.store_id)
    )


def find_of_other_store(connection: Connection) -> str | None:
    """A seat has its conversation's store."""
    if (found := first_of(connection, _of_other_store())) is None:
        return None
    return f"{some(found[1], 'seat')} of another store than its conversation (first: {place_of(found[0])})"


def copy_stores(connection: Connection) -> None:
    """Copy the conversation's store."""
    own = select(Conversation.store_id).where(Conversation.id == Seat.conversation_id).scalar_subquery()
    connection.execute(update(SEATS).where(SEATS.c.store_id != own).values(store_id=own))
