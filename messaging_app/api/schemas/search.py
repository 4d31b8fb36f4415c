"""Search in conversations."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from messaging_app.api.schemas.base import PAGE_MAX, WITHOUT_NUL, Incoming, Outgoing
from messaging_app.api.schemas.conversations import ConversationSummary, StorefrontConversationSummary
from messaging_app.queries.cursors import CURSOR_MAX, PLACE_PATTERN
from messaging_app.services.search import QUERY_MAX as SEARCH_MAX


class SearchQuery(Incoming):
    """What to search for."""

    q: str = Field("", max_length=SEARCH_MAX, pattern=WITHOUT_NUL, description="Words, phrases in quotes, filters.")
    limit: int = Field(25, ge=1, le=PAGE_MAX, description="Most conversations in one answer.")
    cursor: Annotated[str, Field(max_length=CURSOR_MAX, pattern=PLACE_PATTERN)] | SkipJsonSchema[None] = Field(
        None, description="`next_cursor` of the page before."
    )


class _Hit(Outgoing):
    """Where a conversation matches."""

    seq: int | None
    """Number of the line; null if subject or names match."""
    excerpt: str
    """The part of the line, or of subject and names, that shows the match, in one line."""
    ranges: list[list[int]]
    """The matches in the excerpt: first code point, and the one after the last."""


class SearchHit(_Hit):
    """A conversation with its newest line that matches."""

    conversation: ConversationSummary
    """The conversation."""


class StorefrontSearchHit(_Hit):
    """A customer's conversation with its newest line that matches."""

    conversation: StorefrontConversationSummary
    """The conversation."""


class SearchResponse(Outgoing):
    """A page of hits, newest line first."""

    hits: list[SearchHit]
    """The page, one hit a conversation."""
    next_cursor: str | None
    """Leads to the next page; null where there is none."""


class StorefrontSearchResponse(Outgoing):
    """A page of a customer's hits, newest line first."""

    hits: list[StorefrontSearchHit]
    """The page, one hit a conversation."""
    next_cursor: str | None
    """Leads to the next page; null where there is none."""
