"""The queries behind an inbox: for every role, each list is one index range."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Literal

from sqlalchemy import (
    ColumnElement,
    Select,
    String,
    and_,
    bindparam,
    case,
    func,
    literal_column,
    null,
    or_,
    select,
    true,
    tuple_,
    union_all,
)
from sqlalchemy.orm import Session

from messaging_app.actors import Actor, ActorType
from messaging_app.db.query import Query
from messaging_app.db.types import Column, Columns, Id, UtcDateTime
from messaging_app.models import (
    Context,
    Conversation,
    ConversationParticipant,
    ConversationStatus,
    ConversationType,
    Customer,
    Store,
)
from messaging_app.models.conversation import Head
from messaging_app.models.scope import ACTOR_ID, ACTOR_STORE_ID, actor_params, word
from messaging_app.models.sides import HIDDEN, MOMENT, Side
from messaging_app.queries.contexts import is_current
from messaging_app.queries.cursors import Place

PLATFORM_NAME = "Platform"
Beyond = Literal["older", "newer"]
Seat = ConversationParticipant


@dataclass(slots=True)
class SeenHead(Head):
    """A conversation's head as one actor sees it: the other side, and the state of their own (see `models/sides.py`)."""

    counterpart_type: str
    counterpart_id: int | None
    counterpart_name: str
    store_name: str
    waiting: str
    waiting_since: datetime | None
    turn_since: datetime | None
    assignee_id: int | None
    assignee_name: str | None
    snoozed_until: datetime | None
    own_lines: int
    context_state: str | None  # this and the next: current values
    context_version: int | None

    @property
    def assignee(self) -> dict[str, int | str | None] | None:
        """The assignee on the actor's own side, or None."""
        return {"id": self.assignee_id, "name": self.assignee_name} if self.assignee_id is not None else None


@dataclass(slots=True)
class InboxRow(SeenHead):
    """A conversation in a list, with the actor's unread count."""

    unread_count: int


@dataclass(frozen=True, slots=True)
class Shape:
    """The filter and order of a list of conversations. By default all that the actor sees, newest first.

    Each shape is its own query. Values out of many (a store, a reference) are parameters of it:

    `of_store` and `of_customer` filter by the parameters of the same names, `of_kind` and `of_reference` by
    `context_kind` and `context_reference`, `of_reason` by `reason`. `waiting` is us, them or nobody; `assignee` is me,
    nobody, or somebody (parameter `of_assignee`). `longest` orders by the longest waiting instead of the newest message.
    """

    status: ConversationStatus | None = None
    kind: ConversationType | None = None
    unread: bool = False
    of_store: bool = False
    of_customer: bool = False
    of_kind: bool = False
    of_reference: bool = False
    of_reason: bool = False
    waiting: str | None = None
    assignee: str | None = None
    snoozed: bool = False
    longest: bool = False

    @property
    def place(self) -> tuple[Column, Column]:
        """The columns that the list is ordered by."""
        return (Conversation.turn_since if self.longest else Conversation.last_message_at, Conversation.id)


def place_of(row: InboxRow, shape: Shape) -> Place:
    """Return the position of a row in its list."""
    return Place((shape.longest and row.turn_since) or row.last_message_at, row.id)


def seen_columns(actor_type: ActorType) -> tuple[Column, ...]:
    """Return the columns of `SeenHead`. Parameter `moment` is the current time; join contexts by `is_current`."""
    side = Conversation.side(actor_type)
    now = (Context.state, Context.version)
    return (*Head.columns(), *counterpart(actor_type), *(side.shown() if side else HIDDEN), *now)


def counterpart(actor_type: ActorType) -> tuple[Column, ...]:
    """Return the columns of the other side as a role sees it: type, id, name, and the store's name."""
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


@lru_cache(maxsize=1024)
def page_of(actor_type: ActorType, sees_all: bool, shape: Shape, beyond: Beyond | None, limit: int) -> Query[InboxRow]:
    """Build the query of one page of an inbox.

    It reads the start of one index range, or merges a few (see `_ranges`); `unread` and `snoozed` sort the few rows that
    match. `beyond` the row of parameters `after_at` and `after_id` it returns older rows, or newer ones, oldest first,
    of conversations created by `began`. `limit` is a literal, so that the planner knows it.
    """
    place = shape.place
    forward = beyond == "newer" or shape.longest
    order = place if forward else tuple(column.desc() for column in place)
    most: ColumnElement[int] = literal_column(str(limit))

    def one_range(query: Columns, conditions: tuple[ColumnElement[bool], ...]) -> Columns:
        query = query.where(Conversation.seen_by(actor_type, sees_all), *conditions)
        if beyond:
            last = tuple_(bindparam("after_at", type_=UtcDateTime), bindparam("after_id", type_=Id))
            query = query.where(tuple_(*place) > last if forward else tuple_(*place) < last)
        if beyond == "newer":
            query = query.where(Conversation.created_at <= bindparam("began", type_=UtcDateTime))
        return query.order_by(*order).limit(most)

    rows, ranges = _rows_of(actor_type), _ranges(actor_type, sees_all, shape)
    if shape.unread:
        return Query(one_range(rows.where(Seat.unread_count > literal_column("0")), _any(ranges)), InboxRow)
    if len(ranges) == 1:
        return Query(one_range(rows, ranges[0]), InboxRow)
    ids = (select(one_range(select(Conversation.id), conditions).subquery().c.id) for conditions in ranges)
    merged = rows.where(Conversation.id.in_(union_all(*ids))).order_by(*order).limit(most)
    return Query(merged, InboxRow)


@lru_cache(maxsize=256)
def count_of(actor_type: ActorType, sees_all: bool, shape: Shape, most: int) -> Query[int]:
    """Build the query that counts a list up to `most`: it reads the start of the same index ranges.

    The order is there to make the planner choose the index: waiting conversations have one ordered by waiting time.
    """
    limit: ColumnElement[int] = literal_column(str(most))
    in_turn = shape.longest or shape.waiting in ("us", "them")
    order = replace(shape, longest=True).place if in_turn else tuple(column.desc() for column in shape.place)
    ids, ranges = select(Conversation.id), _ranges(actor_type, sees_all, shape)
    if shape.unread:
        ids = ids.join(Seat, own_seat(actor_type)).where(Seat.unread_count > literal_column("0"))
        order, ranges = (), [_any(ranges)]
    seen = Conversation.seen_by(actor_type, sees_all)
    counted = (
        select(ids.where(seen, *conditions).order_by(*order).limit(limit).subquery().c.id) for conditions in ranges
    )
    return Query(select(func.count()).select_from(union_all(*counted).limit(limit).subquery()), int)


def listed(session: Session, actor: Actor, ids: Collection[int], moment: datetime) -> dict[int, InboxRow]:
    """Return the list rows of those conversations in `ids` that `actor` sees, by id."""
    query = _rows_of(actor.type).where(Conversation.id.in_(ids), Conversation.visible_to(actor))
    found = session.execute(query, actor_params(actor) | {"moment": moment})
    return {row.id: row for row in (InboxRow(*columns) for columns in found)}


def total(session: Session, actor: Actor, shape: Shape, values: dict[str, object]) -> int:
    """Count all conversations that match a filter. Runs only when an API client asks for the total."""
    query = select(func.count()).select_from(Conversation).where(Conversation.visible_to(actor))
    query = query.where(*_any(_ranges(actor.type, actor.sees_all, shape)))
    if shape.unread:
        own = select(Seat.conversation_id).where(Seat.conversation_id == Conversation.id, Seat.belongs_to(actor))
        query = query.where(own.where(Seat.unread_count > literal_column("0")).exists())
    return session.execute(query, actor_params(actor) | values).scalar_one()


def _ranges(actor_type: ActorType, sees_all: bool, shape: Shape) -> list[tuple[ColumnElement[bool], ...]]:
    """Return the index ranges of a filter, each as its conditions; together they hold exactly the rows of the list.

    There are two if the filter leaves the status open, since the status comes first in the index, and two if staff see
    only conversations assigned to them or to nobody.
    """
    side = Conversation.side(actor_type)
    same: list[ColumnElement[bool]] = []
    if shape.kind:
        same.append(Conversation.conversation_type == word(shape.kind))
    if shape.of_store:
        same.append(Conversation.store_id == bindparam("of_store", type_=Id))
    if shape.of_customer:
        same.append(Conversation.customer_id == bindparam("of_customer", type_=Id))
    whose: list[tuple[ColumnElement[bool], ...]] = [()]
    if shape.of_reference:
        same.append(Conversation.context_id.in_(_contexts(actor_type, shape)))
    elif shape.of_kind:
        same.append(Conversation.context_kind == bindparam("context_kind", type_=String()))
    if shape.of_reason:
        same.append(Conversation.reason_code == bindparam("reason", type_=String()))
    heads = shape.kind or shape.of_store or shape.of_kind or shape.of_reason or shape.waiting == "nobody"
    split = bool(heads) and not shape.of_reference
    if side:
        if shape.snoozed:
            same.append(side.snoozed_until > MOMENT)
        mine, nobodys = side.assignee_id == ACTOR_ID, side.assignee_id.is_(None)
        somebodys = side.assignee_id == bindparam("of_assignee", type_=Id)
        if shape.assignee:
            whose = [({"me": mine, "nobody": nobodys, "somebody": somebodys}[shape.assignee],)]
        elif not (sees_all or shape.waiting or shape.snoozed):
            whose = [(mine,), (nobodys,)]
        split = split or whose != [()]
    statuses = [shape.status] if shape.status or not split or shape.unread else list(ConversationStatus)
    return [
        (*same, *part, *_of_status(status), *_of_turn(side, shape, status)) for status in statuses for part in whose
    ]


def _contexts(actor_type: ActorType, shape: Shape) -> Select[int]:
    """Select the few contexts with a reference: in one store, or in all of them for admins."""
    query = select(Context.id).where(Context.reference == bindparam("context_reference", type_=String()))
    if shape.of_kind:
        query = query.where(Context.kind == bindparam("context_kind", type_=String()))
    return query if actor_type == ActorType.ADMIN else query.where(Context.store_id == ACTOR_STORE_ID)


def _of_status(status: ConversationStatus | None) -> tuple[ColumnElement[bool], ...]:
    return (Conversation.status == word(status),) if status else ()


def _of_turn(side: Side | None, shape: Shape, status: ConversationStatus | None) -> tuple[ColumnElement[bool], ...]:
    if side is None or shape.waiting is None:
        return ()
    if shape.waiting == "us":
        return (side.waits_for_us(), side.is_awake())
    if shape.waiting == "them":
        return (side.waits_for_them(),)
    if status == ConversationStatus.CLOSED:
        return ()
    closed = Conversation.status == word(ConversationStatus.CLOSED)
    return (side.is_ruled_out() if status else or_(closed, side.is_ruled_out()),)


def _any(ranges: list[tuple[ColumnElement[bool], ...]]) -> tuple[ColumnElement[bool], ...]:
    """Return the condition that a row is in one of `ranges`."""
    return ranges[0] if len(ranges) == 1 else (or_(*(and_(true(), *conditions) for conditions in ranges)),)


def _rows_of(actor_type: ActorType) -> Columns:
    """Select the rows of an inbox. Outer joins on unique keys make every database start with conversations."""
    query = (
        select(*seen_columns(actor_type), func.coalesce(Seat.unread_count, literal_column("0")))
        .select_from(Conversation)
        .outerjoin(Context, is_current())
        .outerjoin(Store, Store.id == Conversation.store_id)
        .outerjoin(Seat, own_seat(actor_type))
    )
    if actor_type == ActorType.CUSTOMER:
        return query
    return query.outerjoin(Customer, Customer.id == Conversation.customer_id)


def own_seat(actor_type: ActorType) -> ColumnElement[bool]:
    """Return the condition that joins the actor's seat to a conversation."""
    own = [Seat.conversation_id == Conversation.id, Seat.of_actor(actor_type)]
    if actor_type == ActorType.STORE:
        own.append(Seat.store_id == ACTOR_STORE_ID)
    return and_(*own)
