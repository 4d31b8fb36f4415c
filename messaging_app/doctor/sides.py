"""What conversations are to their sides: since when they wait, who has them, how many lines only one side sees."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import and_, exists, func, or_, select
from sqlalchemy.engine import Connection
from sqlalchemy.orm import aliased

from messaging_app.db.types import table_of
from messaging_app.directory.bulk import update_rows
from messaging_app.directory.leaving import give_back
from messaging_app.doctor.checks import Query, first_of, some
from messaging_app.models import Conversation, Message, MessageKind, Note, SideLine
from messaging_app.models.scope import has_place
from messaging_app.models.sides import TEAMS

CONVERSATIONS = table_of(Conversation)


def _wrong_turns() -> Query:
    """Conversations whose turn began at another time than the first message since the other party wrote."""
    other, first = aliased(Message), Message
    theirs = (
        select(func.max(other.seq))
        .where(
            other.conversation_id == Conversation.id,
            other.kind == MessageKind.MESSAGE,
            other.sender_type != Conversation.last_sender_type,
        )
        .correlate(Conversation)
        .scalar_subquery()
    )
    right = (
        select(func.min(first.seq))
        .where(
            first.conversation_id == Conversation.id,
            first.kind == MessageKind.MESSAGE,
            first.seq > func.coalesce(theirs, 0),
        )
        .correlate(Conversation)
        .scalar_subquery()
    )
    return (
        select(Conversation.id, first.created_at.label("right"))
        .join(first, and_(first.conversation_id == Conversation.id, first.seq == right))
        .where(Conversation.turn_since.is_distinct_from(first.created_at))
    )


def find_wrong_turns(connection: Connection) -> str | None:
    """`turn_since` is the time of the first message since the party that is to answer last wrote."""
    if (found := first_of(connection, _wrong_turns())) is None:
        return None
    row, number = found
    return f"{some(number, 'conversation')} wrong (first: conversation {row.id})"


def set_turns(connection: Connection) -> None:
    """Copy the times from the messages."""
    rows = connection.execute(_wrong_turns()).all()
    update_rows(connection, CONVERSATIONS, [{"id": row.id, "turn_since": row.right} for row in rows], "id")


def _wrong_marks() -> Query:
    """Marks "no reply needed" on closed conversations, or of the side that wrote last."""
    sides = [side for team in TEAMS if (side := Conversation.side(team))]
    moot = [
        and_(side.no_reply_at.is_not(None), or_(Conversation.status != "open", side.last_sender_type == side.name))
        for side in sides
    ]
    return select(Conversation.id).where(or_(*moot))


def find_wrong_marks(connection: Connection) -> str | None:
    """Only open conversations in which the other side wrote last are marked "no reply needed"."""
    if (found := first_of(connection, _wrong_marks())) is None:
        return None
    row, number = found
    return f"{some(number, 'conversation')} wrong (first: conversation {row.id})"


def drop_marks(connection: Connection) -> None:
    """Take the marks away."""
    rows = connection.execute(_wrong_marks()).all()
    nothing = {f"{team.value}_no_reply_at": None for team in TEAMS}
    update_rows(connection, CONVERSATIONS, [{"id": row.id, **nothing} for row in rows], "id")


def _strangers() -> Iterator[Query]:
    for team in TEAMS:
        side = Conversation.side(team)
        assert side is not None
        stays = exists().where(has_place(team, side.assignee_id, Conversation.store_id))
        yield select(Conversation.id, side.assignee_id.label("user_id")).where(
            side.assignee_id.is_not(None), ~stays.correlate(Conversation)
        )


def find_strangers(connection: Connection) -> str | None:
    """Who has a conversation is active on that side."""
    rows = [row for query in _strangers() for row in connection.execute(query)]
    if not rows:
        return None
    return f"{some(len(rows), 'conversation')} wrong (first: conversation {rows[0].id} of user {rows[0].user_id})"


def release(connection: Connection) -> None:
    """Give them back, with a line for the side."""
    give_back(connection, {row.user_id for query in _strangers() for row in connection.execute(query)})


def _miscounted_lines() -> Iterator[tuple[str, Query]]:
    for team in TEAMS:
        side = Conversation.side(team)
        assert side is not None
        lines, notes = (
            select(func.count())
            .where(own.conversation_id == Conversation.id, own.side == team)
            .correlate(Conversation)
            .scalar_subquery()
            for own in (SideLine, Note)
        )
        right = lines + notes
        counted = select(Conversation.id, side.lines.label("lines"), right.label("right")).subquery()
        yield f"{team.value}_lines", select(counted).where(counted.c.lines != counted.c.right)


def find_miscounted_lines(connection: Connection) -> str | None:
    """The number of lines that only one side sees is that of its rows."""
    for _name, query in _miscounted_lines():
        if (found := first_of(connection, query)) is not None:
            row, number = found
            return f"{some(number, 'conversation')} wrong (first: conversation {row.id}: {row.lines} not {row.right})"
    return None


def count_lines(connection: Connection) -> None:
    """Write the right numbers."""
    for name, query in _miscounted_lines():
        rows = connection.execute(query).all()
        update_rows(connection, CONVERSATIONS, [{"id": row.id, name: row.right} for row in rows], "id")
