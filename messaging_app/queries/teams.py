"""The colleagues of a side, and the assignees of conversations."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import and_, case, func, select
from sqlalchemy.orm import Session

from messaging_app.actors import Actor, ActorType
from messaging_app.db.types import AnyRow
from messaging_app.models import Conversation, ConversationParticipant, StoreMembership, User
from messaging_app.models.scope import active_person
from messaging_app.text import search_key


class Colleague(NamedTuple):
    """An active user on the actor's own side."""

    id: int
    name: str


def colleagues(session: Session, actor: Actor) -> list[Colleague]:
    """Return everybody active on the actor's side, the actor included, by name."""
    person = User.id if actor.type == ActorType.ADMIN else StoreMembership.user_id
    rows = session.execute(select(User.id, User.name).where(active_person(actor.type, person, actor.store_id)))
    return sorted((Colleague(*row) for row in rows), key=lambda one: (search_key(one.name), one.id))


def assignee_of(session: Session, actor: Actor, conversation_id: int) -> int | None:
    """Return the assignee on the actor's side, or None; locks the row until the commit."""
    side = Conversation.side(actor.type)
    assert side is not None
    found: int | None = session.scalar(
        select(side.assignee_id)
        .where(Conversation.id == conversation_id, Conversation.visible_to(actor))
        .with_for_update(key_share=True)
    )
    return found


def states_of(session: Session, actor: Actor, ids: Sequence[int], at: datetime) -> Sequence[AnyRow]:
    """Return id, status, assignee, end of the snooze and read position of the conversations in `ids` the actor sees."""
    side, seat = Conversation.side(actor.type), ConversationParticipant
    assert side is not None
    asleep = case((side.snoozed_until > at, side.snoozed_until))
    read = func.coalesce(seat.last_read_seq, Conversation.last_seq)
    return session.execute(
        select(Conversation.id, Conversation.status, side.assignee_id, asleep, read)
        .outerjoin(seat, and_(seat.conversation_id == Conversation.id, seat.belongs_to(actor)))
        .where(Conversation.id.in_(ids), Conversation.visible_to(actor))
    ).all()
