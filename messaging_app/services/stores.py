"""Lists and shows stores: all of them to admins, their own store to staff."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from messaging_app.actors import Actor
from messaging_app.db.engine import writing
from messaging_app.errors import NotFound
from messaging_app.extensions import db
from messaging_app.models import Conversation, ConversationStatus, Customer, Store
from messaging_app.queries import console as queries
from messaging_app.queries.console import Asked, StoreRow
from messaging_app.services import audit
from messaging_app.services.console import EXPORTED_AT_ONCE, PAGE, ListPage, check_asked, require_right, require_sight

COUNTED_UP_TO = 10_000  # above that a store's page says "10,000+"


@dataclass(frozen=True, slots=True)
class StoreCounts:
    """Counts of what the admin can see of a store, each up to COUNTED_UP_TO + 1."""

    open: int
    all: int
    customers: int
    last_activity: datetime | None
    up_to: int = COUNTED_UP_TO


def list_stores(actor: Actor, asked: Asked) -> ListPage:
    """Return a page of all stores with their owners. Raises `Invalid` for an unknown filter."""
    require_sight(actor, "stores")
    check_asked(asked)
    rows, cursor = queries.page_of(db.session(), Store, queries.store_rows(actor), asked, PAGE)
    found = [StoreRow(*row) for row in rows]
    return ListPage(found, cursor, None if asked.q else queries.count_of(db.session(), Store, asked.status))


def owners_of(stores: list[StoreRow]) -> dict[int, list[str]]:
    """Return the owners' names of each of these stores."""
    return queries.owners_of(db.session(), [store.id for store in stores])


def export_stores(actor: Actor, asked: Asked) -> Iterator[tuple[object, ...]]:
    """Yield the matching stores as rows, starting with the header. Reads in batches, so memory use stays constant."""
    require_right(actor, "stores")
    check_asked(asked)
    with writing(db.session) as session:
        audit.record(session, actor, "export.made", audit.Object("list", "stores", "stores"), after=asked.as_facts())
    return _exported(actor, asked)


def get_store(actor: Actor, store_id: int) -> Store:
    """Return a store for an admin or its own staff. Raises `NotFound`."""
    require_sight(actor, "staff", store_id)
    store = db.session.get(Store, store_id)
    if store is None:
        raise NotFound
    return store


def get_figures(actor: Actor, store_id: int) -> StoreCounts:
    """Return a store's counts. One statement."""
    conversation = Conversation
    seen = select(conversation.id).where(conversation.store_id == store_id, conversation.visible_to(actor))
    some = (
        seen.where(conversation.status == ConversationStatus.OPEN),
        seen,
        select(Customer.id).where(Customer.store_id == store_id).order_by(Customer.sort_name, Customer.id),
    )
    counts = (
        select(func.count()).select_from(query.limit(COUNTED_UP_TO + 1).subquery()).scalar_subquery() for query in some
    )
    newest = (
        seen.with_only_columns(conversation.last_message_at)
        .where(conversation.status == status)
        .order_by(conversation.last_message_at.desc())
        .limit(1)
        .scalar_subquery()
        for status in ConversationStatus
    )
    is_open, of_all, customers, *moments = db.session.execute(select(*counts, *newest)).one()
    return StoreCounts(is_open, of_all, customers, max(filter(None, moments), default=None))


def count_conversations(actor: Actor, store_id: int) -> int:
    """Return how many conversations of a store the admin can see. One statement."""
    query = select(func.count()).where(Conversation.store_id == store_id, Conversation.visible_to(actor))
    return db.session.scalar(query) or 0


def lock_store(session: Session, store_id: int) -> Store:
    """Return a store, locked until the transaction ends. Raises `NotFound`."""
    store = session.scalar(select(Store).where(Store.id == store_id).with_for_update(key_share=True))
    if store is None:
        raise NotFound
    return store


def about(store: Store) -> audit.Object:
    """Return a store as the object of an audit entry."""
    return audit.Object("store", store.code, store.name)


def _exported(actor: Actor, asked: Asked) -> Iterator[tuple[object, ...]]:
    yield ("code", "name", "active", "owners", "staff", "created_at")
    while True:
        rows, cursor = queries.page_of(db.session(), Store, queries.store_rows(actor), asked, EXPORTED_AT_ONCE)
        stores = [StoreRow(*row) for row in rows]
        owners = owners_of(stores)
        db.session.rollback()  # hold no connection while a slow client reads
        for store in stores:
            names = "; ".join(owners.get(store.id, ()))
            yield (store.code, store.name, store.active, names, store.staff, store.created_at)
        if not cursor:
            return
        asked = asked._replace(cursor=cursor)
