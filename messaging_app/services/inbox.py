"""The queries behind inbox and thread: each list is one range of one index, whoever asks."""

from __future__ import annotations

from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Text,
    and_,
    case,
    cast,
    exists,
    func,
    literal,
    literal_column,
    null,
    or_,
    select,
    tuple_,
    union_all,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import aliased

from messaging_app.actors import Actor, ActorType
from messaging_app.database import Rows
from messaging_app.models import (
    Conversation,
    ConversationParticipant,
    ConversationStatus,
    ConversationType,
    Customer,
    Message,
    MessageAttachment,
    Store,
    User,
)

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
    with_store, with_customer, platform = literal("store"), literal("customer"), literal("platform")
    store: tuple[Any, ...] = (with_store, Conversation.store_id, Store.name)
    customer: tuple[Any, ...] = (with_customer, Conversation.customer_id, Customer.name)
    nobody: tuple[Any, ...] = (platform, literal(None, Conversation.id.type), literal(PLATFORM_NAME))
    if actor.type == ActorType.ADMIN:
        first, other, is_first = store, customer, Conversation.conversation_type == ConversationType.ADMIN_STORE
    elif actor.type == ActorType.STORE:
        first, other, is_first = customer, nobody, Conversation.conversation_type == ConversationType.STORE_CUSTOMER
    else:
        first, other, is_first = store, nobody, Conversation.conversation_type == ConversationType.STORE_CUSTOMER
    names = ("counterpart_type", "counterpart_id", "counterpart_name")
    columns = (case((is_first, a), else_=b).label(name) for a, b, name in zip(first, other, names, strict=True))
    return (*columns, Store.name.label("store_name"))


def page_of_ids(
    actor: Actor,
    status: ConversationStatus | None,
    kind: str | None,
    unread: bool,
    after: tuple[Any, int] | None,
    limit: int,
) -> Rows:
    """One page of the inbox as (id, last_message_at), newest first.

    Without `unread` it is the head of one index range (with a type but no status: of two, merged). With `unread` the
    person's unread seats are sorted. `after` is the last row of the page before: (last_message_at, id).
    """
    statuses = [status] if status else ([*ConversationStatus] if kind and not unread else [None])

    def one_range(chosen: ConversationStatus | None) -> Rows:
        query = select(Conversation.id, Conversation.last_message_at).where(Conversation.visible_to(actor))
        if kind:
            query = query.where(Conversation.conversation_type == kind)
        if chosen:
            query = query.where(Conversation.status == chosen)
        if after:
            query = query.where(tuple_(Conversation.last_message_at, Conversation.id) < tuple_(*after))
        if unread:
            seats = Seat.belongs_to(actor) & (Seat.unread_count > 0)
            if actor.type == ActorType.STORE:
                seats &= Seat.store_id == actor.store_id
            query = query.join(Seat, and_(Seat.conversation_id == Conversation.id, seats))
        return query.order_by(Conversation.last_message_at.desc(), Conversation.id.desc()).limit(limit)

    if len(statuses) == 1:
        return one_range(statuses[0])
    merged = union_all(*(select(one_range(chosen).subquery()) for chosen in statuses)).subquery()
    return select(merged).order_by(merged.c.last_message_at.desc(), merged.c.id.desc()).limit(limit)


def rows_of(actor: Actor, page: Rows) -> Rows:
    """The rows of a page with the other side's name and the unread count of `actor`'s own seat."""
    ids = page.subquery()
    mine = aliased(Seat)
    return (
        select(*HEAD, *counterpart(actor), func.coalesce(mine.unread_count, 0).label("unread_count"))
        .select_from(ids)
        .join(Conversation, Conversation.id == ids.c.id)
        .join(Store, Store.id == Conversation.store_id)
        .outerjoin(Customer, Customer.id == Conversation.customer_id)
        .outerjoin(
            mine,
            and_(
                mine.conversation_id == Conversation.id,
                mine.participant_type == actor.type,
                mine.participant_id == actor.id,
            ),
        )
        .order_by(ids.c.last_message_at.desc(), ids.c.id.desc())
    )


def head_and_seats(actor: Actor, conversation_id: int) -> Rows:
    """One conversation with all its seats that `actor` may know of, a row a seat (one with nulls where there is none).

    A customer learns of themselves and of those who have written, never of a whole staff.
    """
    person = aliased(Customer)
    known = Seat.conversation_id == Conversation.id
    if actor.type == ActorType.CUSTOMER:
        known = and_(known, or_(Seat.has_written, Seat.belongs_to(actor)))
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
        )
        .join(Store, Store.id == Conversation.store_id)
        .outerjoin(Customer, Customer.id == Conversation.customer_id)
        .outerjoin(Seat, known)
        .outerjoin(User, and_(Seat.participant_type != ActorType.CUSTOMER, User.id == Seat.participant_id))
        .outerjoin(person, and_(Seat.participant_type == ActorType.CUSTOMER, person.id == Seat.participant_id))
        .where(Conversation.id == conversation_id, Conversation.visible_to(actor))
        .order_by(Seat.participant_type, Seat.participant_id)
    )


def lines_of(dialect: str, conversation_id: int, before: int | None, after: int | None, limit: int) -> Rows:
    """Lines of a thread. With `after`: the earliest that follow it; else the newest (before `before`), newest first.

    The column `files` holds a message's attachments as a JSON list of objects with the keys of `FILE`, in the order
    in which they were sent; it is null where there are none.
    """
    query = select(*LINE, files_of_message(dialect)).where(Message.conversation_id == conversation_id).limit(limit)
    if before is not None:
        query = query.where(Message.seq < before)
    if after is not None:
        return query.where(Message.seq > after).order_by(Message.seq)
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
    """The number in the badge: unread messages in what `actor` sees now. One range of a partial index."""
    return unread_sum(actor.type, actor.id, actor.store_id, literal(actor.sees_platform))


def unread_sum(actor_type: ActorType, person_id: Any, store_id: Any, sees_platform: ColumnElement[bool]) -> Rows:
    """The same number for values or for columns of an outer statement."""
    query = select(func.coalesce(func.sum(Seat.unread_count), 0)).where(
        Seat.participant_type == actor_type, Seat.participant_id == person_id, Seat.unread_count > 0
    )
    if actor_type == ActorType.STORE:
        return query.where(Seat.store_id == store_id)
    if actor_type == ActorType.CUSTOMER:
        shown = or_(sees_platform, Conversation.conversation_type == ConversationType.STORE_CUSTOMER)
        return query.join(Conversation, Conversation.id == Seat.conversation_id).where(shown)
    return query
