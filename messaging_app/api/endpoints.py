"""The API as one table: path, method, roles, input and output.

Routes, validation and OpenAPI are all generated from it, so they cannot disagree.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from flask import Response
from pydantic import BaseModel

from messaging_app.api import schemas as s
from messaging_app.api.answers import Answer
from messaging_app.api.resources import (
    audit,
    contexts,
    conversations,
    files,
    messages,
    notes,
    reasons,
    recipients,
    saved_replies,
    saved_views,
    search,
    sides,
)
from messaging_app.db.types import MAX_ID
from messaging_app.models.context import KIND_MAX, REFERENCE_MAX
from messaging_app.policies import ADMIN, STORE, STOREFRONT, RolePolicy


class Place(NamedTuple):
    """A parameter in a path: its name in Python, its description, its schema and an example, and Flask's converter."""

    argument: str
    about: str
    schema: Mapping[str, object] = {"type": "integer", "minimum": 1, "maximum": MAX_ID}
    example: str | int = 1
    converter: str = "id"


_WORD = {"type": "string", "minLength": 1}
PATH = {
    "id": Place("conversation_id", "Number of the conversation."),
    "reply_id": Place("reply_id", "Number of the saved reply."),
    "view_id": Place("view_id", "Number of the saved view."),
    "att_id": Place("attachment_id", "Number of the attachment."),
    "store": Place("store_code", "Code of the store.", _WORD | {"maxLength": 64}, "bakery", "word"),
    "kind": Place("kind", "One of the platform's kinds.", _WORD | {"maxLength": KIND_MAX}, "order", "word"),
    "reference": Place(
        "reference",
        "The shop's number. It may contain `/`.",
        s.described(1, REFERENCE_MAX, s.SUBJECT_PATTERN, type="string"),
        "4711",
        "words",
    ),
}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One row of the table.

    `body` is read as JSON, `form` as multipart with files. `conditional` responses carry an ETag. `keyed` ones accept
    an Idempotency-Key, `guarded` ones If-Seq-Match. `also` are other statuses of success, and what they say. `limit`
    names a rate limit in addition to the general one. `problems` are codes that only this
    endpoint returns. `links` say which endpoints use which part of the response, for OpenAPI.
    """

    name: str
    method: str
    path: str
    run: Callable[..., Answer | Response]
    summary: str
    description: str = ""
    roles: tuple[RolePolicy, ...] = (ADMIN, STORE, STOREFRONT)
    query: type[BaseModel] | None = None
    query_of_store: type[BaseModel] | None = None
    query_of_customer: type[BaseModel] | None = None
    body: type[BaseModel] | None = None
    body_required: bool = True
    form: type[BaseModel] | None = None
    status: int = 200
    also: Mapping[int, str] = field(default_factory=dict)
    answer: type[BaseModel] | None = None
    answer_of_customer: type[BaseModel] | None = None
    media_types: tuple[str, ...] = ("application/json",)
    conditional: bool = False
    keyed: bool = False
    guarded: bool = False
    limit: str | None = None
    problems: tuple[str, ...] = ()
    links: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def query_of(self, role: RolePolicy) -> type[BaseModel] | None:
        """Return the query parameters that this role may use."""
        own = {STORE: self.query_of_store, STOREFRONT: self.query_of_customer}
        return own.get(role) or self.query

    def answer_of(self, role: RolePolicy) -> type[BaseModel] | None:
        """Return the body of the response to this role."""
        return (self.answer_of_customer if role is STOREFRONT else None) or self.answer

    def mounted_at(self, role: RolePolicy) -> str:
        """Return the path for `role`, with {names}."""
        return f"/{role.name}{self.path}"


def _to(parameters: dict[str, str], *names: str) -> dict[str, dict[str, str]]:
    """Return links to the endpoints `names`: parameter -> pointer into the response body."""
    pointers = {name: f"$response.body#{pointer}" for name, pointer in parameters.items()}
    return dict.fromkeys(names, pointers)


_WITHIN = ("get_conversation", "send_message", "mark_read", "set_preferences", "close_conversation")
_FILES = ("download_attachment", "download_thumbnail", "remove_attachment")

ENDPOINTS = (
    Endpoint(
        "list_conversations",
        "GET",
        "/messages",
        conversations.list_conversations,
        "List conversations",
        "Newest message first. Pages stay stable while new messages arrive: if you follow `next_cursor` until it is "
        "null, you get every conversation that was in the list at the start. Conversations that got a message in the "
        "meantime appear again on the last pages, oldest first; nothing else appears twice. Page 1,000 costs as much as "
        "page 1.",
        query=s.TeamConversationQuery,
        query_of_customer=s.ConversationQuery,
        answer=s.ConversationListResponse,
        answer_of_customer=s.StorefrontConversationListResponse,
        conditional=True,
        links=_to({"id": "/conversations/0/id"}, *_WITHIN),
    ),
    Endpoint(
        "create_conversation",
        "POST",
        "/messages",
        conversations.create_conversation,
        "Begin a conversation",
        "With its first message, and with files if sent as a form. An unknown recipient is 422 on `recipient_id`. The "
        "same parties have at most one open conversation about a context: beginning another returns that one and posts "
        "nothing. A context of another customer is 404; an unknown one is created with only its name. Customers can "
        "write to their store if platform and store allow it (else `not_allowed`), only about contexts of their own (else "
        "404), and only up to a daily limit. A `reason` that does not fit is 422; if the platform requires one, a missing "
        "one is `reason_required`.",
        body=s.ConversationCreate,
        form=s.ConversationCreateForm,
        status=201,
        also={200: "The open conversation about the same context. Nothing was posted."},
        answer=s.ConversationDetailResponse,
        answer_of_customer=s.StorefrontConversationDetailResponse,
        keyed=True,
        limit="create",
        problems=("idempotency_conflict", "not_allowed", "not_found", "context_required", "reason_required"),
        links=_to({"id": "/id"}, *_WITHIN, "reopen_conversation"),
    ),
    Endpoint(
        "get_unread_count",
        "GET",
        "/messages/unread-count",
        messages.get_unread_count,
        "Count unread messages",
        "Made for polling: with `If-None-Match` it returns 304 while nothing has changed.",
        answer=s.UnreadCountResponse,
        conditional=True,
    ),
    Endpoint(
        "list_recipients",
        "GET",
        "/messages/recipients",
        recipients.list_recipients,
        "Find recipients",
        roles=(ADMIN, STORE),
        query=s.RecipientQuery,
        query_of_store=s.CustomerRecipientQuery,
        answer=s.RecipientListResponse,
        links=_to({"body": "/recipients/0"}, "create_conversation"),
    ),
    Endpoint(
        "search",
        "GET",
        "/messages/search",
        search.search_conversations,
        "Search",
        "Conversations, open and closed, newest matching line first. Words match as prefixes, ignoring accents; all of "
        "them must occur in one message and its file names, or in the subject and the names of people and stores. "
        "`\"two words\"` in quotes must be adjacent. `from:` is the sender's name, `store:` a store's; also `has:file`, "
        "`is:unread`, `is:open`, `is:closed`, `is:waiting`, `before:2026-11-30`, `after:2026-11-01` (from that day on, "
        "in UTC). A page may be shorter than `limit` even if another one follows.",
        query=s.SearchQuery,
        answer=s.SearchResponse,
        answer_of_customer=s.StorefrontSearchResponse,
        links=_to({"id": "/hits/0/conversation/id"}, "get_conversation"),
    ),
    Endpoint(
        "get_conversation",
        "GET",
        "/messages/{id}",
        conversations.get_conversation,
        "Read a conversation",
        "With its newest messages, those `before` a `seq`, or those `after` one. Reading marks nothing as read. To "
        "follow a conversation, poll with `after` and `If-None-Match`.",
        query=s.ThreadQuery,
        answer=s.ConversationDetailResponse,
        answer_of_customer=s.StorefrontConversationDetailResponse,
        conditional=True,
        links=_to({"id": "/id"}, "send_message", "mark_read", "set_preferences"),
    ),
    Endpoint(
        "send_message",
        "POST",
        "/messages/{id}/messages",
        messages.send_message,
        "Send a message",
        "As JSON, or as a form with files. One refused file refuses the whole message, and nothing is stored. A closed "
        "conversation is `conversation_closed` unless this reopens it, which adds an event before the message.",
        body=s.MessageCreate,
        form=s.MessageCreateForm,
        status=201,
        answer=s.MessageResponse,
        keyed=True,
        guarded=True,
        limit="send",
        problems=("conversation_closed", "duplicate_open", "idempotency_conflict", "newer_messages"),
        links=_to({"id": "/conversation_id", "att_id": "/attachments/0/id"}, *_FILES)
        | _to({"id": "/conversation_id"}, "get_conversation", "mark_read"),
    ),
    Endpoint(
        "close_conversation",
        "POST",
        "/messages/{id}/close",
        conversations.close_conversation,
        "Close a conversation",
        "Adds an event to it. Closing a closed conversation changes nothing.",
        roles=(ADMIN, STORE),
        answer=s.ConversationSummary,
        links=_to({"id": "/id"}, "get_conversation", "send_message"),
    ),
    Endpoint(
        "reopen_conversation",
        "POST",
        "/messages/{id}/reopen",
        conversations.reopen_conversation,
        "Reopen a conversation",
        "Adds an event to it. Reopening an open conversation changes nothing. If the same parties have another open "
        "conversation about the same context, `duplicate_open` names it.",
        roles=(ADMIN, STORE),
        answer=s.ConversationSummary,
        problems=("duplicate_open",),
        links=_to({"id": "/id"}, "get_conversation", "send_message"),
    ),
    Endpoint(
        "rule_reply_out",
        "POST",
        "/messages/{id}/no-reply-needed",
        sides.rule_reply_out,
        "Mark as no reply needed",
        "A conversation that waits for `us` then waits for `nobody` until the other side writes again. The other side "
        "does not see it.",
        roles=(ADMIN, STORE),
        answer=s.ConversationSummary,
    ),
    Endpoint(
        "expect_reply",
        "DELETE",
        "/messages/{id}/no-reply-needed",
        sides.expect_reply,
        "Undo no reply needed",
        roles=(ADMIN, STORE),
        answer=s.ConversationSummary,
    ),
    Endpoint(
        "assign",
        "PUT",
        "/messages/{id}/assignee",
        sides.assign,
        "Assign a conversation",
        "To an active user on your side, or to nobody with null. The other side does not see it.",
        roles=(ADMIN, STORE),
        body=s.AssigneeUpdate,
        answer=s.ConversationSummary,
    ),
    Endpoint(
        "mark_unread",
        "POST",
        "/messages/{id}/unread",
        messages.mark_unread,
        "Mark as unread",
        "Only for you, from a given line on.",
        roles=(ADMIN, STORE),
        body=s.UnreadUpdate,
        answer=s.ConversationSummary,
    ),
    Endpoint(
        "snooze",
        "PUT",
        "/messages/{id}/snooze",
        sides.snooze,
        "Snooze a conversation",
        "Leaves it out of `waiting=us` until then, or until the other side writes. The other side does not see it.",
        roles=(ADMIN, STORE),
        body=s.SnoozeUpdate,
        answer=s.ConversationSummary,
    ),
    Endpoint(
        "list_notes",
        "GET",
        "/messages/{id}/notes",
        notes.list_notes,
        "List the notes of your side",
        "Oldest first. The other side never sees notes.",
        roles=(ADMIN, STORE),
        answer=s.NoteListResponse,
    ),
    Endpoint(
        "write_note",
        "POST",
        "/messages/{id}/notes",
        notes.write_note,
        "Write a note for your side",
        "Also in a closed conversation. It changes no line, preview, count or ETag of the other side, and notifies nobody "
        "there. As JSON, or as a form with files.",
        roles=(ADMIN, STORE),
        body=s.NoteCreate,
        form=s.NoteCreateForm,
        status=201,
        answer=s.NoteResponse,
        keyed=True,
        problems=("idempotency_conflict",),
    ),
    Endpoint(
        "act_on_many",
        "POST",
        "/messages/bulk",
        sides.act_on_many,
        "Act on several conversations",
        "Up to 200 at once, each with its own result. A refusal does not stop the others.",
        roles=(ADMIN, STORE),
        body=s.BulkUpdate,
        answer=s.BulkResponse,
    ),
    Endpoint(
        "mark_read",
        "PUT",
        "/messages/{id}/read",
        messages.mark_read,
        "Mark as read",
        "Only moves forward; leaves unread exactly the later messages of others.",
        body=s.ReadingUpdate,
        body_required=False,
        answer=s.ReadingResponse,
    ),
    Endpoint(
        "set_preferences",
        "PUT",
        "/messages/{id}/preferences",
        sides.set_preferences,
        "Set preferences",
        body=s.PreferencesUpdate,
        answer=s.PreferencesResponse,
    ),
    Endpoint(
        "download_attachment",
        "GET",
        "/messages/{id}/attachments/{att_id}",
        files.download,
        "Download a file",
        "Also by `Range`. A removed file is 404.",
        media_types=("*/*",),
        problems=("range_not_satisfiable",),
    ),
    Endpoint(
        "download_thumbnail",
        "GET",
        "/messages/{id}/attachments/{att_id}/thumbnail",
        files.thumbnail,
        "Download an image's preview",
        media_types=("image/webp",),
        problems=("range_not_satisfiable",),
    ),
    Endpoint(
        "download_note_attachment",
        "GET",
        "/messages/{id}/notes/attachments/{att_id}",
        files.download_of_note,
        "Download a file of a note",
        "For the side that wrote the note. Also by `Range`.",
        roles=(ADMIN, STORE),
        media_types=("*/*",),
        problems=("range_not_satisfiable",),
    ),
    Endpoint(
        "download_note_thumbnail",
        "GET",
        "/messages/{id}/notes/attachments/{att_id}/thumbnail",
        files.thumbnail_of_note,
        "Download the preview of a note's image",
        roles=(ADMIN, STORE),
        media_types=("image/webp",),
        problems=("range_not_satisfiable",),
    ),
    Endpoint(
        "remove_attachment",
        "DELETE",
        "/messages/{id}/attachments/{att_id}",
        files.remove_attachment,
        "Remove a file",
        "For its sender, or an admin who sees it. Its entry stays and says who removed it. Removing it again is allowed.",
        query=s.RemovalQuery,
        status=204,
    ),
    Endpoint(
        "remove_note_attachment",
        "DELETE",
        "/messages/{id}/notes/attachments/{att_id}",
        files.remove_of_note,
        "Remove a file of a note",
        "For the note's author, or an admin. Its row stays and says who removed it; removing twice is well.",
        query=s.RemovalQuery,
        roles=(ADMIN, STORE),
        status=204,
    ),
    Endpoint(
        "put_context",
        "PUT",
        "/contexts/{store}/{kind}/{reference}",
        contexts.put_context,
        "State a context",
        "The details of an order, a return or the like that conversations can be about. Send it again with a greater "
        "`version` whenever it changes; a version that is not greater changes nothing. Its customer never changes. "
        "Nothing is fetched from its URL.",
        roles=(ADMIN,),
        body=s.ContextUpdate,
        also={201: "The context is new."},
        answer=s.ContextDetailResponse,
    ),
    Endpoint(
        "get_context",
        "GET",
        "/contexts/{store}/{kind}/{reference}",
        contexts.get_context,
        "Read a context",
        "Its current details.",
        roles=(ADMIN,),
        answer=s.ContextDetailResponse,
    ),
    Endpoint(
        "state_fact",
        "POST",
        "/contexts/{store}/{kind}/{reference}/facts",
        contexts.state_fact,
        "State a fact",
        "Adds an event such as `Shipped, tracking 12345` to each conversation about the context. It never counts as "
        "unread. Each `id` counts once: stating it again changes nothing and returns the first statement.",
        roles=(ADMIN,),
        body=s.FactCreate,
        status=201,
        also={200: "That id was stated before."},
        answer=s.FactResponse,
    ),
    Endpoint(
        "find_conversations_about",
        "GET",
        "/contexts/{store}/{kind}/{reference}/conversations",
        contexts.find_conversations_about,
        "Find the conversations about a context",
        "Open and closed, those that this token sees; the newest hundred of them with all that they count.",
        roles=(ADMIN,),
        answer=s.ConversationsAboutResponse,
    ),
    Endpoint(
        "find_own_conversations_about",
        "GET",
        "/contexts/{kind}/{reference}/conversations",
        contexts.find_conversations_about,
        "Find the conversations about a context",
        "Open and closed, those that this token sees; the newest hundred of them with all that they count.",
        roles=(STORE,),
        answer=s.ConversationsAboutResponse,
    ),
    Endpoint(
        "list_all_reasons",
        "GET",
        "/reasons",
        reasons.list_all_reasons,
        "List the reasons",
        "All of the platform's reasons. `allowed` and `because` are about conversations begun with this token.",
        roles=(ADMIN,),
        query=s.AdminReasonQuery,
        answer=s.ReasonDetailListResponse,
    ),
    Endpoint(
        "put_reasons",
        "PUT",
        "/reasons",
        reasons.put_reasons,
        "Replace the reasons",
        "The whole list, in order: reasons left out are removed. Existing conversations keep their reason.",
        roles=(ADMIN,),
        body=s.ReasonsUpdate,
        answer=s.ReasonDetailListResponse,
    ),
    Endpoint(
        "list_reasons",
        "GET",
        "/reasons",
        reasons.list_reasons,
        "List the reasons of your side",
        "The reasons with which you can begin a conversation, and why some do not fit the given recipient and context. "
        "For customers a context that is not theirs is 404.",
        roles=(STORE, STOREFRONT),
        query_of_store=s.StoreReasonQuery,
        query_of_customer=s.StorefrontReasonQuery,
        answer=s.ReasonListResponse,
        problems=("not_found",),
    ),
    Endpoint(
        "list_audit",
        "GET",
        "/audit",
        audit.list_audit,
        "Read the audit trail",
        "Oldest first. To follow it, keep the last entry's `id` and pass it as `after`.",
        roles=(ADMIN,),
        query=s.AuditQuery,
        answer=s.AuditResponse,
    ),
    Endpoint(
        "list_saved_replies",
        "GET",
        "/saved-replies",
        saved_replies.list_saved_replies,
        "List saved replies",
        "The platform's and your store's, the most used first.",
        roles=(ADMIN, STORE),
        answer=s.SavedReplyListResponse,
    ),
    Endpoint(
        "create_saved_reply",
        "POST",
        "/saved-replies",
        saved_replies.create_saved_reply,
        "Save a reply",
        "For your own team.",
        roles=(ADMIN, STORE),
        body=s.SavedReplyUpdate,
        status=201,
        answer=s.SavedReplyResponse,
        links=_to({"reply_id": "/id"}, "change_saved_reply", "delete_saved_reply"),
    ),
    Endpoint(
        "change_saved_reply",
        "PUT",
        "/saved-replies/{reply_id}",
        saved_replies.change_saved_reply,
        "Change a saved reply",
        "Stores can change only their own, not the platform's.",
        roles=(ADMIN, STORE),
        body=s.SavedReplyUpdate,
        answer=s.SavedReplyResponse,
        problems=("not_allowed",),
    ),
    Endpoint(
        "delete_saved_reply",
        "DELETE",
        "/saved-replies/{reply_id}",
        saved_replies.delete_saved_reply,
        "Delete a saved reply",
        "Stores can delete only their own, not the platform's.",
        roles=(ADMIN, STORE),
        status=204,
        problems=("not_allowed",),
    ),
    Endpoint(
        "list_views",
        "GET",
        "/views",
        saved_views.list_views,
        "List saved views",
        "Your own and the team's, by name.",
        roles=(ADMIN, STORE),
        answer=s.SavedViewListResponse,
    ),
    Endpoint(
        "create_view",
        "POST",
        "/views",
        saved_views.create_view,
        "Save a view",
        "A filter or a search under a name. It stores only the query: each reader sees their own results.",
        roles=(ADMIN, STORE),
        body=s.SavedViewCreate,
        status=201,
        answer=s.SavedViewResponse,
        links=_to({"view_id": "/id"}, "delete_view"),
    ),
    Endpoint(
        "delete_view",
        "DELETE",
        "/views/{view_id}",
        saved_views.delete_view,
        "Delete a saved view",
        "Your own, or one of the team's, which is then deleted for everybody.",
        roles=(ADMIN, STORE),
        status=204,
    ),
)
BY_NAME = {endpoint.name: endpoint for endpoint in ENDPOINTS}
