"""Messages and read positions."""

from __future__ import annotations

from flask import Response, g
from werkzeug.datastructures import FileStorage

from messaging_app.actors import Actor
from messaging_app.api import problems
from messaging_app.api import schemas as s
from messaging_app.api.answers import Answer, messages_of
from messaging_app.api.resources.conversations import summary_now
from messaging_app.errors import NewerMessages
from messaging_app.services import inboxes, messaging, poll_state, threads, turns


def get_unread_count(actor: Actor) -> Answer:
    """The badge number."""
    unread = inboxes.get_unread_count(actor)
    return Answer(s.UnreadCountResponse(total_unread=unread), poll_state.of_count(unread))


def send_message(
    actor: Actor,
    conversation_id: int,
    body: s.MessageCreate | s.MessageCreateForm,
    key: str | None,
    seen: int | None,
    uploads: list[FileStorage],
) -> Answer | Response:
    """Write into a conversation. A repeated key returns the first message."""
    try:
        sent = messaging.send_message(
            actor,
            conversation_id,
            body.content,
            idempotency_key=key,
            uploads=uploads,
            limits=g.get("upload_limits"),
            seen=seen,
            reopen=body.reopen,
        )
    except NewerMessages as refusal:
        newer = messages_of(actor, threads.read_newer(actor, conversation_id, refusal.seen))
        return problems.answer(refusal.code, messages=newer)
    lines = threads.read_sent(sent, sent.seq - 1, 1)
    return Answer(s.MessageResponse.model_validate(messages_of(actor, lines)[0]))


def mark_unread(actor: Actor, conversation_id: int, body: s.UnreadUpdate) -> Answer:
    """Mark messages as unread."""
    turns.mark_unread(actor, conversation_id, body.from_seq)
    return summary_now(actor, conversation_id)


def mark_read(actor: Actor, conversation_id: int, body: s.ReadingUpdate) -> Answer:
    """Move the actor's read position forward."""
    left = messaging.mark_conversation_read(actor, conversation_id, body.up_to)
    return Answer(s.ReadingResponse(conversation_id=conversation_id, unread_count=left))
