"""The notes of one side."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from messaging_app.api.schemas.base import Content, Id, Incoming, Outgoing, Person
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
