"""Customers in the admins' console: list, show, deactivate and reactivate."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from messaging_app.accounts import sessions, tokens
from messaging_app.actors import Actor, ActorType
from messaging_app.db.engine import writing
from messaging_app.directory import seats
from messaging_app.errors import NotFound
from messaging_app.extensions import db
from messaging_app.models import ApiToken, Conversation, ConversationStatus, Customer, SignInSession
from messaging_app.policies import STOREFRONT
from messaging_app.queries import console as queries
from messaging_app.queries.console import Asked, CustomerRow
from messaging_app.services import audit, people
from messaging_app.services.console import EXPORTED_AT_ONCE, PAGE, ListPage, check_asked, require_right, require_sight


@dataclass(frozen=True, slots=True)
class CustomerCounts:
    """Counts of a customer's conversations that the admin can see."""

    open: int
    all: int
    last_activity: datetime | None


@dataclass(frozen=True, slots=True)
class Effects:
    """What deactivating a customer ends and keeps."""

    sessions: int
    tokens: int
    conversations: int


def list_customers(actor: Actor, asked: Asked) -> ListPage:
    """Return a page of all customers, or of one store's. Raises `Invalid` for an unknown filter."""
    require_sight(actor, "customers")
    check_asked(asked)
    rows, cursor = queries.page_of(db.session(), Customer, queries.customer_rows(), asked, PAGE)
    total = None if asked.q else queries.count_of(db.session(), Customer, asked.status, asked.store_id)
    return ListPage([CustomerRow(*row) for row in rows], cursor, total)


def export_customers(actor: Actor, asked: Asked) -> Iterator[tuple[object, ...]]:
    """Yield the matching customers as rows, starting with the header. Reads in batches, so memory use stays constant."""
    require_right(actor, "customers")
    check_asked(asked)
    about_list = audit.Object("list", "customers", "customers")
    with writing(db.session) as session:
        audit.record(session, actor, "export.made", about_list, after=asked.as_facts())
    return _exported(asked)


def get_customer(actor: Actor, customer_id: int) -> CustomerRow:
    """Return one customer. Raises `NotFound`."""
    require_sight(actor, "customers")
    found = db.session.execute(queries.customer_rows().where(Customer.id == customer_id)).one_or_none()
    if found is None:
        raise NotFound
    return CustomerRow._make(found)


def get_figures(actor: Actor, customer_id: int) -> CustomerCounts:
    """Return the counts of a customer's conversations. One statement."""
    own = (Conversation.customer_id == customer_id) & Conversation.visible_to(actor)
    figures = (
        select(func.count()).where(own, Conversation.status == ConversationStatus.OPEN),
        select(func.count()).where(own),
        select(func.max(Conversation.last_message_at)).where(own),
    )
    return CustomerCounts(*db.session.execute(select(*(figure.scalar_subquery() for figure in figures))).one())


def effects_of_deactivating(actor: Actor, customer_id: int) -> Effects:
    """Return what deactivating this customer would end and keep."""
    require_right(actor, "customers")
    of_token = (ApiToken.actor_type == ActorType.CUSTOMER) & (ApiToken.person_id == customer_id)
    return Effects(
        sessions.count_living(STOREFRONT, SignInSession.person_id == customer_id),
        tokens.count_living(of_token),
        get_figures(actor, customer_id).all,
    )


def deactivate_customer(actor: Actor, customer_id: int) -> None:
    """Sign a customer out and block further sign-ins. Idempotent."""
    require_right(actor, "customers")
    with writing(db.session) as session:
        customer = _held(session, customer_id)
        if not customer.active:
            return
        customer.active = False
        session.flush()
        ended = sessions.end_sessions_of(ActorType.CUSTOMER, customer_id)
        stopped = tokens.end_tokens_of(session, (ActorType.CUSTOMER,), (customer_id,))
        after = {"active": False, "sessions_ended": ended, "tokens_ended": stopped}
        audit.record(session, actor, "customer.deactivated", people.about(customer), {"active": True}, after)


def reactivate_customer(actor: Actor, customer_id: int) -> None:
    """Let a customer sign in again, with nothing unread. Idempotent."""
    require_right(actor, "customers")
    with writing(db.session) as session:
        customer = _held(session, customer_id)
        if customer.active:
            return
        customer.active = True
        session.flush()
        seats.customers_return(session.connection(), [customer_id])
        audit.record(
            session, actor, "customer.reactivated", people.about(customer), {"active": False}, {"active": True}
        )


def _held(session: Session, customer_id: int) -> Customer:
    """Return a customer, locked until the transaction ends."""
    query = select(Customer).where(Customer.id == customer_id).with_for_update(key_share=True)
    customer = session.scalar(query.execution_options(populate_existing=True))
    if customer is None:
        raise NotFound
    return customer


def _exported(asked: Asked) -> Iterator[tuple[object, ...]]:
    yield ("id", "name", "email", "external_id", "store", "active", "created_at")
    while True:
        rows, cursor = queries.page_of(db.session(), Customer, queries.customer_rows(), asked, EXPORTED_AT_ONCE)
        db.session.rollback()  # hold no connection while a slow client reads
        for row in map(CustomerRow._make, rows):
            yield (row.id, row.name, row.email, row.external_id, row.store_code, row.active, row.created_at)
        if not cursor:
            return
        asked = asked._replace(cursor=cursor)
