"""Looking up contexts, and the conversations about them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from messaging_app.actors import Actor, ActorType
from messaging_app.models import Context, Conversation, ConversationParticipant, Customer, Store
from messaging_app.models.context import Fact, Named
from messaging_app.text import email_key

Seat = ConversationParticipant


@dataclass(frozen=True, slots=True)
class ContextRow:
    """A context as it is now, with its store and customer."""

    id: int
    store_id: int
    kind: str
    reference: str
    title: str | None
    url: str | None
    state: str | None
    facts: list[Fact]
    version: int
    updated_at: datetime
    customer_id: int | None
    customer_external_id: str | None
    customer_email: str | None
    customer_name: str | None


def is_current() -> ColumnElement[bool]:
    """The condition that joins a conversation to its context, unless the context belongs to another customer."""
    own = or_(Conversation.customer_id.is_(None), Context.customer_id == Conversation.customer_id)
    return and_(Context.id == Conversation.context_id, own)


def find(session: Session, store_id: int, named: Named) -> ContextRow | None:
    """Return the context of a store with this name, or None."""
    found = listed(session, Context.store_id == store_id, *_is_named(named))
    return found[0] if found else None


def find_by_name(session: Session, actor: Actor, named: Named) -> list[ContextRow]:
    """Return up to two contexts with this name: in the actor's store, or in any store for admins."""
    return listed(session, *_is_named(named), *_reach(actor))


def find_of_customer(session: Session, actor: Actor, customer_id: int, most: int) -> list[ContextRow]:
    """Return up to `most` contexts of a customer that are within the actor's reach, newest first."""
    return listed(session, Context.customer_id == customer_id, *_reach(actor), most=most)


def store_by_code(session: Session, code: str) -> int | None:
    """Return the id of the store with this code, or None."""
    return session.scalar(select(Store.id).where(Store.code == code))


def customer_of(session: Session, store_id: int, external_id: str | None, email: str | None) -> int | None:
    """Return the id of a store's customer, found by external id or e-mail, or None."""
    by = (
        Customer.external_id == external_id if external_id is not None else Customer.email_key == email_key(email or "")
    )
    return session.scalar(select(Customer.id).where(Customer.store_id == store_id, by))


def count_about(session: Session, actor: Actor, context_id: int) -> tuple[int, int]:
    """Return how many conversations about a context `actor` sees, and how many messages there are unread for them."""
    seat = and_(Seat.conversation_id == Conversation.id, Seat.belongs_to(actor))
    number, unread = session.execute(
        select(func.count(), func.coalesce(func.sum(Seat.unread_count), 0))
        .select_from(Conversation)
        .outerjoin(Seat, seat)
        .where(Conversation.context_id == context_id, Conversation.visible_to(actor))
    ).one()
    return number, int(unread)


def _reach(actor: Actor) -> tuple[ColumnElement[bool], ...]:
    """Staff reach the contexts of their current store; admins reach all."""
    return () if actor.type == ActorType.ADMIN else (Context.store_id == actor.store_id,)


def _is_named(named: Named) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return Context.kind == named.kind, Context.reference == named.reference


def listed(session: Session, *conditions: ColumnElement[bool], most: int = 2) -> list[ContextRow]:
    """Return up to `most` contexts that meet `conditions`, the last changed first."""
    found = session.execute(
        select(
            Context.id,
            Context.store_id,
            Context.kind,
            Context.reference,
            Context.title,
            Context.url,
            Context.state,
            Context.facts,
            Context.version,
            Context.updated_at,
            Context.customer_id,
            Customer.external_id,
            Customer.email,
            Customer.name,
        )
        .outerjoin(Customer, Customer.id == Context.customer_id)
        .where(*conditions)
        .order_by(Context.updated_at.desc(), Context.id.desc())
        .limit(most)
    )
    return [ContextRow(*tuple(row)) for row in found]
