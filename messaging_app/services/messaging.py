"""The verbs that write: begin a conversation, send, mark read, close and reopen, for pages and API alike.

Every function takes the actor first and looks up records through `Conversation.visible_to(actor)`. Each raises a
`Refusal` (see `errors.py`): `NotFound` for what does not exist or is not visible, `NotAllowed` for what the role may
not do, `ConversationClosed`, `IdempotencyConflict`, and `Invalid` naming each invalid field. Each verb is one short
transaction. What is read stands in `threads` and `inboxes`.
"""

from __future__ import annotations

from collections.abc import Sequence

from messaging_app.actors import Actor
from messaging_app.db.engine import now, writing
from messaging_app.errors import DuplicateOpen, NotAllowed, NotFound
from messaging_app.extensions import db
from messaging_app.mail import outbox
from messaging_app.models import Conversation, ConversationParticipant
from messaging_app.models.context import Named
from messaging_app.models.events import CLOSED, REOPENED, EventKind
from messaging_app.models.position import Locked
from messaging_app.policies import policy_of
from messaging_app.queries import sending as lookups
from messaging_app.services import announcements, attachments, drafts, sending, starts
from messaging_app.services.attachments import Attachable
from messaging_app.services.beginning import Beginning
from messaging_app.services.sending import Sent
from messaging_app.services.upload_limits import Limits
from messaging_app.services.uploads import Upload, validate_and_store


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
    limits: Limits | None = None,
) -> Sent:
    """Begin a conversation with its first message. Subject 1-200 code points in one line, content 1-10,000.

    Customers begin only where they are allowed to, and so many a day (see `starts`).
    The recipient must be active and within the actor's reach. A repeated key returns the conversation it began. If the
    parties have an open conversation about the same `context`, nothing is written and that one is returned; so too if
    what continues `follows`, a closed conversation of the same parties, is open. `reason` is the code of one that fits
    (see `reasons`). `uploads` are sent with the first message, which may then be empty; see
    `uploads.validate_and_store`.
    """
    starts.require_allowed(actor, context)
    draft = drafts.of_conversation(subject, content, idempotency_key, with_files=bool(uploads))
    wanted = Beginning(conversation_type, recipient_type, recipient_id, context, follows, reason)
    wanted.require_possible(actor)
    reserved = attachments.reserve_conversation_id() if uploads else None

    def write(files: Sequence[Attachable], digest: str) -> Sent:
        with writing(db.session) as session:
            line = wanted.begin(session, actor, draft.subject, sending.shown(draft, files), reserved)
            sending.write_message(session, actor, line, draft, files, digest)
            return Sent(line.conversation_id, line.last_seq)

    try:
        with validate_and_store(actor, uploads, reserved or 0, limits) as files:
            return sending.idempotently(actor, draft, wanted.address, files, write)
    except DuplicateOpen as found:
        return Sent(found.conversation_id, 0, was_open=True)


def send_message(
    actor: Actor,
    conversation_id: int,
    content: str,
    *,
    idempotency_key: str | None = None,
    uploads: Sequence[Upload] = (),
    limits: Limits | None = None,
    seen: int | None = None,
    reopen: bool = False,
) -> Sent:
    """Write into an open conversation: 1-10,000 code points, optional if there are `uploads`.

    `seen` is the last seq that the writer was shown: if others have written since, nothing is sent and
    `NewerMessages` is raised. A closed one is reopened by anyone who may close it and asks to `reopen`, and by customers
    as long as the platform lets their replies do that. A repeated key returns the first message. For files see
    `uploads.validate_and_store`.
    """
    draft = drafts.of_message(content, idempotency_key, with_files=bool(uploads))
    reopen = reopen and policy_of(actor).may_close

    def write(files: Sequence[Attachable], digest: str) -> Sent:
        with writing(db.session) as session:
            return sending.send(session, actor, conversation_id, draft, files, digest, seen, reopen)

    address = sending.address_of(conversation_id)
    if not uploads:
        return sending.idempotently(actor, draft, address, [], write)
    with validate_and_store(actor, uploads, conversation_id, limits) as files:
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
