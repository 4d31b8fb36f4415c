"""The queries behind an inbox: for every role, each list is one index range."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple

from sqlalchemy import (
    ColumnElement,
    and_,
    bindparam,
    case,
    func,
    literal_column,
    null,
    select,
    tuple_,
    union_all,
)
from sqlalchemy.orm import Session

from messaging_app.actors import Actor, ActorType
from messaging_app.db.query import Query
from messaging_app.db.types import Column, Columns, Id, UtcDateTime
from messaging_app.models import (
    Conversation,
    ConversationParticipant,
    ConversationStatus,
    ConversationType,
    Customer,
    Store,
)
from messaging_app.models.conversation import Head
from messaging_app.models.scope import ACTOR_STORE_ID, word

PLATFORM_NAME = "Platform"
Beyond = Literal["older", "newer"]
Seat = ConversationParticipant


@dataclass(slots=True)
class InboxRow(Head):
    """A conversation in a list: its head, the other side as the actor sees it, the actor's unread count."""

    counterpart_type: str
    counterpart_id: int | None
    counterpart_name: str
    store_name: str
    unread_count: int


def counterpart(actor_type: ActorType) -> tuple[Column, ...]:
    """The other side as a role sees it: its type, id and name, and the store's name."""
    store: tuple[Column, ...] = (literal_column("'store'"), Conversation.store_id, Store.name)
    customer: tuple[Column, ...] = (
        literal_column("'customer'"),
        Conversation.customer_id,
        Customer.name,
    )
    platform: tuple[Column, ...] = (literal_column("'platform'"), null(), literal_column(f"'{PLATFORM_NAME}'"))
    first, other, kind = {
        ActorType.ADMIN: (store, customer, ConversationType.ADMIN_STORE),
        ActorType.STORE: (customer, platform, ConversationType.STORE_CUSTOMER),
        ActorType.CUSTOMER: (store, platform, ConversationType.STORE_CUSTOMER),
    }[actor_type]
    is_first = Conversation.conversation_type == word(kind)
    return (*(case((is_first, a), else_=b) for a, b in zip(first, other, strict=True)), Store.name)


class Shape(NamedTuple):
    """Which conversations a list shows of those that an actor sees; what is not set does not matter.

    Each shape is a query of its own. What is chosen from many is a parameter of it: with `of_store`, the store; with
    `of_customer`, the customer.
    """

    status: ConversationStatus | None = None
    kind: ConversationType | None = None
    unread: bool = False
    of_store: bool = False
    of_customer: bool = False

    @property
    def is_of_two_ranges(self) -> bool:
        """Whether open and closed conversations stand in ranges of their own, which are merged."""
        return bool(self.kind or self.of_store) and not (self.status or self.unread)

    def conditions(self) -> list[ColumnElement[bool]]:
        """The conditions of this shape, but for `unread`, which is a matter of the actor's seat."""
        found = []
        if self.kind:
            found.append(Conversation.conversation_type == word(self.kind))
        if self.of_store:
            found.append(Conversation.store_id == bindparam("of_store", type_=Id))
        if self.of_customer:
            found.append(Conversation.customer_id == bindparam("of_customer", type_=Id))
        if self.status:
            found.append(Conversation.status == word(self.status))
        return found


@lru_cache(maxsize=512)
def page_of(
    actor_type: ActorType, sees_platform: bool, shape: Shape, beyond: Beyond | None, limit: int
) -> Query[InboxRow]:
    """A page of an inbox, newest first.

    Without `unread` it reads the start of one index range (with a type or a store but no status: two, merged). With
    `unread` it sorts the actor's unread seats. `beyond` the row of the parameters `after_at` and `after_id` it returns
    older rows, or newer ones, oldest first, of conversations created by `began`. `limit` is a literal, so that the
    planner need not guess it.
    """
    place = (Conversation.last_message_at, Conversation.id)
    order = place if beyond == "newer" else tuple(column.desc() for column in place)
    most: ColumnElement[int] = literal_column(str(limit))

    def one_range(query: Columns, chosen: Shape) -> Columns:
        query = query.where(Conversation.seen_by(actor_type, sees_platform), *chosen.conditions())
        if beyond:
            last = tuple_(bindparam("after_at", type_=UtcDateTime), bindparam("after_id", type_=Id))
            query = query.where(tuple_(*place) > last if beyond == "newer" else tuple_(*place) < last)
        if beyond == "newer":
            query = query.where(Conversation.created_at <= bindparam("began", type_=UtcDateTime))
        return query.order_by(*order).limit(most)

    rows = _rows_of(actor_type)
    if shape.unread:
        return Query(one_range(rows.where(Seat.unread_count > literal_column("0")), shape), InboxRow)
    if shape.is_of_two_ranges:
        ranges = (shape._replace(status=status) for status in ConversationStatus)
        ids = (select(one_range(select(Conversation.id), chosen).subquery().c.id) for chosen in ranges)
        merged = rows.where(Conversation.id.in_(union_all(*ids))).order_by(*order).limit(most)
        return Query(merged, InboxRow)
    return Query(one_range(rows, shape), InboxRow)


def total(session: Session, actor: Actor, shape: Shape, values: dict[str, object]) -> int:
    """Count the conversations of a shape. Runs only when a program asks for the total."""
    query = select(func.count()).select_from(Conversation).where(Conversation.visible_to(actor), *shape.conditions())
    if shape.unread:
        own = select(Seat.conversation_id).where(Seat.conversation_id == Conversation.id, Seat.belongs_to(actor))
        query = query.where(own.where(Seat.unread_count > literal_column("0")).exists())
    return session.execute(query, values).scalar_one()


def _rows_of(actor_type: ActorType) -> Columns:
    """The rows of an inbox. Outer joins on unique keys make every database start with conversations."""
    own = [Seat.conversation_id == Conversation.id, Seat.of_actor(actor_type)]
    if actor_type == ActorType.STORE:
        own.append(Seat.store_id == ACTOR_STORE_ID)
    query = (
        select(*Head.columns(), *counterpart(actor_type), func.coalesce(Seat.unread_count, literal_column("0")))
        .select_from(Conversation)
        .outerjoin(Store, Store.id == Conversation.store_id)
        .outerjoin(Seat, and_(*own))
    )
    if actor_type == ActorType.CUSTOMER:
        return query
    return query.outerjoin(Customer, Customer.id == Conversation.customer_id)
