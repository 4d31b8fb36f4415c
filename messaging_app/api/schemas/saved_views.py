"""Saved views."""

from __future__ import annotations

from pydantic import Field

from messaging_app.api.schemas.base import SUBJECT_PATTERN, Incoming, Outgoing, described
from messaging_app.models.saved_view import VIEW_NAME_MAX
from messaging_app.services.saved_views import VIEW_QUERY_MAX


class SavedViewCreate(Incoming):
    """A filter or a search to save."""

    name: str = Field(
        json_schema_extra=described(1, VIEW_NAME_MAX, SUBJECT_PATTERN),
        description="Its name in the list.",
        examples=["Waits for us"],
    )
    query: str = Field(
        json_schema_extra=described(1, VIEW_QUERY_MAX, "^[ -~]+$"),
        description="The query string of a list of conversations without `cursor`, `limit` and `include_total`, or of a "
        "search: `q` alone.",
        examples=["waiting=us&order=waiting"],
    )
    shared: bool = Field(False, description="For the whole team: the staff of the token's store, or the admins.")


class SavedViewResponse(Outgoing):
    """A filter or a search under a name. Each reader sees their own results."""

    id: int
    """Its number."""
    name: str
    """Its name in the list."""
    query: str
    """The stored query string."""
    shared: bool
    """Whether it is shared with the team."""


class SavedViewListResponse(Outgoing):
    """Your own views and the team's."""

    views: list[SavedViewResponse]
    """By name."""
