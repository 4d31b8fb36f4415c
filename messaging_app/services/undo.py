"""Undo send: a message waits a few seconds, shown to its own side only, and its writer can take it back.

Rows say what waits, so nothing is lost with a tab, a process or a machine; `delayed.py` sends what is due. Every
transaction of either locks the conversation first and the row second.
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

WAKE = "delayed"  # tells the worker that something waits
SECONDS = (0, 5, 10, 20)

_REASONS = {
    NewerMessages.code: _("Not sent: a newer message came in the meantime."),
    ConversationClosed.code: _("Not sent: the conversation was closed in the meantime."),
    "duplicate_open": _("Not sent: another conversation about this was opened in the meantime."),
}
_NO_LONGER = _("Not sent: its writer has no access to this conversation any more.")


class TooLate(Refusal):
    """Taking back what has been sent."""

    status = 409
    code = "too_late"
    sentence = _("Too late to undo: the message has been sent.")


class Waiting(NamedTuple):
    """A message that waits to be sent."""

    id: int
    conversation_id: int


class Shown(NamedTuple):
    """What one side sees of a message that waits, or that could not be sent: then `why` says why."""

    id: int
    sender_id: int
    sender_name: str
    content: str
    filenames: list[str]
    is_mine: bool
    why: str


class TakenBack(NamedTuple):
    """A message that its writer has back, with the rows of its files."""

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
    """Do what `messaging.send_message` does, `seconds` later; with `close` the conversation is closed then.

    Refused for the same reasons, now or when it is due. A repeated key returns what it has written before.
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
    """Return what the actor's side has waiting in a conversation, and what could not be sent. One statement.

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
    """Return a message to its writer instead of sending it; once more if they have it back already.

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
    """Return what the actor took back lately from a conversation that they see. Two statements."""
    row = DelayedMessage.find(db.session, delayed_id)
    own = row is not None and (row.sender_type, row.sender_id) == (actor.type, actor.id)
    if row is None or not own or (row.conversation_id, row.state) != (conversation_id, DelayState.UNDONE):
        return None
    sending.require_visible(db.session(), actor, conversation_id)
    return TakenBack(row.id, row.content, row.files)


def get_file(actor: Actor, conversation_id: int, delayed_id: int, place: int) -> Fields:
    """Return the row of a file that the actor has taken back, by its place from 1. Raises `NotFound`."""
    found = find_taken_back(actor, conversation_id, delayed_id)
    if found is None or not 1 <= place <= len(found.files):
        raise NotFound
    return found.files[place - 1]


def _require_sendable(actor: Actor, head: Locked, seen: int | None, reopen: bool) -> None:
    """Raise what the send would raise now. It is asked again when the message is due."""
    session = db.session()
    if queries.status_of(session, actor, head.conversation_id) == ConversationStatus.CLOSED:
        sending.refuse_duplicate(session, actor, head.conversation_id)
        if not reopen:
            raise ConversationClosed(may_reopen=policy_of(actor).may_close)
    if seen is not None and head.last_seq > seen and queries.others_wrote(session, actor, head.conversation_id, seen):
        raise NewerMessages(seen)


def _before(actor: Actor, draft: drafts.Draft, digest: str) -> Waiting | Sent | None:
    """Return what the draft's key has written. What was taken back is not sent by a late repetition."""
    key = draft.idempotency_key or ""
    row = DelayedMessage.by_key(db.session(), actor, key)
    if row is None or row.state == DelayState.SENT:
        return sending.sent_before(actor, key, digest)
    if row.digest != digest or row.state == DelayState.UNDONE:
        raise IdempotencyConflict
    return Waiting(row.id, row.conversation_id)
