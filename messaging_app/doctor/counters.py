"""The counts of seats: read position, unread messages, and whether their user has written."""

from __future__ import annotations

from sqlalchemy import Subquery, func, or_, select, union_all
from sqlalchemy.engine import Connection

from messaging_app.actors import ActorType
from messaging_app.directory.bulk import update_rows
from messaging_app.doctor.checks import Query, first_of, some
from messaging_app.doctor.seats import KEY, SEATS, Seat, key_of, place_of, seat_of, senders
from messaging_app.models import Conversation, Message, MessageKind
from messaging_app.models.scope import active_person


def _active() -> Subquery:
    """The seats of active users and customers; others are not counted."""
    names = (*KEY, "last_read_seq", "unread_count", "mentions")
    columns = [getattr(Seat, name) for name in names]
    of_kinds = (
        select(*columns).where(Seat.participant_type == kind, active_person(kind, Seat.participant_id, Seat.store_id))
        for kind in ActorType
    )
    return union_all(*of_kinds).subquery()


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
    counted = select(
        *(seat.c[name] for name in (*KEY, "unread_count")), (right + seat.c.mentions).label("right")
    ).subquery()
    return select(counted).where(counted.c.unread_count != counted.c.right)


def find_miscounted(connection: Connection) -> str | None:
    """A seat's unread count is the number of others' messages, without events, after its read position, and of mentions."""
    if (found := first_of(connection, _miscounted())) is None:
        return None
    row, number = found
    verb = "differs" if number == 1 else "differ"
    return f"{some(number, 'seat')} {verb} (first: {place_of(row)}: {row.unread_count} instead of {row.right})"


def recount(connection: Connection) -> None:
    """Write the right counts."""
    rows = connection.execute(_miscounted()).all()
    update_rows(connection, SEATS, [{**key_of(row), "unread_count": row.right} for row in rows], *KEY)


def _out_of_range() -> Query:
    return (
        select(
            Seat.conversation_id, Seat.participant_type, Seat.participant_id, Seat.last_read_seq, Conversation.last_seq
        )
        .join(Conversation, Conversation.id == Seat.conversation_id)
        .where(or_(Seat.last_read_seq < 0, Seat.last_read_seq > Conversation.last_seq))
    )


def find_out_of_range(connection: Connection) -> str | None:
    """No read position lies beyond the last line."""
    if (found := first_of(connection, _out_of_range())) is None:
        return None
    row, number = found
    return f"{some(number, 'seat')} out of range (first: {place_of(row)}: read {row.last_read_seq} of {row.last_seq})"


def clamp(connection: Connection) -> None:
    """Move read positions back into range."""
    rows = connection.execute(_out_of_range()).all()
    right = [{**key_of(row), "last_read_seq": max(0, min(row.last_read_seq, row.last_seq))} for row in rows]
    update_rows(connection, SEATS, right, *KEY)


def _wrongly_marked() -> Query:
    sender = senders()
    wrote = sender.c.conversation_id.is_not(None)
    return (
        select(Seat.conversation_id, Seat.participant_type, Seat.participant_id, Seat.has_written)
        .outerjoin(sender, seat_of(sender))
        .where(Seat.has_written != wrote)
    )


def find_wrongly_marked(connection: Connection) -> str | None:
    """`has_written` is true exactly for those who wrote a message."""
    if (found := first_of(connection, _wrongly_marked())) is None:
        return None
    row, number = found
    said = "marked, but wrote nothing" if row.has_written else "wrote, but is not marked"
    return f"{some(number, 'seat')} wrong (first: {place_of(row)} {said})"


def mark_writers(connection: Connection) -> None:
    """Set or clear the mark."""
    rows = connection.execute(_wrongly_marked()).all()
    update_rows(connection, SEATS, [{**key_of(row), "has_written": not row.has_written} for row in rows], *KEY)
