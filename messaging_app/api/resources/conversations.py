"""Conversations: lists, new ones, one with its lines, closing and reopening."""

from __future__ import annotations

from flask import g
from pydantic import BaseModel
from werkzeug.datastructures import FileStorage

from messaging_app.actors import Actor
from messaging_app.api import schemas as s
from messaging_app.api.answers import (
    Answer,
    address_of,
    detail_of,
    is_held,
    state_of,
    summary,
    summary_model,
    summary_of,
)
from messaging_app.models.context import Named
from messaging_app.policies import policy_of
from messaging_app.services import contexts, inboxes, messaging, poll_state, threads


def list_conversations(actor: Actor, query: s.ConversationQuery) -> Answer:
    """A page of what the actor sees, with their unread total."""
    asked = query.model_dump()
    if (asked.get("assignee") or "").isdigit():
        asked["assignee"] = int(asked["assignee"])
    page = inboxes.list_conversations(actor, **asked)
    total_unread = inboxes.get_unread_count(actor)
    etag = poll_state.of_list(page, total_unread)
    if is_held(etag):
        return Answer(etag=etag)
    team, storefront = s.ConversationListResponse, s.StorefrontConversationListResponse
    model: type[BaseModel] = team if policy_of(actor).has_team else storefront
    body = model.model_validate(
        {
            "conversations": [summary(actor, row, row.unread_count) for row in page.rows],
            "next_cursor": page.next_cursor,
            "total_unread": total_unread,
        }
        | ({"total": page.total} if query.include_total else {})
    )
    return Answer(body, etag, {"cursor": page.next_cursor} if page.next_cursor else None)


def create_conversation(
    actor: Actor, body: s.ConversationCreate | s.ConversationCreateForm, key: str | None, uploads: list[FileStorage]
) -> Answer:
    """Begin a conversation. A repeated key, or an open one about the same, returns that conversation as it is now."""
    sent = messaging.create_conversation(
        actor,
        **body.model_dump(exclude={"context", "context_kind", "context_reference"}),
        context=_context_of(actor, body),
        idempotency_key=key,
        uploads=uploads,
        limits=g.get("upload_limits"),
    )
    thread = threads.get_conversation(actor, sent.conversation_id)
    address = address_of(actor, sent.conversation_id)
    return Answer(detail_of(actor, thread), location=address, status=200 if sent.was_open else None)


def get_conversation(actor: Actor, conversation_id: int, query: s.ThreadQuery) -> Answer:
    """A conversation with a window of its messages. If nothing changed, no messages are read."""
    thread = threads.get_head(actor, conversation_id)
    etag = state_of(thread)
    if is_held(etag):
        return Answer(etag=etag)
    thread = threads.read_lines(thread, before=query.before, after=query.after, limit=query.limit)
    return Answer(detail_of(actor, thread), etag, _further(thread, query))


def close_conversation(actor: Actor, conversation_id: int) -> Answer:
    """Close a conversation. Closing it again changes nothing."""
    messaging.close_conversation(actor, conversation_id)
    return summary_now(actor, conversation_id)


def reopen_conversation(actor: Actor, conversation_id: int) -> Answer:
    """Reopen a conversation. Reopening it again changes nothing."""
    messaging.reopen_conversation(actor, conversation_id)
    return summary_now(actor, conversation_id)


def _context_of(actor: Actor, body: s.ConversationCreate | s.ConversationCreateForm) -> Named | None:
    if isinstance(body, s.ConversationCreate):
        given = body.context
        return contexts.named_by(actor, given.kind, given.reference, ("context", "context")) if given else None
    if body.context_kind or body.context_reference:
        return contexts.named_by(actor, body.context_kind, body.context_reference)
    return None


def summary_now(actor: Actor, conversation_id: int) -> Answer:
    found = threads.get_head(actor, conversation_id)
    return Answer(summary_model(actor).model_validate(summary_of(actor, found)))


def _further(thread: threads.Thread, query: s.ThreadQuery) -> dict[str, object] | None:
    """Return the parameters of the next page, in the direction in which the client reads."""
    if not thread.lines:
        return None
    if query.after is None:
        return {"before": thread.lines[0].seq} if thread.has_older else None
    last, end = thread.lines[-1].seq, min(thread.head.last_seq, (query.before or thread.head.last_seq + 1) - 1)
    return {"after": last} if last < end else None
