"""The eight verbs of the messaging centre, for pages and API alike.

Every function takes the actor first, finds what it touches through `Conversation.visible_to(actor)` and raises a
`Refusal` (see `errors.py`): `NotFound` for what is not there or not visible, `NotAllowed` for what the role may not do,
`ConversationClosed`, `IdempotencyConflict`, and `Invalid` naming each field at fault. Reading verbs run outside a
transaction; each writing verb is one short transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from types import SimpleNamespace
from typing import Any

from sqlalchemy import String, bindparam, false, func, insert, literal, select
from sqlalchemy.engine import Row

from messaging_app.actors import Actor, ActorType
from messaging_app.db.engine import now
from messaging_app.db.statements import fetch, here, transaction
from messaging_app.errors import ConversationClosed, NotAllowed, NotFound
from messaging_app.extensions import db
from messaging_app.here import engine_here
from messaging_app.mail import outbox
from messaging_app.models import (
    Conversation,
    ConversationParticipant,
    ConversationStatus,
    Message,
    MessageKind,
    Store,
)
from messaging_app.models.anybody import anybody_like, number, numbers_of
from messaging_app.models.events import CLOSED, REOPENED, EventKind
from messaging_app.policies import policy_of
from messaging_app.queries import cursors, inbox
from messaging_app.services import announcements, attachments, drafts, recipients, sending
from messaging_app.services.attachments import Prepared, Upload
from messaging_app.services.sending import Sent

AUDIENCE = announcements.AUDIENCE
PAGE = 25
THREAD_PAGE = 50


@dataclass(frozen=True, slots=True)
class ConversationPage:
    """A page of an inbox. `next_cursor` is None on the last page; `total` only when it was asked for."""

    rows: list[Row[Any]]
    next_cursor: str | None
    total: int | None = None


@dataclass(frozen=True, slots=True)
class Thread:
    """A conversation as one actor sees it: head, seats, a window of lines (oldest first)."""

    head: Any
    seats: list[Row[Any]]
    mine: Row[Any] | None
    lines: list[Row[Any]]
    has_older: bool


def create_conversation(
    actor: Actor,
    *,
    conversation_type: str,
    recipient_type: str,
    recipient_id: int,
    subject: str,
    content: str,
    idempotency_key: str | None = None,
    uploads: Sequence[Upload] = (),
    limits: attachments.Limits | None = None,
) -> Sent:
    """Begin a conversation with its first message. Subject 1-200 code points in one line, content 1-10,000.

    The recipient must be active and the actor's to reach. A repeated key answers the conversation that it began.
    `uploads` are sent with the first message, which may then have no words; see `attachments.validate_and_store`.
    """
    draft = drafts.of_conversation(subject, content, idempotency_key, with_files=bool(uploads))
    if policy_of(actor).starts.get(recipient_type) != conversation_type:
        if conversation_type in policy_of(actor).starts.values():
            raise drafts.wrong_recipient()
        raise NotAllowed
    address = f"create/{conversation_type}/{recipient_type}/{recipient_id}"
    reserved = {"id": attachments.reserve_conversation_id()} if uploads else {}

    def write(files: list[Prepared], digest: str) -> Sent:
        with transaction():
            at = now()
            store_id, customer_id = recipients.resolve(actor, recipient_type, recipient_id)
            conversation_id = here().scalar(
                insert(Conversation)
                .values(
                    **reserved,
                    conversation_type=conversation_type,
                    subject=draft.subject,
                    status=ConversationStatus.OPEN,
                    store_id=store_id,
                    customer_id=customer_id,
                    last_seq=1,
                    last_message_at=at,
                    created_at=at,
                    created_by_type=actor.type,
                    created_by_id=actor.id,
                    **Conversation.head_of(actor, sending.shown(draft, files)),
                )
                .returning(Conversation.id)
            )
            assert conversation_id is not None
            line = sending.Line(conversation_id, 1, at, conversation_type, store_id, customer_id)
            sending.write_message(actor, line, draft, files, digest)
            return Sent(conversation_id, 1)

    with attachments.validate_and_store(actor, uploads, reserved.get("id", 0), limits) as files:
        return sending.once(actor, draft, address, files, write)


def get_conversation(
    actor: Actor, conversation_id: int, *, before: int | None = None, after: int | None = None, limit: int = THREAD_PAGE
) -> Thread:
    """A thread: its newest `limit` lines, those before a seq, or the earliest that follow `after`. Two statements."""
    return read_lines(get_head(actor, conversation_id), before=before, after=after, limit=limit)


def get_head(actor: Actor, conversation_id: int) -> Thread:
    """A thread without its lines: enough to tell whether anything changed. One statement."""
    wanted = numbers_of(actor) | {"conversation_id": conversation_id}
    seats = fetch(inbox.head_and_seats(actor), wanted)
    if not seats:
        raise NotFound
    mine = next((s for s in seats if s.participant_type == actor.type and s.participant_id == actor.id), None)
    return Thread(seats[0], [s for s in seats if s.participant_id is not None], mine, [], False)


def read_lines(thread: Thread, *, before: int | None = None, after: int | None = None, limit: int) -> Thread:
    """`thread` with a window of its lines. One statement."""
    dialect = engine_here().dialect.name
    query = inbox.lines_of(dialect, before is not None, after is not None, limit + 1)
    lines = fetch(query, {"conversation_id": thread.head.id, "before": before, "after": after})
    more = len(lines) > limit
    lines = lines[:limit]
    if after is None:
        lines.reverse()
    has_older = bool(lines and lines[0].seq > 1) if after is not None else more
    return Thread(thread.head, thread.seats, thread.mine, lines, has_older)


def read_around(sent: Sent, after: int, limit: int) -> Thread:
    """What a page that shows `after` lacks just after sending: lines only, for nothing else can have been missed.

    The sender's right to them was checked by the send itself. One statement, none where the page lacks nothing but
    what was sent.
    """
    head = SimpleNamespace(
        id=sent.conversation_id,
        last_seq=sent.seq,
        status=ConversationStatus.OPEN,
        store_name=sent.store_name,
        removed_files=0,
    )
    if sent.lines and after == max(sent.seq - 2, 0):
        return Thread(head, [], None, list(sent.lines), has_older=sent.seq > 2)
    return read_lines(Thread(head, [], None, [], False), after=after, limit=limit)


def list_conversations(
    actor: Actor,
    *,
    status: str = "open",
    conversation_type: str | None = None,
    unread: bool = False,
    cursor: str | None = None,
    limit: int = PAGE,
    include_total: bool = False,
) -> ConversationPage:
    """A page of what `actor` sees, newest message first. `status` is open, closed or all. One statement."""
    chosen = None if status == "all" else ConversationStatus(status)
    after = cursors.decode_moment(cursor) if cursor else None
    after_at, after_id = after or (None, None)
    query = inbox.page_of(actor, chosen, conversation_type, unread, after is not None, limit + 1)
    rows = fetch(query, numbers_of(actor) | {"after_at": after_at, "after_id": after_id})
    more, rows = len(rows) > limit, rows[:limit]
    next_cursor = cursors.encode_moment(rows[-1].last_message_at, rows[-1].id) if more else None
    total = db.session.scalar(inbox.total(actor, chosen, conversation_type, unread)) if include_total else None
    return ConversationPage(rows, next_cursor, total)


def send_message(
    actor: Actor,
    conversation_id: int,
    content: str,
    *,
    idempotency_key: str | None = None,
    uploads: Sequence[Upload] = (),
    limits: attachments.Limits | None = None,
) -> Sent:
    """Write into an open conversation: content of 1-10,000 code points, none needed where there are `uploads`.

    A repeated key answers the first message. For files see `attachments.validate_and_store`.
    """
    draft = drafts.of_message(content, idempotency_key, with_files=bool(uploads))

    def write(files: list[Prepared], digest: str) -> Sent:
        return sending.send(actor, conversation_id, draft, files, digest)

    address = f"send/{conversation_id}"
    if not uploads:
        return sending.once(actor, draft, address, [], write)
    with attachments.validate_and_store(actor, uploads, conversation_id, limits) as files:
        return sending.once(actor, draft, address, files, write)


def mark_conversation_read(actor: Actor, conversation_id: int, up_to: int | None = None) -> int:
    """Move the actor's own seat forward to `up_to` (None: the latest line); answers what is left unread.

    Never moves backward, takes no seat, and leaves unread exactly the later messages of others.
    """
    with transaction():
        head = _locked(actor, conversation_id)
        up_to = head.last_seq if up_to is None else min(up_to, head.last_seq)
        due = outbox.mail_due_at()
        moved = fetch(*ConversationParticipant.mark_read(actor, conversation_id, up_to, now(), due))
        if moved:
            announcements.read(actor, head, moved[0].has_written)
            return int(moved[0].unread_count)
        left = fetch(_own_unread(actor.type), numbers_of(actor) | {"conversation_id": conversation_id})
        return int(left[0].unread_count) if left else 0


def get_unread_count(actor: Actor) -> int:
    """Unread messages in all that `actor` sees now. One statement."""
    return int(fetch(inbox.unread_total(actor), numbers_of(actor))[0].unread)


def close_conversation(actor: Actor, conversation_id: int) -> None:
    """Close; leaves an event in the thread. Closing what is closed changes nothing."""
    _turn(actor, conversation_id, CLOSED)


def reopen_conversation(actor: Actor, conversation_id: int) -> None:
    """Open again; leaves an event in the thread. Reopening what is open changes nothing."""
    _turn(actor, conversation_id, REOPENED)


def set_email_notifications(actor: Actor, conversation_id: int, wanted: bool) -> None:
    """Whether the actor's own seat gets mail; somebody without a seat takes one, with everything as read."""
    with transaction():
        head = _locked(actor, conversation_id)
        here().execute(
            ConversationParticipant.switch_mail(
                engine_here().dialect.name, actor, conversation_id, head.store_id, head.last_seq, wanted
            )
        )
        announcements.seat_changed(actor, head)


def get_writer(actor: Actor, conversation_id: int) -> Any:
    """Who is told, and under which name, while `actor` writes in an open conversation. One statement.

    Answers AUDIENCE, `has_written` (whether the actor ever wrote here) and `side_name`, the name of the actor's side.
    """
    wanted = numbers_of(actor) | {"conversation_id": conversation_id, "actor_name": actor.name}
    writers = fetch(_writer(actor.type, actor.sees_platform), wanted)
    if not writers:
        raise NotFound
    if writers[0].status == ConversationStatus.CLOSED:
        raise ConversationClosed(may_reopen=policy_of(actor).may_close)
    return writers[0]


@cache
def _writer(actor_type: ActorType, sees_platform: bool) -> Any:
    actor, seat = anybody_like(actor_type, sees_platform), ConversationParticipant
    side: Any = {ActorType.ADMIN: literal(inbox.PLATFORM_NAME), ActorType.STORE: Store.name}.get(
        actor_type, bindparam("actor_name", type_=String(200))
    )
    return (
        select(
            *AUDIENCE,
            Conversation.status,
            func.coalesce(seat.has_written, false()).label("has_written"),
            side.label("side_name"),
        )
        .join(Store, Store.id == Conversation.store_id)
        .outerjoin(seat, (seat.conversation_id == Conversation.id) & seat.belongs_to(actor))
        .where(Conversation.id == number("conversation_id"), Conversation.visible_to(actor))
    )


def _locked(actor: Actor, conversation_id: int) -> Any:
    """AUDIENCE and last_seq of a conversation that `actor` sees, held still until the transaction ends."""
    wanted = numbers_of(actor) | {"conversation_id": conversation_id}
    heads = fetch(_lock(actor.type, actor.sees_platform), wanted)
    if not heads:
        raise NotFound
    return heads[0]


@cache
def _own_unread(actor_type: ActorType) -> Any:
    seat = ConversationParticipant
    own = seat.belongs_to(anybody_like(actor_type))
    return select(seat.unread_count).where(seat.conversation_id == number("conversation_id"), own)


@cache
def _lock(actor_type: ActorType, sees_platform: bool) -> Any:
    seen = Conversation.visible_to(anybody_like(actor_type, sees_platform))
    return (
        select(*AUDIENCE, Conversation.last_seq)
        .where(Conversation.id == number("conversation_id"), seen)
        .with_for_update(key_share=True)
    )


def _turn(actor: Actor, conversation_id: int, event: EventKind) -> None:
    if not policy_of(actor).may_close:
        sending.status_of(actor, conversation_id)
        raise NotAllowed
    closing = event.status == ConversationStatus.CLOSED
    head = {
        "status": event.status,
        "closed_at": now() if closing else None,
        "closed_by_type": actor.type if closing else None,
        "closed_by_id": actor.id if closing else None,
    }
    expected_status = ConversationStatus.OPEN if closing else ConversationStatus.CLOSED
    with transaction():
        taken = fetch(*Conversation.take_seq(actor, conversation_id, now(), expected_status, **head))
        if not taken:
            sending.status_of(actor, conversation_id)
            return
        line = taken[0]
        here().execute(
            insert(Message).values(
                conversation_id=conversation_id,
                seq=line.last_seq,
                kind=MessageKind.EVENT,
                event=event.name,
                sender_type=actor.type,
                sender_id=actor.id,
                sender_name=actor.name,
                content=event.content_of(actor.name),
                created_at=line.moment,
            )
        )
        announcements.turned(actor, line)
