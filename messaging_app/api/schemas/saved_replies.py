"""The saved replies of a team."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from messaging_app.api.schemas.base import CONTENT_PATTERN, SUBJECT_PATTERN, Incoming, Outgoing, described
from messaging_app.models.saved_reply import NAME_MAX as REPLY_NAME_MAX
from messaging_app.text import CONTENT_MAX


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


class SavedReplyResponse(Outgoing):
    """A text that a team uses often."""

    id: int
    """Its number."""
    name: str
    """Its name in the list."""
    text: str
    """Its text, with variables in braces."""
    scope: Literal["store", "platform"]
    """Who owns it."""
    used: int
    """How often it was chosen."""


class SavedReplyListResponse(Outgoing):
    """The saved replies that you can use, most used first."""

    saved_replies: list[SavedReplyResponse]
    """The platform's, and those of the token's store."""
