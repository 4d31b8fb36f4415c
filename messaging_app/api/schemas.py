"""The API's input and output: strict Pydantic models that drive validation, responses and OpenAPI.

Input is accepted unchanged or refused: no text becomes a number, no unknown field is dropped. What a service checks
anyway (length after trimming, invisible characters) is only described here, so each rule exists once.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.json_schema import JsonSchemaValue, SkipJsonSchema

from messaging_app.db.types import MAX_ID
from messaging_app.models.context import (
    FACT_ID_MAX,
    FACT_TEXT_MAX,
    FACTS_MAX,
    KIND_MAX,
    LABEL_MAX,
    REFERENCE_MAX,
    STATE_MAX,
    TITLE_MAX,
    URL_MAX,
    VALUE_MAX,
)
from messaging_app.models.saved_reply import NAME_MAX as REPLY_NAME_MAX
from messaging_app.queries.cursors import CURSOR_MAX, NAME_PATTERN, PLACE_PATTERN, WALK_PATTERN
from messaging_app.services.attachments import REASON_MAX
from messaging_app.services.bulk import BULK_MAX
from messaging_app.services.notes import MENTIONS_MAX
from messaging_app.services.search import QUERY_MAX as SEARCH_MAX
from messaging_app.text import CONTENT_MAX, SUBJECT_MAX

PAGE_MAX = 100
QUERY_MAX = 100
ASSIGNEE_PATTERN = "^(me|nobody|[1-9][0-9]{0,17})$"
MOMENT_PATTERN = r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d{1,6})?([Zz]|[+-]\d{2}:\d{2})"
NUMBER_PATTERN = "^[1-9][0-9]{0,17}$"
WITHOUT_NUL = "^[^\\u0000]*$"
CONTENT_PATTERN = "^[^\\u0000]*[^\\s\\u0000][^\\u0000]*$"
_CONTROLS = "\\u0000-\\u0009\\u000b\\u000c\\u000e-\\u001f\\u007f-\\u0084\\u0086-\\u009f"
SUBJECT_PATTERN = f"^[^{_CONTROLS}]*[^\\s{_CONTROLS}][^{_CONTROLS}]*$"

Id = Annotated[int, Field(ge=1, le=MAX_ID)]
Seq = Annotated[int, Field(ge=0, le=MAX_ID)]
ConversationKind = Literal["admin_store", "store_customer", "admin_customer"]
PersonKind = Literal["admin", "store", "customer"]


def _moment(value: object) -> object:
    """Return the moment that a text names; anything but a text stays as it is, and is refused."""
    if not isinstance(value, str):
        return value
    if not re.fullmatch(MOMENT_PATTERN, value):
        raise ValueError("a time has a date, a time and an offset, as RFC 3339 says")
    return datetime.fromisoformat(value.upper())


Moment = Annotated[AwareDatetime, BeforeValidator(_moment)]


class Incoming(BaseModel):
    """Base class of input."""

    model_config = ConfigDict(extra="forbid", strict=True)


def _no_default(schema: JsonSchemaValue) -> None:
    """For a field that is omitted if empty: its default is never visible."""
    del schema["default"]


class Outgoing(BaseModel):
    """Base class of output."""

    model_config = ConfigDict(strict=True, use_attribute_docstrings=True)


def described(minimum: int, maximum: int, pattern: str, **more: str) -> JsonSchemaValue:
    """Return what a schema says of a text whose rule stands in a service."""
    return {**more, "minLength": minimum, "maxLength": maximum, "pattern": pattern}


def _line(most: int, about: str, example: str) -> str:
    """A text in one line of 1 to `most` characters."""
    line: str = Field(description=about, json_schema_extra=described(1, most, SUBJECT_PATTERN), examples=[example])
    return line


Subject = Annotated[
    str,
    Field(
        description="One line of 1-200 characters that shows something. Line breaks become spaces.",
        json_schema_extra=described(1, SUBJECT_MAX, SUBJECT_PATTERN),
        examples=["Your order of 12 loaves"],
    ),
]
Content = Annotated[
    str,
    Field(
        description="1-10,000 characters, counted after CRLF became LF and surrounding space was trimmed.",
        json_schema_extra=described(1, CONTENT_MAX, CONTENT_PATTERN),
        examples=["It leaves tomorrow morning."],
    ),
]
Words = Annotated[
    str,
    Field(
        description="As in JSON, but may be empty or left out where there is an attachment.",
        json_schema_extra={"maxLength": CONTENT_MAX},
        examples=["Here is the invoice."],
    ),
]


class NoQuery(Incoming):
    """No query parameters."""


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
    include_total: bool = Field(False, description="Also count all that the filter holds; costs more, so ask once.")


class TeamConversationQuery(ConversationQuery):
    """What a team may list."""

    waiting: Literal["us", "them", "nobody"] | SkipJsonSchema[None] = Field(
        None, description="Only what waits for your side, for the other one, or for nobody."
    )
    assignee: Annotated[str, Field(pattern=ASSIGNEE_PATTERN)] | SkipJsonSchema[None] = Field(
        None, description="Whose: `me`, `nobody`, or the `users.id` of a colleague."
    )
    snoozed: bool = Field(False, description="Only what your side has snoozed.")
    order: Literal["newest", "waiting"] = Field(
        "newest", description="`newest` message first, or longest `waiting` first."
    )


class RecipientQuery(Incoming):
    """Whom to find."""

    recipient_type: Literal["store", "customer"] = Field("store", description="Which kind of recipient.")
    q: str = Field("", max_length=QUERY_MAX, description="Beginnings of words in name, code or e-mail; all when empty.")
    limit: int = Field(20, ge=1, le=PAGE_MAX, description="Most recipients in one answer.")
    cursor: Annotated[str, Field(max_length=CURSOR_MAX, pattern=NAME_PATTERN)] | SkipJsonSchema[None] = Field(
        None, description="`next_cursor` of the page before."
    )


class CustomerRecipientQuery(RecipientQuery):
    """Whom a store may find."""

    recipient_type: Literal["customer"] = Field("customer", description="A store writes to its customers.")


class SearchQuery(Incoming):
    """What to search for."""

    q: str = Field("", max_length=SEARCH_MAX, pattern=WITHOUT_NUL, description="Words, phrases in quotes, filters.")
    limit: int = Field(25, ge=1, le=PAGE_MAX, description="Most conversations in one answer.")
    cursor: Annotated[str, Field(max_length=CURSOR_MAX, pattern=PLACE_PATTERN)] | SkipJsonSchema[None] = Field(
        None, description="`next_cursor` of the page before."
    )


class AuditQuery(Incoming):
    """Which entries of the audit trail to read; by default from its beginning."""

    after: Annotated[str, Field(pattern=NUMBER_PATTERN)] | SkipJsonSchema[None] = Field(
        None, description="`next_cursor` of the page before."
    )
    limit: int = Field(100, ge=1, le=PAGE_MAX, description="Most entries in one response.")
    object: str = Field(
        "", max_length=QUERY_MAX, pattern=WITHOUT_NUL, description="`type` or `type:id`, such as `store:12`."
    )
    person: str = Field(
        "", max_length=254, pattern=WITHOUT_NUL, description="An e-mail address, of who acted or of whom it concerns."
    )
    action: str = Field("", max_length=40, pattern=WITHOUT_NUL, description="Such as `setting.changed`.")


class ThreadQuery(Incoming):
    """Which messages to show; without `before` and `after` the newest."""

    before: Id | SkipJsonSchema[None] = Field(
        None, description="Only messages with a smaller `seq`, the newest of them."
    )
    after: Seq | SkipJsonSchema[None] = Field(
        None, description="Only messages with a greater `seq`, the oldest of them."
    )
    limit: int = Field(50, ge=1, le=PAGE_MAX, description="Most messages in one answer.")


class RemovalQuery(Incoming):
    """Why a file goes."""

    reason: str = Field(
        "",
        description="Shown in the thread, at most 500 characters.",
        json_schema_extra={"maxLength": REASON_MAX, "pattern": WITHOUT_NUL},
    )


class Nothing(Incoming):
    """No fields: leave the body out, or send {}."""


class ContextName(Incoming):
    """A context by what it is called."""

    kind: str = Field(description="One of the platform's kinds.", examples=["order"])
    reference: str = _line(REFERENCE_MAX, "The shop's number.", "4711")


class _Beginning(Incoming):
    conversation_type: ConversationKind = Field(
        description="`admin_store` and `admin_customer` begin with an admin token, `store_customer` with a store or customer token.",
        examples=["store_customer"],
    )
    recipient_type: Literal["store", "customer"] = Field(
        description="`store` for `admin_store` and for customers, else `customer`.", examples=["customer"]
    )
    recipient_id: Id = Field(
        description="`stores.id` or `customers.id`, as /messages/recipients lists them; for customers their own store.",
        examples=[1],
    )
    subject: Subject


class ConversationCreate(_Beginning):
    """A new conversation with its first message. Sender, store and participants come from the token."""

    content: Content
    context: ContextName | None = Field(
        None, description="What it is about; null for nothing that the shop has a number for."
    )


class ConversationCreateForm(_Beginning):
    """The same as a form, with files."""

    content: Words = ""
    context_kind: str = Field("", description="What it is about: one of the platform's kinds.")
    context_reference: str = Field(
        "", description="The shop's number for it.", json_schema_extra={"maxLength": REFERENCE_MAX}
    )


class FactUpdate(Incoming):
    """A line of a context."""

    label: str = _line(LABEL_MAX, "What it is.", "Total")
    value: str = _line(VALUE_MAX, "How much, when or which.", "42.00 €")


class CustomerKey(Incoming):
    """A customer of the store, by one of these two."""

    external_id: str | None = Field(
        None, max_length=100, pattern=WITHOUT_NUL, description="The shop's own id.", examples=["C-1"]
    )
    email: str | None = Field(
        None, max_length=254, pattern=WITHOUT_NUL, description="The e-mail address.", examples=["cleo@mail.example"]
    )


class ContextUpdate(Incoming):
    """What the shop says about a context. What is left out is not known."""

    customer: CustomerKey = Field(description="Whose it is.", examples=[{"external_id": "C-1"}])
    title: str = _line(TITLE_MAX, "What it is, in one line.", "Two-tier birthday cake")
    url: str | None = Field(
        None,
        description="Its address in the shop, http or https. Pages link to it; nothing is fetched from it.",
        json_schema_extra={"maxLength": URL_MAX},
        examples=["https://shop.example/orders/4711"],
    )
    state: str | None = Field(
        None,
        description="Its state in a word or two.",
        json_schema_extra={"maxLength": STATE_MAX},
        examples=["Baking"],
    )
    facts: list[FactUpdate] = Field([], description="At most 8 lines.", json_schema_extra={"maxItems": FACTS_MAX})
    version: Id = Field(description="Greater than that of what was sent before.", examples=[1])


class FactCreate(Incoming):
    """What the shop states in each conversation about a context."""

    id: str = _line(FACT_ID_MAX, "The shop's own id of this fact.", "shipment-12345")
    text: str = _line(FACT_TEXT_MAX, "One sentence.", "Shipped, tracking 12345")


class MessageCreate(Incoming):
    """A message."""

    content: Content
    reopen: bool = Field(
        False,
        json_schema_extra=_no_default,
        description="Reopen the conversation if it is closed, with an admin or store token. Customers need not say so: "
        "where the platform lets their replies reopen, they do.",
    )


class MessageCreateForm(Incoming):
    """The same as a form, with files."""

    content: Words = ""
    reopen: bool = Field(False, json_schema_extra=_no_default, description="As in JSON.")


class NoteCreate(Incoming):
    """A note for your own side."""

    content: Content
    mentions: list[Id] = Field(
        [],
        max_length=MENTIONS_MAX,
        description="Ids of active colleagues. Each mention adds 1 to the `total_unread` of a colleague.",
        examples=[[]],
    )


class ReadingUpdate(Incoming):
    """How far you have read."""

    up_to: Seq | None = Field(
        None, description="`seq` of the last message you were shown; left out or null: the latest.", examples=[3]
    )


class PreferencesUpdate(Incoming):
    """Your preferences for one conversation."""

    email_notifications: bool = Field(description="Whether new messages here are mailed to you.", examples=[False])


class UnreadUpdate(Incoming):
    """From where on to read again."""

    from_seq: Annotated[int, Field(ge=1, le=MAX_ID)] = Field(
        description="`seq` of the first line that is to be unread again.", examples=[3]
    )


class AssigneeUpdate(Incoming):
    """Who takes care of a conversation."""

    user_id: Id | None = Field(description="`users.id` of somebody on your side; null for nobody.", examples=[3])


class SnoozeUpdate(Incoming):
    """Until when a conversation sleeps."""

    until: Moment | None = Field(
        description="In the future, RFC 3339 with an offset; null ends the snooze.", examples=["2027-01-04T08:00:00Z"]
    )


class SavedReplyUpdate(Incoming):
    """A saved reply: its name in the list, and its text."""

    name: str = Field(
        json_schema_extra=described(1, REPLY_NAME_MAX, SUBJECT_PATTERN),
        description="Its name in the list.",
        examples=["Nuts and marzipan"],
    )
    text: str = Field(
        json_schema_extra=described(1, CONTENT_MAX, CONTENT_PATTERN),
        description="May hold `{customer.first_name}`, `{store.name}`, `{me.first_name}`, `{order.reference}`.",
        examples=["Hi {customer.first_name}, marzipan is almonds."],
    )


class BulkUpdate(Incoming):
    """One action on several conversations."""

    ids: list[Id] = Field(min_length=1, max_length=BULK_MAX, description="Which conversations.", examples=[[17, 18]])
    action: Literal["close", "reopen", "read", "assign", "snooze"] = Field(description="What to do with each.")
    user_id: Id | None = Field(None, description="To whom to assign them; null for nobody.")
    until: Moment | None = Field(None, description="Until when to snooze them; null ends the snooze.")


class Person(Outgoing):
    """A user or customer who writes."""

    type: PersonKind
    """Which kind of person; ids are numbered within it."""
    id: int
    """`users.id`, or `customers.id` of a customer."""
    name: str
    """The name; of a sender, as it was when they wrote."""


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


class AttachmentResponse(Outgoing):
    """A file of a message. A removed file stays, without URLs."""

    id: int
    """Number of the file."""
    filename: str
    """The name shown; never part of a path."""
    mime_type: str
    """What the bytes are, whatever the sender said."""
    size: int
    """Bytes."""
    is_image: bool
    """Whether there may be a preview."""
    download_url: str | None
    """Path of the file in this API; null when removed."""
    thumbnail_url: str | None
    """Path of its preview in this API; null where there is none."""
    removed_at: datetime | None
    """When it was removed; null while it is there."""
    removed_by: Person | None
    """Who removed it."""


class MessageResponse(Outgoing):
    """A line of a conversation."""

    id: int
    """Number of the message."""
    conversation_id: int
    """Number of its conversation."""
    seq: int
    """1, 2, 3 ... within the conversation, without gaps: order, cursor and read position at once."""
    kind: Literal["message", "event"]
    """`event` for what was done to the conversation, such as closing it; an event is never unread."""
    event: str | None
    """What kind of event: `closed`, `reopened`, or `fact` for what the shop states; null for a message."""
    sender: Person
    """Who wrote it."""
    content: str
    """Plain text; of an event, a sentence in English."""
    created_at: datetime
    """When it was written. UTC, RFC 3339, ending in Z."""
    attachments: list[AttachmentResponse]
    """Its files, in the order in which they were sent."""


class ContextFact(Outgoing):
    """A line of a context."""

    label: str
    """What it is."""
    value: str
    """How much, when or which."""


class ContextResponse(Outgoing):
    """What a conversation is about, as the shop states it."""

    kind: str
    """One of the platform's kinds, such as `order`."""
    reference: str
    """The shop's number."""
    title: str | None
    """What it is; null where the shop has not stated anything."""
    url: str | None
    """Its address in the shop."""
    state: str | None
    """Its state in a word or two."""
    facts: list[ContextFact]
    """At most 8 lines."""
    version: int
    """The shop's number of this statement; 0 while it has stated nothing."""
    as_of: datetime
    """When this was so: of a conversation, when it began. UTC, RFC 3339, ending in Z."""


class ContextCustomer(Outgoing):
    """Whose a context is."""

    id: int
    """`customers.id`."""
    external_id: str | None
    """The shop's own id."""
    email: str
    """The e-mail address."""
    name: str
    """The name."""


class ContextDetailResponse(ContextResponse):
    """A context as it is now."""

    customer: ContextCustomer | None
    """Whose it is; null while only its number was typed, for a store."""


class FactResponse(Outgoing):
    """A fact as it was stated first."""

    id: str
    """The shop's own id."""
    text: str
    """One sentence."""
    stated_at: datetime
    """When it was stated. UTC, RFC 3339, ending in Z."""


class StorefrontConversationSummary(Outgoing):
    """A conversation as lists show it to customers."""

    id: int
    """Number of the conversation."""
    conversation_type: ConversationKind
    """Who talks with whom."""
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


class Assignee(Outgoing):
    """Who of your side takes care of a conversation."""

    id: int
    """`users.id`."""
    name: str
    """Their name."""


class ConversationSummary(StorefrontConversationSummary):
    """A conversation as lists show it, with what only your side sees."""

    waiting: Literal["us", "them", "nobody"]
    """Who is to write next: your side, the other one, or nobody."""
    waiting_since: datetime | None
    """When the side that is waited for was first written to since it last wrote; null for `nobody`."""
    assignee: Assignee | None
    """Who of your side takes care of it; null for nobody."""
    snoozed_until: datetime | None
    """Until when your side has snoozed it; null if it has not."""


class _WithMessages(Outgoing):
    """The people of a conversation, and a window of its messages."""

    participants: list[ParticipantResponse]
    """Who takes part; to a customer only themselves and those who have written."""
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
    """What comes with a page of conversations."""

    next_cursor: str | None
    """Pass it as `cursor` for the next page; null on the last."""
    total_unread: int
    """Unread messages in all that you see, whatever the filter."""
    total: int = Field(default=0, json_schema_extra=_no_default)
    """How many conversations the filter holds; only with `include_total=true`."""


class ConversationListResponse(_Page):
    """A page of conversations, newest message first unless asked otherwise."""

    conversations: list[ConversationSummary]
    """The page."""


class StorefrontConversationListResponse(_Page):
    """A page of a customer's conversations, newest message first."""

    conversations: list[StorefrontConversationSummary]
    """The page."""


class _Hit(Outgoing):
    """Where a conversation matches."""

    seq: int | None
    """Number of the line; null where subject or names match."""
    excerpt: str
    """The part of the line, in one line, that shows it; or of subject and names."""
    ranges: list[list[int]]
    """What was found in the excerpt: first code point and the one after the last."""


class SearchHit(_Hit):
    """A conversation with its newest line that matches."""

    conversation: ConversationSummary
    """The conversation."""


class StorefrontSearchHit(_Hit):
    """A customer's conversation with its newest line that matches."""

    conversation: StorefrontConversationSummary
    """The conversation."""


class SearchResponse(Outgoing):
    """A page of what was found, newest line first."""

    hits: list[SearchHit]
    """The page, one hit a conversation."""
    next_cursor: str | None
    """Leads to the next page; null where there is none."""


class StorefrontSearchResponse(Outgoing):
    """A page of what a customer found, newest line first."""

    hits: list[StorefrontSearchHit]
    """The page, one hit a conversation."""
    next_cursor: str | None
    """Leads to the next page; null where there is none."""


class BulkResult(Outgoing):
    """What came of one conversation."""

    id: int
    """Number of the conversation."""
    status: int
    """The HTTP status that the request for it alone would have had."""
    code: str = Field(default="", json_schema_extra=_no_default)
    """Stable word for programs; only where it was refused."""


class BulkResponse(Outgoing):
    """What came of each conversation, in the order of `ids`."""

    results: list[BulkResult]
    """One for each."""


class ConversationsAboutResponse(Outgoing):
    """The conversations about a context, open and closed, that this token sees."""

    count: int
    """How many there are."""
    unread: int
    """Your unread messages in all of them."""
    conversations: list[ConversationSummary]
    """The newest hundred."""


class UnreadCountResponse(Outgoing):
    """What the badge shows."""

    total_unread: int
    """Unread messages in all that you see."""


class ReadingResponse(Outgoing):
    """What is left after reading."""

    conversation_id: int
    """Number of the conversation."""
    unread_count: int
    """Later messages of others, unread still."""


class PreferencesResponse(Outgoing):
    """Your preferences for one conversation."""

    email_notifications: bool
    """Whether new messages here are mailed to you."""


class RecipientResponse(Outgoing):
    """A recipient that you may write to."""

    recipient_type: Literal["store", "customer"]
    """Which kind, for `ConversationCreate`."""
    recipient_id: int
    """Which one, for `ConversationCreate`."""
    name: str
    """The store's or the customer's name."""
    detail: str
    """What tells namesakes apart: the store's code, or e-mail and store."""


class RecipientListResponse(Outgoing):
    """A page of recipients."""

    recipients: list[RecipientResponse]
    """The page."""
    next_cursor: str | None
    """Pass it as `cursor` for the next page; null on the last."""


class FieldProblem(Outgoing):
    """One invalid field."""

    field: str
    """Name of the field, query parameter, header or form part."""
    code: str
    """Stable word for programs."""
    message: str
    """Sentence for people."""


class Problem(Outgoing):
    """What went wrong (RFC 9457, `application/problem+json`)."""

    type: str
    """Where this problem is explained."""
    title: str
    """The problem in a few words, the same each time."""
    status: int
    """The HTTP status."""
    detail: str
    """What to do about it."""
    code: str
    """Stable word for programs."""
    errors: list[FieldProblem] = Field(default=[], json_schema_extra=_no_default)
    """Everything at fault; only where fields, parameters or files are."""
    conversation_id: int = Field(default=0, json_schema_extra=_no_default)
    """The open conversation; only with `duplicate_open`."""
    messages: list[MessageResponse] = Field(default=[], json_schema_extra=_no_default)
    """What others have written since; only with `newer_messages`."""


class SavedReplyResponse(Outgoing):
    """A text that a team keeps for answers it gives often."""

    id: int
    """Its number."""
    name: str
    """Its name in the list."""
    text: str
    """Its text, with variables in braces."""
    scope: Literal["store", "platform"]
    """Whose it is."""
    used: int
    """How often it was chosen."""


class NoteResponse(Outgoing):
    """A note that only one side reads."""

    id: int
    """Its number."""
    author: Person
    """Who wrote it."""
    content: str
    """Plain text."""
    mentions: list[int]
    """Ids of the colleagues whom it mentions."""
    after_seq: int
    """The line that it follows."""
    created_at: datetime
    """When it was written. UTC, RFC 3339, ending in Z."""
    attachments: list[AttachmentResponse]
    """Empty: notes hold no files so far."""


class NoteListResponse(Outgoing):
    """The notes of one side in a conversation."""

    notes: list[NoteResponse]
    """Oldest first."""


class SavedReplyListResponse(Outgoing):
    """What one may use, the most used first."""

    saved_replies: list[SavedReplyResponse]
    """The platform's, and those of the token's store."""


class AuditActor(Outgoing):
    """Who acted: a person under their name at that time, or the command line."""

    type: Literal["admin", "store", "customer", "command", "nobody"]
    """`command` is the command line, `nobody` somebody who was not signed in."""
    name: str
    """Their name at that time."""
    email: str | None
    """Their e-mail address at that time."""


class AuditObject(Outgoing):
    """What was changed."""

    type: str
    """Its kind, such as `store` or `setting`."""
    id: str
    """Its number or key."""
    name: str
    """Its name at that time."""
    email: str | None
    """Its e-mail address at that time, where it is a person."""


class AuditEntryResponse(Outgoing):
    """One entry of the audit trail."""

    id: int
    """Number of the entry: 1, 2, 3 … without gaps."""
    at: datetime
    """When it was made."""
    actor: AuditActor
    """Who acted."""
    action: str
    """What was done, such as `setting.changed`."""
    object: AuditObject
    """What was changed."""
    before: dict[str, str | int | bool | None]
    """What was changed, as it was before. Never a secret, never what people wrote."""
    after: dict[str, str | int | bool | None]
    """The same, as it is afterwards."""
    address: str | None
    """The network address of the request; null for the command line."""
    request_id: str | None
    """The id of the request, as it stands in the log."""
    hash: str
    """SHA-256 over this entry and the hash of the one before."""


class AuditResponse(Outgoing):
    """A page of the audit trail."""

    entries: list[AuditEntryResponse]
    """Oldest first."""
    next_cursor: str | None
    """`after` of the next page; null at the end."""
