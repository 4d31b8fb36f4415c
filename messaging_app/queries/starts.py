"""The look-ups when customers begin conversations: the settings, how many they have begun, and about what."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from messaging_app.actors import ActorType
from messaging_app.models import Context, Conversation, ConversationStatus, Customer, PlatformSetting, Store
from messaging_app.models.context import Named
from messaging_app.models.scope import word
from messaging_app.queries.contexts import ContextRow, listed


def stored(session: Session, key: str) -> str | None:
    """Return a setting as it is stored, or None."""
    return session.scalar(select(PlatformSetting.value).where(PlatformSetting.key == key))


def choices(session: Session, key: str, store_id: int) -> tuple[str | None, str]:
    """Return a setting as it is stored, and the store's own choice."""
    of_platform = select(PlatformSetting.value).where(PlatformSetting.key == key).scalar_subquery()
    platform, store = session.execute(select(of_platform, Store.customers_may_start).where(Store.id == store_id)).one()
    return platform, store


def lock_customer(session: Session, customer_id: int) -> None:
    """Lock the customer's row, so that their new conversations are created one at a time."""
    session.execute(select(Customer.id).where(Customer.id == customer_id).with_for_update(key_share=True))


def begun_since(session: Session, customer_id: int, moment: datetime, most: int) -> list[datetime]:
    """Return when a customer began their newest `most` conversations after `moment`."""
    begun = (
        select(Conversation.created_at)
        .where(
            Conversation.customer_id == customer_id,
            Conversation.last_message_at > moment,  # implied, but lets the database use the index
            Conversation.created_at > moment,
            Conversation.created_by_type == ActorType.CUSTOMER,
        )
        .order_by(Conversation.created_at.desc())
    )
    return list(session.scalars(begun.limit(most)))


def open_about(session: Session, customer_id: int, conversation_type: str) -> dict[int, int]:
    """Return the ids of a customer's open conversations of one type that have a context, by context id."""
    found = select(Conversation.context_id, Conversation.id).where(
        Conversation.customer_id == customer_id,
        Conversation.conversation_type == conversation_type,
        Conversation.status == word(ConversationStatus.OPEN),
        Conversation.context_id.is_not(None),
    )
    return {context_id: number for context_id, number in session.execute(found) if context_id is not None}


def contexts_of(
    session: Session, store_id: int, customer_id: int, most: int, name: Named | None = None
) -> list[ContextRow]:
    """Return a customer's contexts, newest first; with `name` only that one."""
    own = (Context.store_id == store_id, Context.customer_id == customer_id)
    named = () if name is None else (Context.kind == name.kind, Context.reference == name.reference)
    return listed(session, *own, *named, most=most)
