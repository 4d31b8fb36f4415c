"""The queries behind inbox and thread: each list is one range of one index, whoever asks.

Every statement is built once for each kind of actor and shape of filter, with numbers, times and seqs as parameters:
see `models/anybody.py`.
"""

from __future__ import annotations

from datetime import datetime
from functools import cache, lru_cache
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Text,
    and_,
    bindparam,
    case,
    cast,
    exists,
    false,
    func,
    literal_column,
    null,
    or_,
    select,
    true,
    tuple_,
    union_all,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import aliased

from messaging_app.actors import Actor, ActorType
from messaging_app.db.engine import Rows, UtcDateTime
from messaging_app.models import (
    Conversation,
    ConversationParticipant,
    ConversationStatus,
    ConversationType,
    Customer,
    Message,
    MessageAttachment,
    PlatformSetting,
    Store,
    UnreadTotal,
    User,
)
from messaging_app.models.anybody import anybody_like, number

PLATFORM_NAME = "Platform"
Seat = ConversationParticipant

HEAD = (
    Conversation.id,
    Conversation.conversation_type,
    Conversation.subject,
    Conversation.status,
    Conversation.store_id,
    Conversation.customer_id,
    Conversation.last_seq,
    Conversation.last_message_at,
    Conversation.last_message_preview,
    Conversation.last_sender_type,
    Conversation.last_sender_id,
    Conversation.last_sender_name,
    Conversation.created_at,
    Conversation.closed_at,
    Conversation.removed_files,
)
LINE = (
    Message.id,
    Message.conversation_id,
    Message.seq,
    Message.kind,
    Message.event,
    Message.sender_type,
    Message.sender_id,
    Message.sender_name,
    Message.content,
    Message.created_at,
    Message.attachment_count,
)


class LineRow(NamedTuple):
    """A row of `lines_of`: the columns of LINE, and `files`."""

    id: int
    conversation_id: int
    seq: int
    kind: str
    event: str | None
    sender_type: str
    sender_id: int
    sender_name: str
    content: str
    created_at: datetime
    attachment_count: int
    files: str | None


FILE = (
    "id",
    "filename",
    "mime_type",
    "size",
    "thumbnail_width",
    "thumbnail_height",
    "scanned",
    "removed_at",
    "removed_by_name",
    "removed_by_type",
    "removed_by_id",
    "removed_reason",
)


def counterpart(actor: Actor) -> tuple[ColumnElement[Any], ...]:
    """Columns counterpart_type, counterpart_id, counterpart_name and store_name: the other side, as `actor` sees it."""
    store: tuple[Any, ...] = (literal_column("'store'"), Conversation.store_id, Store.name)
    customer: tuple[Any, ...] = (literal_column("'customer'"), Conversation.customer_id, Customer.name)
    nobody: tuple[Any, ...] = (literal_column("'platform'"), null(), literal_column(f"'{PLATFORM_NAME}'"))
    if actor.type == ActorType.ADMIN:
        first, other, kind = store, customer, ConversationType.ADMIN_STORE
    elif actor.type == ActorType.STORE:
        first, other, kind = customer, nobody, ConversationType.STORE_CUSTOMER
    else:
        first, other, kind = store, nobody, ConversationType.STORE_CUSTOMER
    is_first = Conversation.conversation_type == literal_column(f"'{kind.value}'")
    names = ("counterpart_type", "counterpart_id", "counterpart_name")
    columns = (case((is_first, a), else_=b).label(name) for a, b, name in zip(first, other, names, strict=True))
    return (*columns, Store.name.label("store_name"))


def page_of(
    actor: Actor, status: ConversationStatus | None, kind: str | None, unread: bool, later: bool, limit: int
) -> Rows:
    """The statement for a page of `actor`'s inbox, newest first: HEAD, `counterpart`, and unread of their own seat.

    Without `unread` it is the head of one index range (with a type but no status: of two, merged). With `unread` the
    person's unread seats are sorted. With `later` the parameters `after_at` and `after_id` are the last row of the page
    before. `limit` is written into the statement, so that no plan must guess it.
    """
    return _page_of(actor.type, actor.sees_platform, status, kind, unread, later, limit)


@lru_cache(maxsize=512)
def _page_of(
    actor_type: ActorType,
    sees_platform: bool,
    status: ConversationStatus | None,
    kind: str | None,
    unread: bool,
    later: bool,
    limit: int,
) -> Rows:
    actor = anybody_like(actor_type, sees_platform)
    newest = (Conversation.last_message_at.desc(), Conversation.id.desc())
    most: ColumnElement[int] = literal_column(str(limit))

    def one_range(query: Rows, chosen: ConversationStatus | None) -> Rows:
        query = query.where(Conversation.visible_to(actor))
        if kind:
            query = query.where(Conversation.conversation_type == literal_column(f"'{ConversationType(kind).value}'"))
        if chosen:
            query = query.where(Conversation.status == literal_column(f"'{chosen.value}'"))
        if later:
            last = tuple_(bindparam("after_at", type_=UtcDateTime()), number("after_id"))
            query = query.where(tuple_(Conversation.last_message_at, Conversation.id) < last)
        return query.order_by(*newest).limit(most)

    if unread:
        return one_range(_rows_of(actor).where(Seat.unread_count > 0), status)
    if kind and not status:
        ids = (select(one_range(select(Conversation.id), chosen).subquery().c.id) for chosen in ConversationStatus)
        return _rows_of(actor).where(Conversation.id.in_(union_all(*ids))).order_by(*newest).limit(most)
    return one_range(_rows_of(actor), status)


def _rows_of(actor: Actor) -> Rows:
    """Rows of an inbox. Outer joins by unique keys: no database may begin with any table but conversations."""
    own = [Seat.conversation_id == Conversation.id, Seat.belongs_to(actor)]
    if actor.type == ActorType.STORE:
        own.append(Seat.store_id == actor.store_id)
    query = (
        select(*HEAD, *counterpart(actor), func.coalesce(Seat.unread_count, 0).label("unread_count"))
        .select_from(Conversation)
        .outerjoin(Store, Store.id == Conversation.store_id)
        .outerjoin(Seat, and_(*own))
    )
    if actor.type == ActorType.CUSTOMER:
        return query
    return query.outerjoin(Customer, Customer.id == Conversation.customer_id)


def _setting(key: str) -> ColumnElement[Any]:
    """A platform setting as a column, so that it is in force at once and costs no statement."""
    return select(PlatformSetting.value).where(PlatformSetting.key == key).scalar_subquery().label(key)


def head_and_seats(actor: Actor) -> Rows:
    """The statement for conversation `conversation_id` with all seats that `actor` may know of, a row a seat.

    There is one row with nulls where there is no seat. A customer learns of themselves and of those who have written,
    never of a whole staff.
    """
    return _head_and_seats(actor.type, actor.sees_platform)


@cache
def _head_and_seats(actor_type: ActorType, sees_platform: bool) -> Rows:
    actor, person = anybody_like(actor_type, sees_platform), aliased(Customer)
    known = Seat.conversation_id == Conversation.id
    if actor.type == ActorType.CUSTOMER:
        known = and_(known, or_(Seat.has_written, Seat.belongs_to(actor)))
    customers: ColumnElement[str] = literal_column("'customer'")
    return (
        select(
            *HEAD,
            *counterpart(actor),
            Seat.participant_type,
            Seat.participant_id,
            Seat.unread_count,
            Seat.last_read_seq,
            Seat.last_read_at,
            Seat.has_written,
            Seat.email_notifications,
            func.coalesce(User.name, person.name).label("participant_name"),
            _setting("message_attachment_max_size_mb"),
            _setting("message_attachment_max_files"),
        )
        .join(Store, Store.id == Conversation.store_id)
        .outerjoin(Customer, Customer.id == Conversation.customer_id)
        .outerjoin(Seat, known)
        .outerjoin(User, and_(Seat.participant_type != customers, User.id == Seat.participant_id))
        .outerjoin(person, and_(Seat.participant_type == customers, person.id == Seat.participant_id))
        .where(Conversation.id == number("conversation_id"), Conversation.visible_to(actor))
        .order_by(Seat.participant_type, Seat.participant_id)
    )


@lru_cache(maxsize=512)
def lines_of(dialect: str, before: bool, after: bool, limit: int) -> Rows:
    """The statement for lines of conversation `conversation_id`: the earliest that follow parameter `after`, if so
    asked, else the newest (before parameter `before`), newest first.

    The column `files` holds a message's attachments as a JSON list of objects with the keys of `FILE`, in the order
    in which they were sent; it is null where there are none.
    """
    query = select(*LINE, files_of_message(dialect)).limit(literal_column(str(limit)))
    query = query.where(Message.conversation_id == number("conversation_id"))
    if before:
        query = query.where(Message.seq < number("before"))
    if after:
        return query.where(Message.seq > number("after")).order_by(Message.seq)
    return query.order_by(Message.seq.desc())


@cache
def files_of_message(dialect: str) -> ColumnElement[Any]:
    """The attachments of one line as JSON, so that a thread with files costs no second statement."""
    build, gather = (
        (func.json_object, func.json_group_array) if dialect == "sqlite" else (func.json_build_object, func.json_agg)
    )
    file = MessageAttachment.__table__.c
    pairs = [part for name in FILE for part in (literal_column(f"'{name}'"), file[name])]
    ordered = aggregate_order_by(build(*pairs), file.id) if dialect == "postgresql" else build(*pairs)
    listed = select(gather(ordered)).where(file.message_id == Message.id).correlate(Message).scalar_subquery()
    return case((Message.attachment_count > 0, cast(listed, Text)), else_=null()).label("files")


def total(actor: Actor, status: ConversationStatus | None, kind: str | None, unread: bool) -> Rows:
    """How many conversations a filter holds; counted only when a program asks for it."""
    query = select(func.count()).select_from(Conversation).where(Conversation.visible_to(actor))
    if status:
        query = query.where(Conversation.status == status)
    if kind:
        query = query.where(Conversation.conversation_type == kind)
    if unread:
        query = query.where(
            exists().where(Seat.conversation_id == Conversation.id, Seat.belongs_to(actor), Seat.unread_count > 0)
        )
    return query


def unread_total(actor: Actor) -> Rows:
    """The statement for the number in the badge, `unread`: unread messages in what `actor` sees now. A few rows,
    however much there is unread.
    """
    return _unread_total(actor.type, actor.sees_platform)


@cache
def _unread_total(actor_type: ActorType, sees_platform: bool) -> Rows:
    actor = anybody_like(actor_type, sees_platform)
    return unread_sum(actor_type, actor.id, actor.store_id, true() if sees_platform else false())


def unread_sum(actor_type: ActorType, person_id: Any, store_id: Any, sees_platform: ColumnElement[bool]) -> Rows:
    """The same number for values or for columns of an outer statement."""
    part = UnreadTotal
    query = select(func.coalesce(func.sum(part.unread), 0).label("unread")).where(
        part.participant_type == literal_column(f"'{actor_type.value}'"),
        part.participant_id == person_id,
        part.store_id == (store_id if actor_type == ActorType.STORE else literal_column("0")),
    )
    return query.where(or_(sees_platform, ~part.platform)) if actor_type == ActorType.CUSTOMER else query
