"""The lines of a conversation, their files, and how far somebody has read."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from messaging_app.api.schemas.base import (
    PAGE_MAX,
    WITHOUT_NUL,
    Content,
    Id,
    Incoming,
    Outgoing,
    Person,
    Seq,
    Words,
    no_default,
)
from messaging_app.db.types import MAX_ID
from messaging_app.services.attachments import REASON_MAX


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
    """Why a file is removed."""

    reason: str = Field(
        "",
        description="Shown in the thread, at most 500 characters.",
        json_schema_extra={"maxLength": REASON_MAX, "pattern": WITHOUT_NUL},
    )


class MessageCreate(Incoming):
    """A message."""

    content: Content
    reopen: bool = Field(
        False,
        json_schema_extra=no_default,
        description="Reopen the conversation if it is closed, with an admin or store token. Customers need not say so: "
        "where the platform lets their replies reopen, they do.",
    )


class MessageCreateForm(Incoming):
    """The same as a form, with files."""

    content: Words = ""
    reopen: bool = Field(False, json_schema_extra=no_default, description="As in JSON.")


class ReadingUpdate(Incoming):
    """How far you have read."""

    up_to: Seq | None = Field(
        None, description="`seq` of the last message you were shown; left out or null: the latest.", examples=[3]
    )


class UnreadUpdate(Incoming):
    """From where on to mark as unread."""

    from_seq: Annotated[int, Field(ge=1, le=MAX_ID)] = Field(
        description="`seq` of the first line to mark as unread.", examples=[3]
    )


class AttachmentResponse(Outgoing):
    """A file of a message. A removed file stays, without URLs."""

    id: int
    """Number of the file."""
    filename: str
    """The name shown; never part of a path."""
    mime_type: str
    """The type detected from the bytes, regardless of the sender's claim."""
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
    """1, 2, 3 ... within the conversation, without gaps: order, cursor and read position."""
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


class UnreadCountResponse(Outgoing):
    """What the badge shows."""

    total_unread: int
    """Unread messages in all conversations you can see."""


class ReadingResponse(Outgoing):
    """The unread count after reading."""

    conversation_id: int
    """Number of the conversation."""
    unread_count: int
    """Later messages of others that are still unread."""
