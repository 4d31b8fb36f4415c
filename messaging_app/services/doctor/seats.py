"""Seats: whose they may be, how far they have read, what they count."""

from __future__ import annotations

from typing import Any

from sqlalchemy import and_, case, func, insert, or_, select, union_all, update
from sqlalchemy.engine import Connection, Row

from messaging_app.actors import ActorType
from messaging_app.models import (
    Conversation,
    ConversationParticipant,
    ConversationType,
    Customer,
    Message,
    MessageKind,
    Store,
    StoreMembership,
    User,
)
from messaging_app.services.directory.bulk import update_rows
from messaging_app.services.doctor.checks import Query, first_of, some

Seat = ConversationParticipant
SEATS: Any = Seat.__table__
KEY = ("conversation_id", "participant_type", "participant_id")


def _active() -> Any:
    """The seats of active persons; nobody else's are counted."""
    columns = (Seat.conversation_id, Seat.participant_type, Seat.participant_id, Seat.last_read_seq, Seat.unread_count)
    admins = (
        select(*columns)
        .join(User, User.id == Seat.participant_id)
        .where(Seat.participant_type == ActorType.ADMIN, User.active, User.is_admin)
    )
    member = and_(StoreMembership.store_id == Seat.store_id, StoreMembership.user_id == Seat.participant_id)
    staff = (
        select(*columns)
        .join(User, User.id == Seat.participant_id)
        .join(StoreMembership, member)
        .join(Store, Store.id == Seat.store_id)
        .where(Seat.participant_type == ActorType.STORE, User.active, StoreMembership.active, Store.active)
    )
    customers = (
        select(*columns)
        .join(Customer, Customer.id == Seat.participant_id)
        .join(Store, Store.id == Customer.store_id)
        .where(Seat.participant_type == ActorType.CUSTOMER, Customer.active, Store.active)
    )
    return union_all(admins, staff, customers).subquery()


def _miscounted() -> Query:
    seat = _active()
    right = (
        select(func.count())
        .where(
            Message.conversation_id == seat.c.conversation_id,
            Message.seq > seat.c.last_read_seq,
            Message.kind == MessageKind.MESSAGE,
            or_(Message.sender_type != seat.c.participant_type, Message.sender_id != seat.c.participant_id),
        )
        .scalar_subquery()
    )
    counted = select(*(seat.c[name] for name in (*KEY, "unread_count")), right.label("right")).subquery()
    return select(counted).where(counted.c.unread_count != counted.c.right)


def find_miscounted(connection: Connection) -> str | None:
    """A seat's unread count is the messages of others, events aside, after its last read one."""
    if (found := first_of(connection, _miscounted())) is None:
        return None
    row, number = found
    verb = "differs" if number == 1 else "differ"
    return f"{some(number, 'seat')} {verb} (first: {_place(row)}: {row.unread_count} instead of {row.right})"


def recount(connection: Connection) -> None:
    """Write the right counts."""
    rows = connection.execute(_miscounted()).all()
    update_rows(connection, SEATS, [{**_key(row), "unread_count": row.right} for row in rows], *KEY)


def _out_of_range() -> Query:
    return (
        select(
            Seat.conversation_id, Seat.participant_type, Seat.participant_id, Seat.last_read_seq, Conversation.last_seq
        )
        .join(Conversation, Conversation.id == Seat.conversation_id)
        .where(or_(Seat.last_read_seq < 0, Seat.last_read_seq > Conversation.last_seq))
    )


def find_out_of_range(connection: Connection) -> str | None:
    """Nobody has read what was never written."""
    if (found := first_of(connection, _out_of_range())) is None:
        return None
    row, number = found
    return f"{some(number, 'seat')} out of range (first: {_place(row)}: read {row.last_read_seq} of {row.last_seq})"


def clamp(connection: Connection) -> None:
    """Bring read positions back between nothing and everything."""
    rows = connection.execute(_out_of_range()).all()
    right = [{**_key(row), "last_read_seq": max(0, min(row.last_read_seq, row.last_seq))} for row in rows]
    update_rows(connection, SEATS, right, *KEY)


def _senders() -> Any:
    return (
        select(Message.conversation_id, Message.sender_type, Message.sender_id)
        .where(Message.kind == MessageKind.MESSAGE)
        .distinct()
        .subquery()
    )


def _seat_of(sender: Any) -> Any:
    return and_(
        Seat.conversation_id == sender.c.conversation_id,
        Seat.participant_type == sender.c.sender_type,
        Seat.participant_id == sender.c.sender_id,
    )


def _wrongly_marked() -> Query:
    sender = _senders()
    wrote = sender.c.conversation_id.is_not(None)
    return (
        select(Seat.conversation_id, Seat.participant_type, Seat.participant_id, Seat.has_written)
        .outerjoin(sender, _seat_of(sender))
        .where(Seat.has_written != wrote)
    )


def find_wrongly_marked(connection: Connection) -> str | None:
    """`has_written` is true for those who wrote a message, and for them only."""
    if (found := first_of(connection, _wrongly_marked())) is None:
        return None
    row, number = found
    said = "marked, but wrote nothing" if row.has_written else "wrote, but is not marked"
    return f"{some(number, 'seat')} wrong (first: {_place(row)} {said})"


def mark_writers(connection: Connection) -> None:
    """Set or take the mark."""
    rows = connection.execute(_wrongly_marked()).all()
    update_rows(connection, SEATS, [{**_key(row), "has_written": not row.has_written} for row in rows], *KEY)


def _missing() -> Query:
    """People without the seat that they must have: whoever wrote, and the active customer of a conversation."""
    sender = _senders()
    writers = select(*sender.c).outerjoin(Seat, _seat_of(sender)).where(Seat.conversation_id.is_(None))
    own = and_(
        Seat.conversation_id == Conversation.id,
        Seat.participant_type == ActorType.CUSTOMER,
        Seat.participant_id == Conversation.customer_id,
    )
    kind: Any = case((Customer.id.is_not(None), ActorType.CUSTOMER.value))
    customers = (
        select(Conversation.id, kind, Customer.id)
        .join(Customer, Customer.id == Conversation.customer_id)
        .join(Store, Store.id == Customer.store_id)
        .outerjoin(Seat, own)
        .where(Customer.active, Store.active, Seat.conversation_id.is_(None))
    )
    people = writers.union(customers).subquery()
    names = zip(people.c, KEY, strict=True)
    return select(*(column.label(name) for column, name in names))


def find_missing(connection: Connection) -> str | None:
    """Whoever wrote has a seat, and so has the customer of a conversation."""
    if (found := first_of(connection, _missing())) is None:
        return None
    row, number = found
    return f"{some(number, 'seat')} missing (first: {_place(row)})"


def seat_the_missing(connection: Connection) -> None:
    """Give them a seat that has read everything."""
    people = _missing().subquery()
    rows = connection.execute(
        select(people, Conversation.store_id, Conversation.last_seq.label("last_read_seq")).join(
            Conversation, Conversation.id == people.c.conversation_id
        )
    )
    connection.execute(insert(SEATS), [dict(row._mapping) for row in rows])


def _strange() -> Query:
    kind, seat_kind = Conversation.conversation_type, Seat.participant_type
    strange = or_(
        and_(seat_kind == ActorType.ADMIN, kind == ConversationType.STORE_CUSTOMER),
        and_(seat_kind == ActorType.STORE, kind == ConversationType.ADMIN_CUSTOMER),
        and_(seat_kind == ActorType.CUSTOMER, Conversation.customer_id.is_distinct_from(Seat.participant_id)),
        seat_kind.not_in(list(ActorType)),
    )
    return (
        select(Seat.conversation_id, Seat.participant_type, Seat.participant_id)
        .join(Conversation, Conversation.id == Seat.conversation_id)
        .where(strange)
    )


def find_strange(connection: Connection) -> str | None:
    """Nobody sits in a conversation of a kind that is not theirs, and no customer in another one's."""
    if (found := first_of(connection, _strange())) is None:
        return None
    row, number = found
    return f"{some(number, 'seat')} where they do not belong (first: {_place(row)})"


def _of_other_store() -> Query:
    return (
        select(Seat.conversation_id, Seat.participant_type, Seat.participant_id, Conversation.store_id)
        .join(Conversation, Conversation.id == Seat.conversation_id)
        .where(Seat.store_id != Conversation.store_id)
    )


def find_of_other_store(connection: Connection) -> str | None:
    """A seat carries its conversation's store."""
    if (found := first_of(connection, _of_other_store())) is None:
        return None
    return f"{some(found[1], 'seat')} of another store than its conversation (first: {_place(found[0])})"


def copy_stores(connection: Connection) -> None:
    """Copy the conversation's store."""
    own = select(Conversation.store_id).where(Conversation.id == Seat.conversation_id).scalar_subquery()
    connection.execute(update(SEATS).where(SEATS.c.store_id != own).values(store_id=own))


def _key(row: Row[Any]) -> dict[str, Any]:
    return {name: getattr(row, name) for name in KEY}


def _place(row: Row[Any]) -> str:
    return f"conversation {row.conversation_id}, {row.participant_type} {row.participant_id}"
