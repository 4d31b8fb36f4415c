"""Totals of unread: each person's must be the sum over their seats."""

from __future__ import annotations

from typing import Any

from sqlalchemy import and_, case, delete, func, insert, literal, select, union_all
from sqlalchemy.engine import Connection

from messaging_app.actors import ActorType
from messaging_app.doctor.checks import Query, first_of, some
from messaging_app.models import Conversation, ConversationParticipant, ConversationType, UnreadTotal

SHARDS = 8  # as the triggers of migration 0005 have it
KEY = ("participant_type", "participant_id", "store_id", "platform")
Seat = ConversationParticipant
TOTALS: Any = UnreadTotal.__table__


def find_wrong(connection: Connection) -> str | None:
    """Totals that are not what the seats add up to."""
    found = first_of(connection, _wrong())
    if found is None:
        return None
    row, number = found
    verb = "is" if number == 1 else "are"
    whose = f"{row.participant_type} {row.participant_id}"
    return f"{some(number, 'total')} of unread {verb} wrong (first: {whose}: off by {row.off})"


def add_up(connection: Connection) -> None:
    """Make every total anew from the seats."""
    connection.execute(delete(TOTALS))
    connection.execute(insert(TOTALS).from_select([*KEY, "shard", "unread"], _sums(by_shard=True)))


def _wrong() -> Query:
    kept = select(*(TOTALS.c[name] for name in KEY), TOTALS.c.unread.label("amount"))
    summed = _sums(by_shard=False).subquery()
    right = select(*(summed.c[name] for name in KEY), (-summed.c.amount).label("amount"))
    both = union_all(kept, right).subquery()
    key = [both.c[name] for name in KEY]
    return select(*key, func.sum(both.c.amount).label("off")).group_by(*key).having(func.sum(both.c.amount) != 0)


def _sums(*, by_shard: bool) -> Query:
    """The seats' unread by the key of a total; its last column is the amount."""
    with_platform = and_(
        Seat.participant_type == ActorType.CUSTOMER,
        Conversation.conversation_type == ConversationType.ADMIN_CUSTOMER,
    )
    key = [
        Seat.participant_type,
        Seat.participant_id,
        case((Seat.participant_type == ActorType.STORE, Seat.store_id), else_=literal(0)).label("store_id"),
        with_platform.label("platform"),
        *([(Seat.conversation_id % SHARDS).label("shard")] if by_shard else []),
    ]
    return (
        select(*key, func.sum(Seat.unread_count).label("amount"))
        .join(Conversation, Conversation.id == Seat.conversation_id)
        .where(Seat.unread_count != 0)
        .group_by(*key)
    )
