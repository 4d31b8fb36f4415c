"""Stores: listed and looked at, by the platform's admins and, one by one, by their own staff."""

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


@dataclass(frozen=True, slots=True)
class StoreCounts:
    """What a store has, as far as the admin sees it."""

    open: int
    all: int
    customers: int
    last_activity: datetime | None


def list_stores(actor: Actor, asked: Asked) -> ListPage:
    """A page of all stores with their owners. Raises `Invalid` for a filter that there is not."""
    require_sight(actor, "stores")
    check_asked(asked)
    rows, cursor = queries.page_of(db.session(), Store, queries.store_rows(actor), asked, PAGE)
    found = [StoreRow(*row) for row in rows]
    return ListPage(found, cursor, None if asked.q else queries.count_of(db.session(), Store, asked.status))


def owners_of(stores: list[StoreRow]) -> dict[int, list[str]]:
    """The names of the owners of each of these stores."""
    return queries.owners_of(db.session(), [store.id for store in stores])


def export_stores(actor: Actor, asked: Asked) -> Iterator[tuple[object, ...]]:
    """Every store that is asked for, a heading first: read in parts, so that an export of any size holds nothing."""
    require_right(actor, "stores")
    check_asked(asked)
    with writing(db.session) as session:
        audit.record(session, actor, "export.made", audit.Object("list", "stores", "stores"), after=asked.told())
    return _exported(actor, asked)


def get_store(actor: Actor, store_id: int) -> Store:
    """A store that the admin, or its own staff, looks at."""
    require_sight(actor, "staff", store_id)
    store = db.session.get(Store, store_id)
    if store is None:
        raise NotFound
    return store


def get_figures(actor: Actor, store_id: int) -> StoreCounts:
    """What a store has. One statement."""
    seen = select(func.count()).where(Conversation.store_id == store_id, Conversation.visible_to(actor))
    newest = select(func.max(Conversation.last_message_at)).where(
        Conversation.store_id == store_id, Conversation.visible_to(actor)
    )
    figures = (
        seen.where(Conversation.status == ConversationStatus.OPEN),
        seen,
        select(func.count()).where(Customer.store_id == store_id),
        newest,
    )
    return StoreCounts(*db.session.execute(select(*(figure.scalar_subquery() for figure in figures))).one())


def lock_store(session: Session, store_id: int) -> Store:
    """A store, held still until the transaction ends."""
    store = session.scalar(select(Store).where(Store.id == store_id).with_for_update(key_share=True))
    if store is None:
        raise NotFound
    return store


def about(store: Store) -> audit.Object:
    """A store, as the audit trail names the object of an entry."""
    return audit.Object("store", store.code, store.name)


def _exported(actor: Actor, asked: Asked) -> Iterator[tuple[object, ...]]:
    yield ("code", "name", "active", "owners", "staff", "created_at")
    while True:
        rows, cursor = queries.page_of(db.session(), Store, queries.store_rows(actor), asked, EXPORTED_AT_ONCE)
        stores = [StoreRow(*row) for row in rows]
        owners = owners_of(stores)
        db.session.rollback()  # nothing is held while the reader takes their time
        for store in stores:
            names = "; ".join(owners.get(store.id, ()))
            yield (store.code, store.name, store.active, names, store.staff, store.created_at)
        if not cursor:
            return
        asked = asked._replace(cursor=cursor)
