"""The data stored about a customer, shown to themselves: their row, and counts of messages and sign-ins."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, func, select

from messaging_app.actors import Actor
from messaging_app.db.types import Column
from messaging_app.errors import NotFound
from messaging_app.extensions import db
from messaging_app.models import (
    ApiToken,
    Conversation,
    Customer,
    Message,
    MessageAttachment,
    SignInSession,
    Store,
)


class StoredData(NamedTuple):
    """A customer's row and counts. Conversations and messages are counted only if the customer sees them."""

    name: str
    email: str
    store_name: str
    external_id: str | None
    since: datetime
    mail_enabled: bool
    locale: str | None
    time_zone: str | None
    has_password: bool
    conversations: int
    messages: int
    files: int
    sessions: int
    tokens: int


def get_stored(actor: Actor) -> StoredData:
    """Return the data stored about the customer `actor`. One statement."""
    seen = select(Conversation.id).where(Conversation.visible_to(actor)).subquery()
    own = (Message.sender_type == actor.type) & (Message.sender_id == actor.id)
    of_seen = Message.conversation_id.in_(select(seen.c.id)) & own
    files = (
        select(func.count()).select_from(MessageAttachment).join(Message, MessageAttachment.message_id == Message.id)
    )
    row = Customer
    found = db.session.execute(
        select(
            row.name,
            row.email,
            Store.name,
            row.external_id,
            row.created_at,
            row.mail_enabled,
            row.locale,
            row.time_zone,
            row.password_hash.is_not(None),
            select(func.count()).select_from(seen).scalar_subquery(),
            _count(Message, of_seen),
            files.where(of_seen, MessageAttachment.removed_at.is_(None)).scalar_subquery(),
            _count(SignInSession, _of(SignInSession, actor)),
            _count(ApiToken, _of(ApiToken, actor)),
        )
        .join(Store, Store.id == row.store_id)
        .where(row.id == actor.id)
    ).one_or_none()
    if found is None:
        raise NotFound
    return StoredData(*found)


def _count(model: type[Message | SignInSession | ApiToken], condition: ColumnElement[bool]) -> Column:
    return select(func.count()).select_from(model).where(condition).scalar_subquery()


def _of(model: type[SignInSession | ApiToken], actor: Actor) -> ColumnElement[bool]:
    return (model.actor_type == actor.type) & (model.person_id == actor.id)
