"""The notes of one side."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from messaging_app.api.schemas.base import Content, Id, Incoming, Outgoing, Person, Words, no_default
from messaging_app.api.schemas.messages import AttachmentResponse
from messaging_app.services.notes import MENTIONS_MAX


class NoteCreate(Incoming):
    """A note for your own side."""

    content: Content
    mentions: list[Id] = Field(
        [],
        max_length=MENTIONS_MAX,
        description="Ids of active colleagues. Each mention adds 1 to the `total_unread` of a colleague.",
        examples=[[]],
    )


class NoteCreateForm(Incoming):
    """The same as a form, with files."""

    content: Words = ""
    mentions: list[Id] = Field(
        [],
        max_length=MENTIONS_MAX,
        json_schema_extra=no_default,
        description="As in JSON: a part for each id.",
    )


class NoteResponse(Outgoing):
    """A note that only one side reads."""

    id: int
    """Its number."""
    author: Person
    """Who wrote it."""
    content: str
    """Plain text."""
    mentions: list[int]
    """Ids of the mentioned colleagues."""
    after_seq: int
    """The line that it follows."""
    created_at: datetime
    """When it was written. UTC, RFC 3339, ending in Z."""
    attachments: list[AttachmentResponse]
    """Files in the order sent. The other side cannot fetch them."""


class NoteListResponse(Outgoing):
    """The notes of one side in a conversation."""

    notes: list[NoteResponse]
    """Oldest first."""
