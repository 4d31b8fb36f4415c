"""Conversations: lists, new ones, and one with its lines."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from messaging_app.api.schemas.base import (
    PAGE_MAX,
    WITHOUT_NUL,
    Content,
    ConversationKind,
    Id,
    Incoming,
    Outgoing,
    Person,
    Subject,
    Words,
    no_default,
)
from messaging_app.api.schemas.contexts import ContextName, ContextResponse
from messaging_app.api.schemas.messages import MessageResponse
from messaging_app.api.schemas.reasons import ConversationReason
from messaging_app.models.context import KIND_MAX, REFERENCE_MAX
from messaging_app.models.reason import CODE_MAX
from messaging_app.queries.cursors import WALK_PATTERN

ASSIGNEE_PATTERN = "^(me|nobody|[1-9][0-9]{0,17})$"


class ConversationQuery(Incoming):
    """What to list."""

    status: Literal["open", "closed", "all"] = Field("open", description="Which conversations to list.")
    conversation_type: ConversationKind | SkipJsonSchema[None] = Field(None, description="Only this type.")
    unread: bool = Field(False, description="Only conversations in which you have unread messages.")
    limit: int = Field(25, ge=1, le=PAGE_MAX, description="Most conversations in one answer.")
    cursor: Annotated[str, Field(pattern=WALK_PATTERN)] | SkipJsonSchema[None] = Field(
        None, description="`next_cursor` of the page before."
    )
    context_kind: Annotated[str, Field(max_length=KIND_MAX, pattern=WITHOUT_NUL)] | SkipJsonSchema[None] = Field(
        None, description="Only conversations about this kind, such as `order`."
    )
    context_reference: Annotated[str, Field(max_length=REFERENCE_MAX, pattern=WITHOUT_NUL)] | SkipJsonSchema[None] = (
        Field(None, description="Only conversations about this number of the shop's.")
    )
    reason: Annotated[str, Field(max_length=CODE_MAX, pattern=WITHOUT_NUL)] | SkipJsonSchema[None] = Field(
        None, description="Only conversations begun with the reason of this code."
    )
    include_total: bool = Field(False, description="Also count all that the filter holds; costs more, so ask once.")


class TeamConversationQuery(ConversationQuery):
    """What a team may list."""

    waiting: Literal["us", "them", "nobody"] | SkipJsonSchema[None] = Field(
        None, description="Only conversations that wait for your side, for the other one, or for nobody."
    )
    assignee: Annotated[str, Field(pattern=ASSIGNEE_PATTERN)] | SkipJsonSchema[None] = Field(
        None, description="The assignee: `me`, `nobody`, or the `users.id` of a colleague."
    )
    snoozed: bool = Field(False, description="Only conversations that your side has snoozed.")
    order: Literal["newest", "waiting"] = Field(
        "newest", description="`newest` message first, or longest `waiting` first."
    )


class _Beginning(Incoming):
    conversation_type: ConversationKind = Field(
        description="`admin_store` and `admin_customer` begin with an admin token, `store_customer` with a store or "
        "customer token; `admin_store` with a store token too, where the platform lets stores write to it.",
        examples=["store_customer"],
    )
    recipient_type: Literal["store", "customer", "platform"] = Field(
        description="`store` for `admin_store` and for customers, else `customer`; `platform` for stores that write to it.",
        examples=["customer"],
    )
    recipient_id: Id | None = Field(
        None,
        description="`stores.id` or `customers.id`, as /messages/recipients lists them; for customers their own store. "
        "Required, except for the platform, which has none.",
        examples=[1],
    )
    subject: Subject
    reason: str = Field(
        "",
        description="Code of a reason from `/reasons`; required if the platform's settings say so.",
        json_schema_extra={"maxLength": CODE_MAX},
        examples=["delivery"],
    )


class ConversationCreate(_Beginning):
    """A new conversation with its first message. Sender, store and participants come from the token."""

    content: Content
    context: ContextName | None = Field(None, description="What it is about; null for nothing in particular.")


class ConversationCreateForm(_Beginning):
    """The same as a form, with files."""

    content: Words = ""
    context_kind: str = Field("", description="What it is about: one of the platform's kinds.")
    context_reference: str = Field(
        "", description="The shop's number for it.", json_schema_extra={"maxLength": REFERENCE_MAX}
    )


class Counterpart(Outgoing):
    """The other side of a conversation, as you see it."""

    type: Literal["store", "customer", "platform"]
    """Which kind of other side."""
    id: int | None
    """`stores.id` or `customers.id`; null for the platform."""
    name: str
    """The store's or the customer's name, or `Platform`."""


class ParticipantResponse(Person):
    """A participant of a conversation and how far they have read."""

    last_read_seq: int
    """They have read every message up to this `seq`."""
    last_read_at: datetime | None
    """When they last read here; null for never. UTC, RFC 3339, ending in Z."""


class StorefrontConversationSummary(Outgoing):
    """A conversation as lists show it to customers."""

    id: int
    """Number of the conversation."""
    conversation_type: ConversationKind
    """The two parties."""
    subject: str
    """One line."""
    status: Literal["open", "closed"]
    """Only an open conversation takes messages."""
    store_id: int
    """The store that it concerns."""
    store_name: str
    """That store's name."""
    counterpart: Counterpart
    """The other side, as you see it."""
    last_message_at: datetime
    """When the last message was written; events do not count. UTC, RFC 3339, ending in Z."""
    last_message_preview: str
    """The last message in one line of at most 120 characters."""
    last_seq: int
    """`seq` of the latest line."""
    unread_count: int
    """Messages of others that you have not read."""
    created_at: datetime
    """When it began. UTC, RFC 3339, ending in Z."""
    closed_at: datetime | None
    """When it was closed; null while it is open. UTC, RFC 3339, ending in Z."""
    context: ContextResponse | None
    """What it is about, as it was when the conversation began."""
    reason: ConversationReason | None
    """Why it was begun; null if no reason was given."""


class Assignee(Outgoing):
    """The user on your side who takes care of a conversation."""

    id: int
    """`users.id`."""
    name: str
    """Their name."""


class ConversationSummary(StorefrontConversationSummary):
    """A conversation as lists show it, with what only your side sees."""

    waiting: Literal["us", "them", "nobody"]
    """Whose turn it is: your side's, the other one's, or nobody's."""
    waiting_since: datetime | None
    """Since when that side has had an unanswered message; null for `nobody`."""
    assignee: Assignee | None
    """The user on your side who takes care of it; null for nobody."""
    snoozed_until: datetime | None
    """Until when your side has snoozed it; null if it has not."""


class _WithMessages(Outgoing):
    """The people of a conversation, and a window of its messages."""

    participants: list[ParticipantResponse]
    """The participants; for a customer only themselves and those who have written."""
    email_notifications: bool
    """Whether new messages here are mailed to you."""
    messages: list[MessageResponse]
    """Oldest first."""
    has_older: bool
    """Whether there are messages before the first of these."""


class ConversationDetailResponse(_WithMessages, ConversationSummary):
    """A conversation with its people and a window of its messages."""


class StorefrontConversationDetailResponse(_WithMessages, StorefrontConversationSummary):
    """A conversation with its people and a window of its messages, as customers see it."""


class _Page(Outgoing):
    """The common fields of a page of conversations."""

    next_cursor: str | None
    """Pass it as `cursor` for the next page; null on the last."""
    total_unread: int
    """Unread messages in all conversations you can see, regardless of the filter."""
    total: int = Field(default=0, json_schema_extra=no_default)
    """How many conversations match the filter; only with `include_total=true`."""


class ConversationListResponse(_Page):
    """A page of conversations, newest message first unless asked otherwise."""

    conversations: list[ConversationSummary]
    """The page."""


class StorefrontConversationListResponse(_Page):
    """A page of a customer's conversations, newest message first."""

    conversations: list[StorefrontConversationSummary]
    """The page."""


class ConversationsAboutResponse(Outgoing):
    """The conversations about a context, open and closed, that this token sees."""

    count: int
    """How many there are."""
    unread: int
    """Your unread messages in all of them."""
    conversations: list[ConversationSummary]
    """The newest hundred."""
