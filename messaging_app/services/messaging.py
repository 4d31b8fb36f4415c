"""The eight verbs of the messaging centre, for pages and API alike.

Every function takes the actor first and looks up records through `Conversation.visible_to(actor)`. Each raises a
`Refusal` (see `errors.py`): `NotFound` for what does not exist or is not visible, `NotAllowed` for what the role may
not do, `ConversationClosed`, `IdempotencyConflict`, and `Invalid` naming each invalid field. Reading verbs run outside
a transaction; each writing verb is one short transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TypedDict, Unpack

from messaging_app.actors import Actor, ActorType
from messaging_app.db.engine import now, writing
from messaging_app.errors import ConversationClosed, DuplicateOpen, NotAllowed, NotFound
from messaging_app.extensions import db
from messaging_app.mail import outbox
from messaging_app.models import (
    Conversation,
    ConversationParticipant,
    ConversationStatus,
    ConversationType,
)
from messaging_app.models.context import Named
from messaging_app.models.events import CLOSED, REOPENED, EventKind
from messaging_app.models.position import Locked
from messaging_app.models.scope import actor_params
from messaging_app.policies import policy_of
from messaging_app.queries import cursors, inbox, people, thread
from messaging_app.queries import sending as lookups
from messaging_app.services import announcements, attachments, contexts, drafts, reasons, recipients, sending, starts
from messaging_app.services.attachments import Attachable, Upload
from messaging_app.services.sending import Sent

PAGE = 25
THREAD_PAGE = 50
OTHERS = 5


class Asked(TypedDict, total=False):
    """What a list shows: of what the actor sees, all that is open, or what is said here.

    `status` is open, closed or all, `waiting` us, them or nobody, `assignee` me, nobody or a user's id, `order` newest
    or waiting (the longest first).
    """

    status: str
    conversation_type: str | None
    unread: bool
    store_id: int | None
    customer_id: int | None
    context_kind: str | None
    context_reference: str | None
    reason: str | None
    waiting: str | None
    assignee: int | str | None
    snoozed: bool
    order: str


@dataclass(frozen=True, slots=True)
class ConversationPage:
    """A page of an inbox. `next_cursor` is None on the last page. `total` is None unless requested."""

    rows: list[inbox.InboxRow]
    next_cursor: str | None
    total: int | None = None


@dataclass(frozen=True, slots=True)
class Thread:
    """A conversation as one actor sees it: head, seats, a window of lines (oldest first).

    `side` is that of the actor where it has lines of its own, which come with the lines that they follow.
    """

    head: thread.SeatRow
    seats: list[thread.SeatRow]
    mine: thread.SeatRow | None
    lines: list[thread.LineRow]
    has_older: bool
    side: ActorType | None = None


@dataclass(slots=True)
class Others:
    """Other conversations that staff may want beside one: with its customer, and about the same matter."""

    conversation_id: int
    customer_name: str
    of_customer: list[inbox.InboxRow] = field(default_factory=list)
    about: list[inbox.InboxRow] = field(default_factory=list)
    kind: str = ""
    reference: str = ""


def create_conversation(
    actor: Actor,
    *,
    conversation_type: str,
    recipient_type: str,
    recipient_id: int | None,
    subject: str,
    content: str,
    context: Named | None = None,
    follows: int | None = None,
    reason: str = "",
    idempotency_key: str | None = None,
    uploads: Sequence[Upload] = (),
    limits: attachments.Limits | None = None,
) -> Sent:
    """Begin a conversation with its first message. Subject 1-200 code points in one line, content 1-10,000.

    Customers begin only where they are allowed to, and so many a day (see `starts`).
    The recipient must be active and within the actor's reach. A repeated key returns the conversation it began. If the
    parties have an open conversation about the same `context`, nothing is written and that one is returned; so too if
    what continues `follows`, a closed conversation of the same parties, is open. `reason` is the code of one that fits (see
    `reasons`).
    `uploads` are sent with the first message, which may then be empty; see `attachments.validate_and_store`.
    """
    starts.require_allowed(actor, context)
    draft = drafts.of_conversation(subject, content, idempotency_key, with_files=bool(uploads))
    possible = starts.possible(actor, conversation_type, recipient_type)
    if possible.get(recipient_type) != conversation_type:
        if conversation_type in possible.values():
            raise drafts.wrong_recipient()
        raise NotAllowed
    named = (*(context or ()), *([f"reason={reason}"] if reason else []))
    address = "/".join(("create", conversation_type, recipient_type, str(recipient_id), *named))
    address += f"/follows/{follows}" if follows else ""
    reserved = attachments.reserve_conversation_id() if uploads else None

    def write(files: Sequence[Attachable], digest: str) -> Sent:
        with writing(db.session) as session:
            store_id, customer_id, says_why = recipients.resolve(session, actor, recipient_type, recipient_id)
            about = contexts.of_new_conversation(session, actor, context, store_id, customer_id) if context else None
            why = reasons.choose(session, actor, reason, recipient_type, about, says_why)
            other = about and Conversation.open_about(session, conversation_type, customer_id, about.id)
            if other:
                raise DuplicateOpen(other)
            parties = (conversation_type, store_id, customer_id)
            last = starts.last_of_chain(session, actor, follows, parties) if follows else None
            starts.count(session, actor)
            place = (
                store_id,
                customer_id,
                draft.subject,
                sending.shown(draft, files),
                now(),
                reserved,
                about,
                last,
                why,
            )
            line = Conversation.begin(session, actor, conversation_type, *place)
            sending.write_message(session, actor, line, draft, files, digest)
            return Sent(line.conversation_id, line.last_seq)

    try:
        with attachments.validate_and_store(actor, uploads, reserved or 0, limits) as files:
            return sending.idempotently(actor, draft, address, files, write)
    except DuplicateOpen as found:
        return Sent(found.conversation_id, 0, was_open=True)


def get_conversation(
    actor: Actor, conversation_id: int, *, before: int | None = None, after: int | None = None, limit: int = THREAD_PAGE
) -> Thread:
    """Return a thread: its newest `limit` lines, those before a seq, or the first after `after`. Two statements."""
    return read_lines(get_head(actor, conversation_id), before=before, after=after, limit=limit)


def get_head(actor: Actor, conversation_id: int) -> Thread:
    """Return a thread without its lines: enough to detect a change. One statement."""
    query = thread.head_and_seats(actor.type, actor.sees_all)
    seats = query.all(db.session(), **actor_params(actor), conversation_id=conversation_id, moment=now())
    if not seats:
        raise NotFound
    mine = next((s for s in seats if s.participant_type == actor.type and s.participant_id == actor.id), None)
    side = actor.type if seats[0].own_lines else None
    return Thread(seats[0], [s for s in seats if s.participant_id is not None], mine, [], False, side)


def read_lines(found: Thread, *, before: int | None = None, after: int | None = None, limit: int) -> Thread:
    """Return `found` with a window of its lines. One statement."""
    lines = _lines(found.head.id, before, after, limit + 1, found.side)
    more = len(lines) > limit
    lines = lines[:limit]
    if after is None:
        lines.reverse()
    has_older = bool(lines and lines[0].seq > 1) if after is not None else more
    return replace(found, lines=lines, has_older=has_older)


def list_others(actor: Actor, conversation_id: int) -> Others:
    """Return the newest other conversations with the same customer, and about the same matter, that `actor` sees."""
    head = get_head(actor, conversation_id).head
    most = OTHERS + 1  # one of them is this one

    def rest(rows: list[inbox.InboxRow], known: Sequence[int] = ()) -> list[inbox.InboxRow]:
        return [row for row in rows if row.id != head.id and row.id not in known][:OTHERS]

    found = Others(conversation_id, head.counterpart_name)
    if head.customer_id is not None:
        page = list_conversations(actor, status="all", customer_id=head.customer_id, limit=most)
        found.of_customer = rest(page.rows)
    if head.context is not None:
        found.kind, found.reference = head.context["kind"], head.context["reference"]
        page = list_conversations(
            actor,
            status="all",
            store_id=head.store_id,
            context_kind=found.kind,
            context_reference=found.reference,
            limit=most + OTHERS,
        )
        found.about = rest(page.rows, [row.id for row in found.of_customer])
    return found


def read_sent(sent: Sent, after: int, limit: int) -> list[thread.LineRow]:
    """Return the lines since `after` to the sender of a message, whose access the send has checked. One statement."""
    return _lines(sent.conversation_id, None, after, limit)


def read_newer(actor: Actor, conversation_id: int, seen: int, limit: int = THREAD_PAGE) -> list[thread.LineRow]:
    """Return the first `limit` messages that others wrote after `seen`. Two statements. Raises `NotFound`."""
    lines = read_lines(get_head(actor, conversation_id), after=seen, limit=limit).lines
    return [
        line
        for line in lines
        if line.kind == "message" and (line.sender_type, line.sender_id) != (actor.type, actor.id)
    ]


def list_conversations(
    actor: Actor, *, cursor: str | None = None, limit: int = PAGE, include_total: bool = False, **asked: Unpack[Asked]
) -> ConversationPage:
    """Return a page of what `actor` sees and asks for, newest or longest waiting first.

    A client that follows the cursors to the end gets every conversation that was listed at the start. By newest
    message, the last pages contain those that received messages meanwhile, oldest first. One statement, on the last
    page two.
    """
    shape, values = _shape_of(asked)
    walk = cursors.decode_walk(cursor) if cursor else None
    began = walk.top.at if walk and walk.top else None

    def page(place: cursors.Place | None, beyond: inbox.Beyond | None, most: int) -> list[inbox.InboxRow]:
        query = inbox.page_of(actor.type, actor.sees_all, shape, beyond, most)
        at, row_id = place or (None, None)
        place_values = {"after_at": at, "after_id": row_id, "began": began}
        return query.all(db.session(), **actor_params(actor), **values, **place_values)

    rising = walk is not None and walk.rising
    rows = page(walk.last, "newer" if rising else "older", limit + 1) if walk else page(None, None, limit + 1)
    more, rows = len(rows) > limit, rows[:limit]
    following = None
    if more:
        first, last = (inbox.place_of(row, shape) for row in (rows[0], rows[-1]))
        top = walk.top if walk else None if shape.longest else first
        following = cursors.Walk(last, top, rising)
    elif walk and walk.top and not rising and not shape.longest and page(walk.top, "newer", 1):
        following = cursors.Walk(walk.top, walk.top, rising=True)
    total = inbox.total(db.session(), actor, shape, dict(values)) if include_total else None
    return ConversationPage(rows, following.encoded() if following else None, total)


def send_message(
    actor: Actor,
    conversation_id: int,
    content: str,
    *,
    idempotency_key: str | None = None,
    uploads: Sequence[Upload] = (),
    limits: attachments.Limits | None = None,
    seen: int | None = None,
    reopen: bool = False,
) -> Sent:
    """Write into an open conversation: 1-10,000 code points, optional if there are `uploads`.

    `seen` is the last seq that the writer was shown: if others have written since, nothing is sent and
    `NewerMessages` is raised. A closed one is reopened by whoever may close it and wants to `reopen`, and by customers
    as long as the platform lets their replies do that. A repeated key returns the first message. For files see
    `attachments.validate_and_store`.
    """
    draft = drafts.of_message(content, idempotency_key, with_files=bool(uploads))
    reopen = reopen and policy_of(actor).may_close

    def write(files: Sequence[Attachable], digest: str) -> Sent:
        with writing(db.session) as session:
            return sending.send(session, actor, conversation_id, draft, files, digest, seen, reopen)

    address = sending.address_of(conversation_id)
    if not uploads:
        return sending.idempotently(actor, draft, address, [], write)
    with attachments.validate_and_store(actor, uploads, conversation_id, limits) as files:
        return sending.idempotently(actor, draft, address, files, write)


def mark_conversation_read(actor: Actor, conversation_id: int, up_to: int | None = None) -> int:
    """Move the actor's seat forward to `up_to` (None: the latest line). Returns what is left unread.

    Never moves backwards and never adds a seat. Exactly the later messages of others stay unread.
    """
    with writing(db.session) as session:
        head = _locked(actor, conversation_id)
        up_to = head.last_seq if up_to is None else min(up_to, head.last_seq)
        due = outbox.mail_due_at()
        moved = ConversationParticipant.mark_read(session, actor, conversation_id, up_to, now(), due)
        if moved is None:
            return lookups.own_unread(session, actor, conversation_id)
        if moved.is_seen:
            announcements.read(actor, head, moved.has_written)
        else:
            announcements.seat_changed(actor, head)
        return moved.unread_count


def get_unread_count(actor: Actor) -> int:
    """Return the number of unread messages in everything that `actor` sees now. One statement."""
    (unread,) = people.unread_total(actor.type, actor.sees_all).all(db.session(), **actor_params(actor))
    return unread


def count_conversations(actor: Actor, most: int, **asked: Unpack[Asked]) -> int:
    """Count what a list holds, up to `most`. One statement."""
    shape, values = _shape_of(asked)
    query = inbox.count_of(actor.type, actor.sees_all, shape, most)
    (count,) = query.all(db.session(), **actor_params(actor), **values)
    return count


def count_waiting(actor: Actor) -> int:
    """Return how many conversations wait for the actor's side, 0 for customers. One statement."""
    if not policy_of(actor).has_team:
        return 0
    return inbox.total(db.session(), actor, inbox.Shape(waiting="us"), {"moment": now()})


def find_status(actor: Actor, conversation_id: int) -> str | None:
    """Return whether a conversation is open or closed, None where the actor does not see it. One statement."""
    return lookups.status_of(db.session(), actor, conversation_id)


def close_conversation(actor: Actor, conversation_id: int) -> None:
    """Close a conversation and add an event to the thread. Closing it again changes nothing."""
    _turn(actor, conversation_id, CLOSED)


def reopen_conversation(actor: Actor, conversation_id: int) -> None:
    """Reopen a conversation and add an event to the thread. Reopening it again changes nothing."""
    _turn(actor, conversation_id, REOPENED)


def set_email_notifications(actor: Actor, conversation_id: int, wanted: bool) -> None:
    """Turn e-mail on or off for the actor's seat. Without a seat, adds one in which everything is read."""
    with writing(db.session) as session:
        head = _locked(actor, conversation_id)
        place = (conversation_id, head.store_id, head.last_seq)
        ConversationParticipant.switch_mail(session, actor, *place, wanted)
        announcements.seat_changed(actor, head)


def get_writer(actor: Actor, conversation_id: int) -> lookups.Writer:
    """Return the audience and displayed name for `actor` typing in an open conversation. One statement."""
    found = lookups.writer(db.session(), actor, conversation_id)
    if found is None:
        raise NotFound
    if found.status == ConversationStatus.CLOSED:
        raise ConversationClosed(may_reopen=policy_of(actor).may_close)
    return found


def _shape_of(asked: Asked) -> tuple[inbox.Shape, dict[str, object]]:
    """Return the query that lists what is asked for, with its parameters."""
    status, kind, assignee = asked.get("status", "open"), asked.get("conversation_type"), asked.get("assignee")
    chosen = {"of_store": asked.get("store_id"), "of_customer": asked.get("customer_id")}
    about = {name: asked.get(name) for name in ("context_kind", "context_reference", "reason")}
    shape = inbox.Shape(
        status=None if status == "all" else ConversationStatus(status),
        kind=ConversationType(kind) if kind else None,
        unread=asked.get("unread", False),
        of_store=chosen["of_store"] is not None,
        of_customer=chosen["of_customer"] is not None,
        of_kind=about["context_kind"] is not None,
        of_reference=about["context_reference"] is not None,
        of_reason=about["reason"] is not None,
        waiting=asked.get("waiting"),
        assignee="somebody" if isinstance(assignee, int) else assignee,
        snoozed=asked.get("snoozed", False),
        longest=asked.get("order") == "waiting",
    )
    return shape, {**chosen, **about, "of_assignee": assignee, "moment": now()}


def _lines(
    conversation_id: int, before: int | None, after: int | None, limit: int, side: ActorType | None = None
) -> list[thread.LineRow]:
    session = db.session()
    query = thread.lines_of(session.get_bind().dialect.name, before is not None, after is not None, limit, side)
    return query.all(session, conversation_id=conversation_id, before=before, after=after)


def _locked(actor: Actor, conversation_id: int) -> Locked:
    head = Conversation.lock(db.session(), actor, conversation_id)
    if head is None:
        raise NotFound
    return head


def _turn(actor: Actor, conversation_id: int, event: EventKind) -> None:
    if not policy_of(actor).may_close:
        sending.require_visible(db.session(), actor, conversation_id)
        raise NotAllowed
    with writing(db.session) as session:
        if event is REOPENED:
            sending.refuse_duplicate(session, actor, conversation_id)
        if not sending.turn(session, actor, conversation_id, event):
            sending.require_visible(session, actor, conversation_id)
