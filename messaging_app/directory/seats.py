"""When users and customers become active again: messages from their absence count as read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.engine import Connection

from messaging_app.actors import ActorType
from messaging_app.directory.bulk import chunks
from messaging_app.models import Conversation, ConversationParticipant, Customer, StoreMembership
from messaging_app.models.scope import type_without, word

Seat = ConversationParticipant
SEEN_BY_STAFF = Conversation.conversation_type != word(type_without(ActorType.STORE))
SEEN_BY_ADMINS = Conversation.conversation_type != word(type_without(ActorType.ADMIN))


def admins_return(connection: Connection, user_ids: Sequence[int]) -> None:
    """Mark as read the seats that these users hold as admins."""
    for part in chunks(user_ids):
        seats = (Seat.participant_type == ActorType.ADMIN) & Seat.participant_id.in_(part)
        held = select(Seat.conversation_id).where(seats)
        _read_all(connection, Conversation.id.in_(held) & SEEN_BY_ADMINS, seats)


def users_return(connection: Connection, user_ids: Sequence[int]) -> None:
    """Mark as read the seats that these users hold as admins and as staff of any store."""
    admins_return(connection, user_ids)
    for part in chunks(user_ids):
        places = select(StoreMembership.store_id, StoreMembership.user_id).where(StoreMembership.user_id.in_(part))
        staff_return(connection, [(row.store_id, row.user_id) for row in connection.execute(places)])


def staff_return(connection: Connection, places: Iterable[tuple[int, int]]) -> None:
    """Mark as read the seats of staff; `places` are (store id, user id)."""
    by_store: dict[int, list[int]] = {}
    for store_id, user_id in places:
        by_store.setdefault(store_id, []).append(user_id)
    for store_id, user_ids in by_store.items():
        seats = (Seat.participant_type == ActorType.STORE) & Seat.participant_id.in_(user_ids)
        _read_all(connection, (Conversation.store_id == store_id) & SEEN_BY_STAFF, seats)


def customers_return(connection: Connection, customer_ids: Sequence[int]) -> None:
    """Mark as read the seats of these customers."""
    for part in chunks(customer_ids):
        _read_all(connection, Conversation.customer_id.in_(part), Seat.participant_type == ActorType.CUSTOMER)


def store_returns(connection: Connection, store_id: int) -> None:
    """Mark as read the seats of all staff and customers of this store."""
    own = Conversation.store_id == store_id
    _read_all(connection, own & SEEN_BY_STAFF, Seat.participant_type == ActorType.STORE)
    customers = select(Customer.id).where(Customer.store_id == store_id)
    _read_all(connection, Conversation.customer_id.in_(customers), Seat.participant_type == ActorType.CUSTOMER)


def _read_all(connection: Connection, conversations: ColumnElement[bool], seats: ColumnElement[bool]) -> None:
    """Lock `conversations`, then move `seats` in them to the end.

    Without the locks, a message being sent right now, which still sees this person as inactive, would come after the
    position read here and be missing from the count.
    """
    chosen = select(Conversation.id).where(conversations)
    connection.execute(chosen.order_by(Conversation.id).with_for_update()).all()
    last = select(Conversation.last_seq).where(Conversation.id == Seat.conversation_id).scalar_subquery()
    connection.execute(
        update(Seat)
        .where(Seat.conversation_id.in_(chosen), seats)
        .values(last_read_seq=last, unread_count=0, mentions=0)
    )
