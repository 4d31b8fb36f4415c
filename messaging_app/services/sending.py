"""Writing a message exactly once: the building blocks of the writing verbs in `messaging.py`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from messaging_app.accounts.limits import RateLimited
from messaging_app.actors import Actor
from messaging_app.db.engine import now
from messaging_app.errors import (
    ConversationClosed,
    DuplicateOpen,
    IdempotencyConflict,
    Invalid,
    NewerMessages,
    NotFound,
)
from messaging_app.extensions import db
from messaging_app.mail import outbox
from messaging_app.models import Conversation, Message
from messaging_app.models.events import REOPENED, EventKind
from messaging_app.models.platform import REPLY_REOPENS_DAYS
from messaging_app.models.position import Taken
from messaging_app.policies import policy_of
from messaging_app.queries import sending as queries
from messaging_app.search import indexing
from messaging_app.services import announcements, attachments, drafts
from messaging_app.services.attachments import Attachable
from messaging_app.services.settings import parse_or_default
from messaging_app.text import preview


class Sent(NamedTuple):
    """A stored message. `repeated` is True if an earlier request with the same key stored it."""

    conversation_id: int
    seq: int
    repeated: bool = False
    store_name: str | None = None
    reopened: bool = False  # the conversation was closed, and this message reopened it
    was_open: bool = False  # nothing was written: the parties already have an open conversation about the same context


def address_of(conversation_id: int) -> str:
    """Return the prefix of a message's digest, which ties a key to one conversation, sent at once or delayed."""
    return f"send/{conversation_id}"


def send(
    session: Session,
    actor: Actor,
    conversation_id: int,
    draft: drafts.Draft,
    files: Sequence[Attachable],
    digest: str,
    seen: int | None = None,
    reopen: bool = False,
) -> Sent:
    """Send a message in the caller's transaction, into an open conversation or a closed one with `reopen`.

    Raises `NotFound`, `ConversationClosed`, `DuplicateOpen`, and `NewerMessages` if others have written after `seen`.
    """
    line = Conversation.take_seq(session, actor, conversation_id, now(), shown(draft, files))
    was_closed = line is None
    if line is None:
        require_visible(session, actor, conversation_id)
        refuse_duplicate(session, actor, conversation_id)
        if reopen or _reply_reopens(session, actor, conversation_id):
            turn(session, actor, conversation_id, REOPENED)
            line = Conversation.take_seq(session, actor, conversation_id, now(), shown(draft, files))
    if line is None:
        raise ConversationClosed(may_reopen=policy_of(actor).may_close)
    if (
        seen is not None
        and line.last_seq > seen + 1
        and queries.others_wrote(session, actor, line.conversation_id, seen)
    ):
        raise NewerMessages(seen)
    write_message(session, actor, line, draft, files, digest)
    return Sent(line.conversation_id, line.last_seq, store_name=line.store_name, reopened=was_closed)


def idempotently(
    actor: Actor,
    draft: drafts.Draft,
    address: str,
    files: Sequence[Attachable],
    write: Callable[[Sequence[Attachable], str], Sent],
) -> Sent:
    """Run `write`, which is one transaction, or return what an earlier request with the same key wrote.

    The unique index decides: of ten identical requests in parallel, nine fail on it, roll back, and find the first.
    """
    digest = digest_of(address, draft, files)
    try:
        return write(files, digest)
    # Invalid: the recipient has become inactive. DuplicateOpen: the same key may have begun the other conversation.
    except (IntegrityError, ConversationClosed, DuplicateOpen, NewerMessages, RateLimited, Invalid) as refusal:
        key = draft.idempotency_key
        before = sent_before(actor, key, digest) if key else None
        if before is None:
            raise refusal
        return before


def write_message(
    session: Session, actor: Actor, line: Taken, draft: drafts.Draft, files: Sequence[Attachable], digest: str
) -> None:
    """Write a message at its position, attach its files, update the others' unread counts, and index it."""
    key = draft.idempotency_key
    message_id = Message.write(session, actor, line, draft.content, len(files), key, digest if key else None)
    attachments.commit(session, files, message_id, line.conversation_id, line.last_seq)
    first = outbox.notify_new_message(session, actor, line)
    names = [file.filename for file in files]
    indexing.add_message(session, actor, line, message_id, draft.content, names, first_of_sender=first)


def require_visible(session: Session, actor: Actor, conversation_id: int) -> None:
    """Raise `NotFound` unless `actor` sees the conversation."""
    if queries.status_of(session, actor, conversation_id) is None:
        raise NotFound


def refuse_duplicate(session: Session, actor: Actor, conversation_id: int) -> None:
    """Raise `DuplicateOpen` if the same parties have another open conversation about the same context."""
    other = Conversation.open_instead(session, actor, conversation_id)
    if other is not None:
        raise DuplicateOpen(other)


def reply_reopens(actor: Actor, closed_at: datetime | None, days: str | None) -> bool:
    """Whether a customer's reply reopens a conversation closed at `closed_at`. `days` is the setting as stored."""
    if closed_at is None or policy_of(actor).may_close:
        return False
    return now() < closed_at + timedelta(days=int(parse_or_default(REPLY_REOPENS_DAYS, days)))


def _reply_reopens(session: Session, actor: Actor, conversation_id: int) -> bool:
    return reply_reopens(actor, *queries.closing_of(session, actor, conversation_id, REPLY_REOPENS_DAYS))


def turn(session: Session, actor: Actor, conversation_id: int, event: EventKind) -> bool:
    """Close or reopen a conversation in the caller's transaction. Returns False if it already has that state."""
    assert event.status is not None, "only for events that open or close"
    line = Conversation.turn(session, actor, conversation_id, now(), event.status)
    if line is not None:
        Message.note_event(session, actor, line, event)
        announcements.turned(actor, line)
    return line is not None


def shown(draft: drafts.Draft, files: Sequence[Attachable]) -> str:
    """Return the preview of a message: its text, or the first file's name."""
    return preview(draft.content or files[0].filename)


def sent_before(actor: Actor, key: str, digest: str) -> Sent | None:
    """Return what the key has sent, or None. Raises `IdempotencyConflict` if its content was different."""
    session = db.session()
    found = queries.earlier(session, actor, key)
    if found is None:
        return None
    if found.digest != digest:
        raise IdempotencyConflict
    require_visible(session, actor, found.conversation_id)
    return Sent(found.conversation_id, found.seq, repeated=True)


def digest_of(address: str, draft: drafts.Draft, files: Sequence[Attachable]) -> str:
    """Return a digest that distinguishes a repeated message from a different one with the same key."""
    content = [address, draft.subject, draft.content, *((file.filename, file.sha256) for file in files)]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()
