"""What each endpoint does: one service call, one response. The pages use the same services."""

from __future__ import annotations

from flask import Response, g, make_response
from flask.typing import ResponseReturnValue
from pydantic import BaseModel
from werkzeug.datastructures import FileStorage

from messaging_app.actors import Actor
from messaging_app.api import problems
from messaging_app.api import schemas as s
from messaging_app.api.answers import (
    Answer,
    address_of,
    detail_of,
    is_held,
    messages_of,
    state_of,
    summary,
    summary_model,
    summary_of,
)
from messaging_app.errors import FieldError, Invalid, NewerMessages
from messaging_app.models import Note, SavedReply
from messaging_app.models.context import Named
from messaging_app.policies import policy_of
from messaging_app.queries.contexts import ContextRow
from messaging_app.services import (
    assignment,
    attachments,
    bulk,
    contexts,
    messaging,
    notes,
    poll_state,
    recipients,
    saved_replies,
    trail,
    turns,
)
from messaging_app.services import search as searching
from messaging_app.text import email_key
from messaging_app.web.views import attachments as served


def list_conversations(actor: Actor, query: s.ConversationQuery) -> Answer:
    """A page of what the actor sees, with their unread total."""
    asked = query.model_dump()
    if (asked.get("assignee") or "").isdigit():
        asked["assignee"] = int(asked["assignee"])
    page = messaging.list_conversations(actor, **asked)
    total_unread = messaging.get_unread_count(actor)
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
    thread = messaging.get_conversation(actor, sent.conversation_id)
    address = address_of(actor, sent.conversation_id)
    return Answer(detail_of(actor, thread), location=address, status=200 if sent.was_open else None)


def put_context(actor: Actor, store_code: str, kind: str, reference: str, body: s.ContextUpdate) -> Answer:
    """Store what the shop says about a context."""
    name = contexts.named(kind, reference, ("kind", "reference"))
    said = body.model_dump(exclude={"customer"})
    row, is_new = contexts.put_context(
        actor, store_code, name, contexts.Statement(body.customer.external_id, body.customer.email, **said)
    )
    return Answer(_context(row), status=201 if is_new else None)


def get_context(_actor: Actor, store_code: str, kind: str, reference: str) -> Answer:
    """A context as it is now."""
    return Answer(_context(contexts.get_context(store_code, Named(kind, reference))))


def state_fact(actor: Actor, store_code: str, kind: str, reference: str, body: s.FactCreate) -> Answer:
    """Add a fact to every conversation about a context, once."""
    fact = contexts.state_fact(actor, store_code, Named(kind, reference), body.id, body.text)
    answer = s.FactResponse(id=fact.id, text=fact.text, stated_at=fact.stated_at)
    return Answer(answer, status=None if fact.is_new else 200)


def find_conversations_about(actor: Actor, kind: str, reference: str, store_code: str | None = None) -> Answer:
    """The conversations about a context that the actor sees."""
    found, count, unread = contexts.find_about(actor, store_code, Named(kind, reference))
    page = messaging.list_conversations(
        actor, status="all", store_id=found.store_id, context_kind=kind, context_reference=reference, limit=s.PAGE_MAX
    )
    listed = [summary(actor, row, row.unread_count) for row in page.rows]
    body = {"count": count, "unread": unread, "conversations": listed}
    return Answer(s.ConversationsAboutResponse.model_validate(body))


def get_unread_count(actor: Actor) -> Answer:
    """The badge number."""
    unread = messaging.get_unread_count(actor)
    return Answer(s.UnreadCountResponse(total_unread=unread), poll_state.of_count(unread))


def list_recipients(actor: Actor, query: s.RecipientQuery) -> Answer:
    """The recipients within the actor's reach."""
    page = recipients.list_recipients(actor, query.recipient_type, query.q, cursor=query.cursor, limit=query.limit)
    found = [
        {
            "recipient_type": row.recipient_type,
            "recipient_id": row.recipient_id,
            "name": row.name,
            "detail": row.detail,
        }
        for row in page.rows
    ]
    body = s.RecipientListResponse.model_validate({"recipients": found, "next_cursor": page.next_cursor})
    return Answer(body, next_page={"cursor": page.next_cursor} if page.next_cursor else None)


def search(actor: Actor, query: s.SearchQuery) -> Answer:
    """A page of conversations that hold what was asked for."""
    page = searching.search(actor, query.q, cursor=query.cursor, limit=query.limit)
    hits = [
        {
            "conversation": summary(actor, hit.row, hit.row.unread_count),
            "seq": hit.seq,
            "excerpt": hit.excerpt.text,
            "ranges": [list(span) for span in hit.excerpt.ranges],
        }
        for hit in page.hits
    ]
    model: type[BaseModel] = s.SearchResponse if policy_of(actor).has_team else s.StorefrontSearchResponse
    body = model.model_validate({"hits": hits, "next_cursor": page.next_cursor})
    return Answer(body, next_page={"cursor": page.next_cursor} if page.next_cursor else None)


def get_conversation(actor: Actor, conversation_id: int, query: s.ThreadQuery) -> Answer:
    """A conversation with a window of its messages. If nothing changed, no messages are read."""
    thread = messaging.get_head(actor, conversation_id)
    etag = state_of(thread)
    if is_held(etag):
        return Answer(etag=etag)
    thread = messaging.read_lines(thread, before=query.before, after=query.after, limit=query.limit)
    return Answer(detail_of(actor, thread), etag, _further(thread, query))


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
        newer = messages_of(actor, messaging.read_newer(actor, conversation_id, refusal.seen))
        return problems.answer(refusal.code, messages=newer)
    lines = messaging.read_sent(sent, sent.seq - 1, 1)
    return Answer(s.MessageResponse.model_validate(messages_of(actor, lines)[0]))


def close_conversation(actor: Actor, conversation_id: int) -> Answer:
    """Close a conversation. Closing it again changes nothing."""
    messaging.close_conversation(actor, conversation_id)
    return _summary(actor, conversation_id)


def reopen_conversation(actor: Actor, conversation_id: int) -> Answer:
    """Reopen a conversation. Reopening it again changes nothing."""
    messaging.reopen_conversation(actor, conversation_id)
    return _summary(actor, conversation_id)


def rule_reply_out(actor: Actor, conversation_id: int) -> Answer:
    """No reply needed. Saying so again changes nothing."""
    turns.rule_reply_out(actor, conversation_id)
    return _summary(actor, conversation_id)


def expect_reply(actor: Actor, conversation_id: int) -> Answer:
    """A reply is needed after all."""
    turns.expect_reply(actor, conversation_id)
    return _summary(actor, conversation_id)


def assign(actor: Actor, conversation_id: int, body: s.AssigneeUpdate) -> Answer:
    """Give a conversation to a colleague, take it, or release it."""
    assignment.assign(actor, conversation_id, body.user_id)
    return _summary(actor._replace(sees_all=True), conversation_id)  # whoever gave it away may not see it any more


def mark_unread(actor: Actor, conversation_id: int, body: s.UnreadUpdate) -> Answer:
    """Make messages unread again."""
    turns.mark_unread(actor, conversation_id, body.from_seq)
    return _summary(actor, conversation_id)


def snooze(actor: Actor, conversation_id: int, body: s.SnoozeUpdate) -> Answer:
    """Put a conversation to sleep, or wake it."""
    turns.snooze(actor, conversation_id, body.until)
    return _summary(actor, conversation_id)


def act_on_many(actor: Actor, body: s.BulkUpdate) -> Answer:
    """Do the same with several conversations."""
    outcomes = bulk.act(actor, body.ids, body.action, user_id=body.user_id, until=body.until)
    results = [one._asdict() if one.code else {"id": one.id, "status": one.status} for one in outcomes]
    return Answer(s.BulkResponse.model_validate({"results": results}))


def list_notes(actor: Actor, conversation_id: int) -> Answer:
    """The notes of one's own side."""
    found = [_note(actor, note) for note in notes.list_notes(actor, conversation_id)]
    return Answer(s.NoteListResponse(notes=found))


def write_note(actor: Actor, conversation_id: int, body: s.NoteCreate) -> Answer:
    """Write a note for one's own side."""
    return Answer(_note(actor, notes.write_note(actor, conversation_id, body.content, body.mentions)))


def _note(actor: Actor, note: Note) -> s.NoteResponse:
    author = {"type": actor.type, "id": note.author_id, "name": note.author_name}
    own = {name: getattr(note, name) for name in ("id", "content", "mentions", "after_seq", "created_at")}
    return s.NoteResponse.model_validate(own | {"author": author, "attachments": []})


def list_audit(actor: Actor, query: s.AuditQuery) -> Answer:
    """A page of the audit trail, oldest first, for programs that follow it."""
    people = (email_key(query.person),) if query.person else ()
    filters = trail.Filters(people, query.object, (query.action,) if query.action else ())
    found = trail.entries_after(filters, int(query.after or 0), query.limit + 1)
    page = found[: query.limit]
    cursor = str(page[-1].id) if len(found) > query.limit else None
    entries = [s.AuditEntryResponse.model_validate(trail.as_json(entry)) for entry in page]
    body = s.AuditResponse(entries=entries, next_cursor=cursor)
    return Answer(body, next_page={"after": cursor} if cursor else None)


def mark_read(actor: Actor, conversation_id: int, body: s.ReadingUpdate) -> Answer:
    """Move the actor's own seat forward."""
    left = messaging.mark_conversation_read(actor, conversation_id, body.up_to)
    return Answer(s.ReadingResponse(conversation_id=conversation_id, unread_count=left))


def set_preferences(actor: Actor, conversation_id: int, body: s.PreferencesUpdate) -> Answer:
    """Turn e-mail about this conversation on or off for the actor."""
    messaging.set_email_notifications(actor, conversation_id, body.email_notifications)
    return Answer(s.PreferencesResponse(email_notifications=body.email_notifications))


def download(actor: Actor, conversation_id: int, attachment_id: int) -> Response:
    """The file, byte for byte."""
    return _file(served.download(actor, conversation_id, attachment_id))


def thumbnail(actor: Actor, conversation_id: int, attachment_id: int) -> Response:
    """An image's preview."""
    return _file(served.thumbnail(actor, conversation_id, attachment_id))


def remove_attachment(actor: Actor, conversation_id: int, attachment_id: int, query: s.RemovalQuery) -> Answer:
    """Remove a file. Removing it again is allowed."""
    if "\0" in query.reason:
        raise Invalid(FieldError("reason", "invalid_characters", "The reason holds characters that cannot be stored."))
    attachments.delete_attachment(actor, conversation_id, attachment_id, query.reason)
    return Answer()


def _context_of(actor: Actor, body: s.ConversationCreate | s.ConversationCreateForm) -> Named | None:
    if isinstance(body, s.ConversationCreate):
        given = body.context
        return contexts.named_by(actor, given.kind, given.reference, ("context", "context")) if given else None
    if body.context_kind or body.context_reference:
        return contexts.named_by(actor, body.context_kind, body.context_reference)
    return None


def _context(row: ContextRow) -> s.ContextDetailResponse:
    customer = {name: getattr(row, f"customer_{name}") for name in s.ContextCustomer.model_fields}
    own = {name: getattr(row, name) for name in s.ContextResponse.model_fields if name != "as_of"}
    shown = own | {"as_of": row.updated_at, "customer": customer if row.customer_id is not None else None}
    return s.ContextDetailResponse.model_validate(shown)


def _summary(actor: Actor, conversation_id: int) -> Answer:
    found = messaging.get_head(actor, conversation_id)
    return Answer(summary_model(actor).model_validate(summary_of(actor, found)))


def _further(thread: messaging.Thread, query: s.ThreadQuery) -> dict[str, int] | None:
    """Return the parameters of the next page, in the direction in which the client reads."""
    if not thread.lines:
        return None
    if query.after is None:
        return {"before": thread.lines[0].seq} if thread.has_older else None
    last, end = thread.lines[-1].seq, min(thread.head.last_seq, (query.before or thread.head.last_seq + 1) - 1)
    return {"after": last} if last < end else None


def _file(served_file: ResponseReturnValue) -> Response:
    response = make_response(served_file)
    if response.status_code != 416:
        return response
    problem = problems.answer("range_not_satisfiable")
    problem.headers["Content-Range"] = response.headers["Content-Range"]
    return problem


def list_saved_replies(actor: Actor) -> Answer:
    """Every saved reply that the token may use."""
    found = [_saved_reply(reply) for reply in saved_replies.list_replies(actor)]
    return Answer(s.SavedReplyListResponse(saved_replies=found))


def create_saved_reply(actor: Actor, body: s.SavedReplyUpdate) -> Answer:
    """Keep a reply for the token's team."""
    return Answer(_saved_reply(saved_replies.create_reply(actor, body.name, body.text)))


def change_saved_reply(actor: Actor, reply_id: int, body: s.SavedReplyUpdate) -> Answer:
    """Give a saved reply another name and text."""
    return Answer(_saved_reply(saved_replies.change_reply(actor, reply_id, body.name, body.text)))


def delete_saved_reply(actor: Actor, reply_id: int) -> Answer:
    """Delete a saved reply."""
    saved_replies.delete_reply(actor, reply_id)
    return Answer()


def _saved_reply(reply: SavedReply) -> s.SavedReplyResponse:
    return s.SavedReplyResponse(id=reply.id, name=reply.name, text=reply.text, scope=reply.scope, used=reply.used)
