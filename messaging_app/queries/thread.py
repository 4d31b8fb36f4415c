"""The queries behind a thread: the conversation's head with its seats, and a range of its lines."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cache, lru_cache
from typing import NamedTuple

from sqlalchemy import Table, Text, and_, bindparam, case, cast, func, literal_column, null, or_, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import aliased

from messaging_app.actors import ActorType
from messaging_app.db.query import Query
from messaging_app.db.types import Column, Columns, Id, table_of
from messaging_app.models import (
    Context,
    Conversation,
    ConversationParticipant,
    Customer,
    DelayedMessage,
    Message,
    MessageAttachment,
    Note,
    NoteAttachment,
    PlatformSetting,
    SideLine,
    Store,
    User,
)
from messaging_app.models.context import Fact
from messaging_app.models.delayed import SHOWN, DelayState
from messaging_app.models.platform import REPLY_REOPENS_DAYS
from messaging_app.models.scope import word
from messaging_app.models.sides import TEAMS
from messaging_app.queries.contexts import is_current
from messaging_app.queries.inbox import SeenHead, seen_columns

Seat = ConversationParticipant
OF_CONVERSATION = bindparam("conversation_id", type_=Id)


@dataclass(slots=True)
class SeatRow(SeenHead):
    """A seat with the head of its conversation, the file limits as stored, and the current context.

    `follows_…` is the conversation that this one continues, `continued_…` the one that continues it, if the actor sees it.

    A conversation without seats has one row whose `participant_type` is None. `delayed` changes whenever the actor's
    delayed messages change; None while there are none.
    """

    participant_type: str | None
    participant_id: int | None
    unread_count: int
    last_read_seq: int
    last_read_at: datetime | None
    has_written: bool
    email_notifications: bool
    mentions: int
    given_by: str | None
    participant_name: str
    message_attachment_max_size_mb: str | None
    message_attachment_max_files: str | None
    reply_reopens_days: str | None
    context_title: str | None
    context_url: str | None
    context_facts: list[Fact] | None
    follows_id: int | None
    follows_subject: str | None
    continued_id: int | None
    continued_subject: str | None
    delayed: int | None


class LineRow(NamedTuple):
    """A line of a thread. `files`, `own` and `notes` are JSON lists, or None.

    `files` are its attachments in the order sent (keys of FILE); `own` and `notes` are what one side sees after the
    line: its own lines (keys of OWN) and its notes (keys of NOTE).
    """

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
    own: str | None
    notes: str | None


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


NOTE = ("id", "author_id", "author_name", "content", "mentions", "created_at")  # and `files`, as in a line
OWN = ("id", "event", "actor_id", "actor_name", "content", "user_id", "created_at")


@cache
def head_and_seats(actor_type: ActorType, sees_all: bool) -> Query[SeatRow]:
    """Build the query of conversation `conversation_id` with the seats that the actor may see, one row per seat.

    A customer sees their own seat and those of users who have written, never the whole staff.
    """
    person, known = aliased(Customer), Seat.conversation_id == Conversation.id
    before, after = aliased(Conversation), aliased(Conversation)
    if actor_type == ActorType.CUSTOMER:
        known = and_(known, or_(Seat.has_written, Seat.of_actor(actor_type)))
    known = and_(known, or_(~Seat.by_mention, Seat.has_written, Seat.participant_type == word(actor_type)))
    is_customer = Seat.participant_type == word(ActorType.CUSTOMER)
    return Query(
        select(
            *seen_columns(actor_type),
            Seat.participant_type,
            Seat.participant_id,
            Seat.unread_count,
            Seat.last_read_seq,
            Seat.last_read_at,
            Seat.has_written,
            Seat.email_notifications,
            Seat.mentions,
            Seat.given_by,
            func.coalesce(User.name, person.name),
            _setting("message_attachment_max_size_mb"),
            _setting("message_attachment_max_files"),
            _setting(REPLY_REOPENS_DAYS),
            *(Context.title, Context.url, Context.facts),
            *(before.id, before.subject, after.id, after.subject),
            _delayed(actor_type),
        )
        .outerjoin(Context, is_current())
        .outerjoin(before, and_(before.id == Conversation.follows_id, before.seen_by(actor_type, sees_all)))
        .outerjoin(after, and_(after.follows_id == Conversation.id, after.seen_by(actor_type, sees_all)))
        .join(Store, Store.id == Conversation.store_id)
        .outerjoin(Customer, Customer.id == Conversation.customer_id)
        .outerjoin(Seat, known)
        .outerjoin(User, and_(~is_customer, User.id == Seat.participant_id))
        .outerjoin(person, and_(is_customer, person.id == Seat.participant_id))
        .where(Conversation.id == OF_CONVERSATION, Conversation.seen_by(actor_type, sees_all))
        .order_by(Seat.participant_type, Seat.participant_id),
        SeatRow,
    )


@lru_cache(maxsize=512)
def lines_of(dialect: str, before: bool, after: bool, limit: int, side: ActorType | None = None) -> Query[LineRow]:
    """Build the query of lines of conversation `conversation_id`.

    With `after`: the earliest lines after parameter `after`. Otherwise the newest first, with `before` those before
    parameter `before`. `side` adds what only that side sees.
    """
    query = select(
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
        _files(dialect),
        _own(dialect, SideLine, OWN, side) if side else null(),
        _own(dialect, Note, NOTE, side) if side else null(),
    )
    query = query.limit(literal_column(str(limit))).where(Message.conversation_id == OF_CONVERSATION)
    if before:
        query = query.where(Message.seq < bindparam("before", type_=Id))
    if after:
        return Query(query.where(Message.seq > bindparam("after", type_=Id)).order_by(Message.seq), LineRow)
    return Query(query.order_by(Message.seq.desc()), LineRow)


def _files(dialect: str) -> Column:
    """Return the attachments of one line as JSON, so that a thread with files needs no second statement."""
    file = table_of(MessageAttachment).c
    listed = _as_json(dialect, table_of(MessageAttachment), FILE).where(file.message_id == Message.id)
    listed_text = cast(listed.correlate(Message).scalar_subquery(), Text)
    return case((Message.attachment_count > literal_column("0"), listed_text), else_=null())


def _own(dialect: str, model: type[SideLine | Note], names: tuple[str, ...], side: ActorType) -> Column:
    """Return the lines or notes of one side that follow a line, as JSON."""
    own = table_of(model).c
    files = _note_files(dialect) if model is Note else None
    listed = _as_json(dialect, table_of(model), names, files=files).where(
        own.conversation_id == Message.conversation_id, own.side == word(side), own.after_seq == Message.seq
    )
    return cast(listed.correlate(Message).scalar_subquery(), Text)


def _note_files(dialect: str) -> Column:
    """Return the attachments of one note as a list within its JSON."""
    file = table_of(NoteAttachment).c
    listed = _as_json(dialect, table_of(NoteAttachment), FILE).where(file.note_id == Note.id)
    return case((Note.attachment_count > literal_column("0"), listed.correlate(Note).scalar_subquery()), else_=null())


def _as_json(dialect: str, table: Table, names: tuple[str, ...], *, files: Column | None = None) -> Columns:
    """Return rows as a JSON list of objects, ordered by id, with `files` if given."""
    build, gather = (
        (func.json_object, func.json_group_array) if dialect == "sqlite" else (func.json_build_object, func.json_agg)
    )
    named: list[tuple[Column, Column]] = [(literal_column(f"'{name}'"), table.c[name]) for name in names]
    if files is not None:
        named.append((literal_column("'files'"), files))
    pairs = [part for pair in named for part in pair]
    ordered = aggregate_order_by(build(*pairs), table.c.id) if dialect == "postgresql" else build(*pairs)
    return select(gather(ordered))


def _delayed(actor_type: ActorType) -> Column:
    """Return a number that identifies the delayed messages of the actor's side; null for customers, who have none."""
    if actor_type not in TEAMS:
        return null()
    row = table_of(DelayedMessage).c
    marks = row.id * literal_column("2") + case(
        (row.state == word(DelayState.REFUSED), literal_column("1")), else_=literal_column("0")
    )
    own = (row.conversation_id == Conversation.id, row.sender_type == word(actor_type))
    shown = row.state.in_([word(state) for state in SHOWN])
    return select(cast(func.sum(marks), Id)).where(*own, shown).correlate(Conversation).scalar_subquery()


def _setting(key: str) -> Column:
    """Return a platform setting as a column: changes take effect at once, and reading needs no extra statement."""
    stored = PlatformSetting.key == literal_column(f"'{key}'")
    return select(PlatformSetting.value).where(stored).scalar_subquery()
