"""One action on several conversations."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from messaging_app.api.schemas.base import Id, Incoming, Moment, Outgoing, no_default
from messaging_app.services.bulk import BULK_MAX


class BulkUpdate(Incoming):
    """One action on several conversations."""

    ids: list[Id] = Field(min_length=1, max_length=BULK_MAX, description="Which conversations.", examples=[[17, 18]])
    action: Literal["close", "reopen", "read", "assign", "snooze"] = Field(description="What to do with each.")
    user_id: Id | None = Field(None, description="The assignee; null for nobody.")
    until: Moment | None = Field(None, description="End of the snooze; null ends it now.")


class BulkResult(Outgoing):
    """The result for one conversation."""

    id: int
    """Number of the conversation."""
    status: int
    """The HTTP status that the request for it alone would have had."""
    code: str = Field(default="", json_schema_extra=no_default)
    """Stable word for programs; only if it was refused."""


class BulkResponse(Outgoing):
    """The result for each conversation, in the order of `ids`."""

    results: list[BulkResult]
    """One for each."""
