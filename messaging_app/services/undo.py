"""Undo send: a message is delayed for a few seconds, visible to its own side only, and its sender can undo it.

Delayed messages are stored, so closing a tab or losing a process loses nothing; `delayed.py` sends them when due. Every
transaction in both modules locks the conversation first and the row second.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple

from flask_babel import lazy_gettext as _

from messaging_app.actors import Actor
from messaging_app.bus import Event
from messaging_app.db.engine import now, writing
from messaging_app.db.types import Fields
from messaging_app.errors import ConversationClosed, IdempotencyConflict, NewerMessages, NotAllowed, NotFound, Refusal
from messaging_app.extensions import db
from messaging_app.mail import MAIL_TOPIC
from messaging_app.models import Conversation, ConversationStatus, DelayedMessage
from messaging_app.models.delayed import DelayState, Order
from messaging_app.models.position import Locked
from messaging_app.policies import policy_of
from messaging_app.queries import sending as queries
from messaging_app.services import announcements, drafts, sending
from messaging_app.services.sending import Sent
from messaging_app.services.upload_limits import Limits
from messaging_app.services.uploads import Upload, validate_and_store

WAKE = "delayed"  # the event that wakes the worker for a delayed message
SECONDS = (0, 5, 10, 20)

_REASONS = {
    NewerMessages.code: _("Not sent: a newer message came in the meantime."),
    ConversationClosed.code: _("Not sent: the conversation was closed in the meantime."),
    "duplicate_open": _("Not sent: another conversation about this was opened in the meantime."),
}
_NO_LONGER = _("Not sent: the sender no longer has access to this conversation.")


class TooLate(Refusal):
    """The message has already been sent."""

    status = 409
    code = "too_late"
    sentence = _("Too late to undo: the message has been sent.")


class Waiting(NamedTuple):
    """A delayed message."""

    id: int
    conversation_id: int


class Shown(NamedTuple):
    """A delayed message as its side sees it. `why` says why it could not be sent, if so."""

    id: int
    sender_id: int
    sender_name: str
    content: str
    filenames: list[str]
    is_mine: bool
    why: str


class TakenBack(NamedTuple):
    """A message that its sender has undone, with the rows of its files."""

    id: int
    content: str
    files: list[Fields]


def send_later(
    actor: Actor,
    conversation_id: int,
    content: str,
    *,
    seconds: int,
    idempotency_key: str | None = None,
    uploads: Sequence[Upload] = (),
    limits: Limits | None = None,
    seen: int | None = None,
    reopen: bool = False,
    close: bool = False,
) -> Waiting | Sent:
    """Do what `messaging.send_message` does, `seconds` later; `close` also closes the conversation then.

    Raises what that raises; the checks run again when the message is due. A repeated key returns the earlier result.
    """
    draft = drafts.of_message(content, idempotency_key or secrets.token_hex(16), with_files=bool(uploads))
    reopen, close = (wanted and policy_of(actor).may_close for wanted in (reopen, close))
    with validate_and_store(actor, uploads, conversation_id, limits) as files:
        digest = sending.digest_of(sending.address_of(conversation_id), draft, files)
        with writing(db.session) as session:
            head = Conversation.lock(session, actor, conversation_id)
            if head is None:
                raise NotFound
            if before := _before(actor, draft, digest):
                return before
            _require_sendable(actor, head, seen, reopen)
            rows = [file.place() for file in files]
            order = Order(draft.content, draft.idempotency_key or "", digest, rows, seen, reopen, close)
            at = now()
            due_at = at + timedelta(seconds=seconds)
            number = DelayedMessage.write(session, actor, conversation_id, order, at, due_at)
            announcements.side_changed(actor, head)
            announcements.after_commit(Event((MAIL_TOPIC,), WAKE))
    return Waiting(number, conversation_id)


def list_delayed(actor: Actor, conversation_id: int) -> list[Shown]:
    """Return the actor's side's delayed messages in a conversation, and those that could not be sent. One statement.

    The caller has checked access.
    """
    return [
        Shown(
            row.id,
            row.sender_id,
            row.sender_name,
            row.content,
            [str(file["filename"]) for file in row.files],
            row.sender_id == actor.id,
            str(_REASONS.get(row.reason, _NO_LONGER)) if row.state == DelayState.REFUSED else "",
        )
        for row in DelayedMessage.shown_to(db.session, actor.type, conversation_id)
    ]


def take_back(actor: Actor, conversation_id: int, delayed_id: int) -> TakenBack:
    """Undo a delayed message and return it. Idempotent.

    Raises `TooLate` if it was sent, `NotAllowed` for a colleague's, and `NotFound`.
    """
    with writing(db.session) as session:
        head = Conversation.lock(session, actor, conversation_id)
        row = DelayedMessage.find(session, delayed_id) if head else None
        if head is None or row is None or (row.conversation_id, row.sender_type) != (conversation_id, actor.type):
            raise NotFound
        if row.sender_id != actor.id:
            raise NotAllowed
        if row.state == DelayState.SENT:
            raise TooLate
        if DelayedMessage.mark_undone(session, delayed_id):
            announcements.side_changed(actor, head)
        return TakenBack(row.id, row.content, row.files)


def find_taken_back(actor: Actor, conversation_id: int, delayed_id: int) -> TakenBack | None:
    """Return a message that the actor undid recently in a visible conversation, or None. Two statements."""
    row = DelayedMessage.find(db.session, delayed_id)
    own = row is not None and (row.sender_type, row.sender_id) == (actor.type, actor.id)
    if row is None or not own or (row.conversation_id, row.state) != (conversation_id, DelayState.UNDONE):
        return None
    sending.require_visible(db.session(), actor, conversation_id)
    return TakenBack(row.id, row.content, row.files)


def get_file(actor: Actor, conversation_id: int, delayed_id: int, place: int) -> Fields:
    """Return the row of a file of a message that the actor undid, by its position from 1. Raises `NotFound`."""
    found = find_taken_back(actor, conversation_id, delayed_id)
    if found is None or not 1 <= place <= len(found.files):
        raise NotFound
    return found.files[place - 1]


def _require_sendable(actor: Actor, head: Locked, seen: int | None, reopen: bool) -> None:
    """Raise what a send would raise now. The check runs again when the message is due."""
    session = db.session()
    if queries.status_of(session, actor, head.conversation_id) == ConversationStatus.CLOSED:
        sending.refuse_duplicate(session, actor, head.conversation_id)
        if not reopen:
            raise ConversationClosed(may_reopen=policy_of(actor).may_close)
    if seen is not None and head.last_seq > seen and queries.others_wrote(session, actor, head.conversation_id, seen):
        raise NewerMessages(seen)


def _before(actor: Actor, draft: drafts.Draft, digest: str) -> Waiting | Sent | None:
    """Return what the draft's key wrote earlier, or None. A late repetition never sends a message that was undone."""
    key = draft.idempotency_key or ""
    row = DelayedMessage.by_key(db.session(), actor, key)
    if row is None or row.state == DelayState.SENT:
        return sending.sent_before(actor, key, digest)
    if row.digest != digest or row.state == DelayState.UNDONE:
        raise IdempotencyConflict
    return Waiting(row.id, row.conversation_id)
