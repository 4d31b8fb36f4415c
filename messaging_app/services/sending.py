"""How a message is written, exactly once: in one transaction, or, where PostgreSQL can do all of it, in one statement.

What the verbs of `messaging.py` that write messages are made of.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from types import SimpleNamespace
from typing import Any, NamedTuple

from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError

from messaging_app.actors import Actor, ActorType
from messaging_app.db.engine import holding, now
from messaging_app.db.statements import fetch, here, transaction, write_alone
from messaging_app.errors import ConversationClosed, IdempotencyConflict, Invalid, NotFound
from messaging_app.extensions import db
from messaging_app.here import engine_here
from messaging_app.mail import outbox
from messaging_app.models import Conversation, ConversationStatus, Message, MessageKind
from messaging_app.models.sending import send_at_once
from messaging_app.policies import policy_of
from messaging_app.queries import inbox
from messaging_app.services import attachments, drafts
from messaging_app.services.attachments import Prepared

_MESSAGE = MessageKind.MESSAGE.value
_INSERT_MESSAGE = insert(Message.__table__).returning(Message.__table__.c.id)  # type: ignore[arg-type]


class Sent(NamedTuple):
    """A message that is safely stored. `repeated` tells that the same key had sent it before.

    `lines` are the message and the line before it, where the send itself has learned all about them.
    """

    conversation_id: int
    seq: int
    repeated: bool = False
    store_name: str | None = None
    lines: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Line:
    """What `Conversation.take_seq` returns, for a conversation that was just created."""

    conversation_id: int
    last_seq: int
    moment: datetime
    conversation_type: str
    store_id: int
    customer_id: int | None


def send(actor: Actor, conversation_id: int, draft: drafts.Draft, files: list[Prepared], digest: str) -> Sent:
    """Send into an open conversation, in one statement or in one transaction. Raises `NotFound`, `ConversationClosed`."""
    if not files and (sent := _at_once(actor, conversation_id, draft, digest)):
        return sent
    head = Conversation.head_of(actor, shown(draft, files))
    with transaction():
        taken = fetch(*Conversation.take_seq(actor, conversation_id, now(), ConversationStatus.OPEN, **head))
        if not taken:
            status_of(actor, conversation_id)
            raise ConversationClosed(may_reopen=policy_of(actor).may_close)
        line = taken[0]
        return _sent(actor, line, write_message(actor, line, draft, files, digest), draft, files)


def _at_once(actor: Actor, conversation_id: int, draft: drafts.Draft, digest: str) -> Sent | None:
    """Send without files in one statement, which commits by itself; None where it did nothing.

    That is on SQLite, in a conversation with the platform, and wherever the transaction would refuse, which tells why.
    """
    if actor.type == ActorType.ADMIN or engine_here().dialect.name != "postgresql":
        return None
    due = outbox.mail_due_at()
    said = _said(actor, draft, [], digest)
    taken = write_alone(*send_at_once(actor, conversation_id, now(), said, due))
    if not taken:
        return None
    line = taken[0]
    with holding(None):
        outbox.announce(actor, line, due)
    return _sent(actor, line, line.message_id, draft, [])


def once(
    actor: Actor,
    draft: drafts.Draft,
    address: str,
    files: list[Prepared],
    write: Callable[[list[Prepared], str], Sent],
) -> Sent:
    """Run `write`, which is one transaction, or answer what the same key wrote before.

    The unique index decides: of ten equal requests at once, nine fail on it, leave nothing, and find the first.
    """
    digest = _digest(address, draft, files)
    try:
        return write(files, digest)
    except (IntegrityError, ConversationClosed, Invalid) as refusal:  # Invalid: the recipient has left meanwhile
        key = draft.idempotency_key
        before = _sent_before(actor, key, digest) if key else None
        if before is None:
            raise refusal
        return before


def write_message(actor: Actor, line: Any, draft: drafts.Draft, files: list[Prepared], digest: str) -> int:
    """Write a message into its place and count it for the others; answers its id. Joins the transaction under way."""
    place = {"conversation_id": line.conversation_id, "seq": line.last_seq, "created_at": line.moment}
    message_id: int = fetch(_INSERT_MESSAGE, place | _said(actor, draft, files, digest))[0].id
    attachments.commit(files, message_id, line.conversation_id, line.last_seq)
    outbox.notify_new_message(actor, line)
    return message_id


def status_of(actor: Actor, conversation_id: int) -> str:
    """Whether a conversation is open. Raises `NotFound` unless `actor` sees it."""
    status = here().scalar(
        select(Conversation.status).where(Conversation.id == conversation_id, Conversation.visible_to(actor))
    )
    if status is None:
        raise NotFound
    return status


def shown(draft: drafts.Draft, files: list[Prepared]) -> str:
    """What a preview shows of a message: its words, or the first file's name."""
    return draft.content or files[0].filename


def _said(actor: Actor, draft: drafts.Draft, files: list[Prepared], digest: str) -> dict[str, Any]:
    return {
        "kind": MessageKind.MESSAGE,
        "sender_type": actor.type,
        "sender_id": actor.id,
        "sender_name": actor.name,
        "content": draft.content,
        "attachment_count": len(files),
        "idempotency_key": draft.idempotency_key,
        "digest": digest if draft.idempotency_key else None,
    }


def _sent(actor: Actor, line: Any, message_id: int, draft: drafts.Draft, files: list[Prepared]) -> Sent:
    # A line that came while this send waited for the conversation is not in the statement's view of messages yet.
    known = not files and line.before_by is not None
    lines = _lines_of(actor, line, message_id, draft.content) if known else ()
    return Sent(line.conversation_id, line.last_seq, store_name=line.store_name, lines=lines)


def _lines_of(actor: Actor, line: Any, message_id: int, content: str) -> tuple[Any, ...]:
    """A message without files that took its place as `line`, after the one before it, as `inbox.lines_of` shows them.

    Of the one before stands only what decides about the next one's look.
    """
    kind, sender_type, sender_id = line.before_by.split()
    before = SimpleNamespace(
        seq=line.last_seq - 1,
        kind=kind,
        sender_type=sender_type,
        sender_id=int(sender_id),
        created_at=line.before_at,
    )
    sender = (str(actor.type), actor.id, actor.name)
    place = (message_id, line.conversation_id, line.last_seq)
    said = inbox.LineRow(*place, _MESSAGE, None, *sender, content, line.moment, 0, None)
    return before, said


def _sent_before(actor: Actor, key: str, digest: str) -> Sent | None:
    found = db.session.execute(
        select(Message.conversation_id, Message.seq, Message.digest).where(
            Message.sender_type == actor.type, Message.sender_id == actor.id, Message.idempotency_key == key
        )
    ).one_or_none()
    if found is None:
        return None
    if found.digest != digest:
        raise IdempotencyConflict
    status_of(actor, found.conversation_id)
    return Sent(found.conversation_id, found.seq, repeated=True)


def _digest(address: str, draft: drafts.Draft, files: list[Prepared]) -> str:
    content = [address, draft.subject, draft.content, *((file.filename, file.sha256) for file in files)]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()
