"""The look-ups of a send: a conversation's status, an earlier result of the same key, and the audience of typing."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import NamedTuple

from sqlalchemy import ColumnElement, String, bindparam, false, func, literal_column, select
from sqlalchemy.orm import Session

from messaging_app.actors import Actor, ActorType
from messaging_app.db.query import Query
from messaging_app.db.types import Id
from messaging_app.models import Conversation, ConversationParticipant, Message, MessageKind, PlatformSetting, Store
from messaging_app.models.scope import actor_params
from messaging_app.queries.inbox import PLATFORM_NAME


class Earlier(NamedTuple):
    """The message that was written earlier with an idempotency key."""

    conversation_id: int
    seq: int
    digest: str | None


class Writer(NamedTuple):
    """A user who is typing in a conversation: its audience, and the name they are known by there."""

    conversation_id: int
    conversation_type: str
    store_id: int
    customer_id: int | None
    store_assignee_id: int | None
    status: str
    has_written: bool
    side_name: str


def status_of(session: Session, actor: Actor, conversation_id: int) -> str | None:
    """Return the status of a conversation, or None if `actor` does not see it."""
    return session.scalar(
        select(Conversation.status).where(Conversation.id == conversation_id, Conversation.visible_to(actor))
    )


def closing_of(
    session: Session, actor: Actor, conversation_id: int, setting: str
) -> tuple[datetime | None, str | None]:
    """Return when a conversation that `actor` sees was closed, and a setting as stored; None for either if missing."""
    stored = select(PlatformSetting.value).where(PlatformSetting.key == setting).scalar_subquery()
    own = (Conversation.id == conversation_id, Conversation.visible_to(actor))
    closed_at, value = session.execute(select(Conversation.closed_at, stored).where(*own)).one()
    return closed_at, value


def earlier(session: Session, actor: Actor, idempotency_key: str) -> Earlier | None:
    """Return the message that the actor wrote earlier with this key, or None."""
    found = session.execute(
        select(Message.conversation_id, Message.seq, Message.digest).where(
            Message.sender_type == actor.type,
            Message.sender_id == actor.id,
            Message.idempotency_key == idempotency_key,
        )
    ).one_or_none()
    return Earlier(*found) if found else None


def others_wrote(session: Session, actor: Actor, conversation_id: int, after: int) -> bool:
    """Return whether anybody but `actor` has written a message with a seq over `after`. Events do not count."""
    theirs = (Message.sender_type != actor.type) | (Message.sender_id != actor.id)
    newer = Message.seq > after, Message.kind == MessageKind.MESSAGE
    found = select(Message.id).where(Message.conversation_id == conversation_id, *newer, theirs).limit(1)
    return session.scalar(found) is not None


def own_unread(session: Session, actor: Actor, conversation_id: int) -> int:
    """Return the unread count of the actor's seat, 0 without a seat."""
    seat = ConversationParticipant
    own = select(seat.unread_count).where(seat.conversation_id == conversation_id, seat.belongs_to(actor))
    return session.scalar(own) or 0


def newest_of_others(session: Session, actor: Actor, conversation_id: int) -> int:
    """Return the seq of the newest message that `actor` did not write, 0 if there is none."""
    mine = (Message.sender_type == actor.type) & (Message.sender_id == actor.id)
    said = select(func.max(Message.seq)).where(
        Message.conversation_id == conversation_id, Message.kind == MessageKind.MESSAGE, ~mine
    )
    return session.scalar(said) or 0


def writer(session: Session, actor: Actor, conversation_id: int) -> Writer | None:
    """Return `actor` as the others in a conversation know them, or None if `actor` does not see it."""
    found = _writer(actor.type, actor.sees_all).all(
        session, **actor_params(actor), conversation_id=conversation_id, actor_name=actor.name
    )
    return found[0] if found else None


@cache
def _writer(actor_type: ActorType, sees_all: bool) -> Query[Writer]:
    seat = ConversationParticipant
    sides: dict[ActorType, ColumnElement[str]] = {
        ActorType.ADMIN: literal_column(f"'{PLATFORM_NAME}'"),
        ActorType.STORE: Store.name.expression,
        ActorType.CUSTOMER: bindparam("actor_name", type_=String()),
    }
    return Query(
        select(
            Conversation.id,
            Conversation.conversation_type,
            Conversation.store_id,
            Conversation.customer_id,
            Conversation.store_assignee_id,
            Conversation.status,
            func.coalesce(seat.has_written, false()),
            sides[actor_type],
        )
        .join(Store, Store.id == Conversation.store_id)
        .outerjoin(seat, (seat.conversation_id == Conversation.id) & seat.of_actor(actor_type))
        .where(Conversation.id == bindparam("conversation_id", type_=Id), Conversation.seen_by(actor_type, sees_all)),
        Writer,
    )
