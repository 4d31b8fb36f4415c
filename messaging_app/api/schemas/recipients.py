"""Recipients to write to."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from messaging_app.api.schemas.base import PAGE_MAX, QUERY_MAX, Incoming, Outgoing
from messaging_app.queries.cursors import CURSOR_MAX, NAME_PATTERN


class RecipientQuery(Incoming):
    """Which recipients to find."""

    recipient_type: Literal["store", "customer"] = Field("store", description="Which kind of recipient.")
    q: str = Field("", max_length=QUERY_MAX, description="Beginnings of words in name, code or e-mail; all when empty.")
    limit: int = Field(20, ge=1, le=PAGE_MAX, description="Most recipients in one answer.")
    cursor: Annotated[str, Field(max_length=CURSOR_MAX, pattern=NAME_PATTERN)] | SkipJsonSchema[None] = Field(
        None, description="`next_cursor` of the page before."
    )


class CustomerRecipientQuery(RecipientQuery):
    """Which recipients a store may find."""

    recipient_type: Literal["customer"] = Field("customer", description="A store writes to its customers.")


class RecipientResponse(Outgoing):
    """A recipient that you may write to."""

    recipient_type: Literal["store", "customer"]
    """Which kind, for `ConversationCreate`."""
    recipient_id: int
    """Which one, for `ConversationCreate`."""
    name: str
    """The store's or the customer's name."""
    detail: str
    """Distinguishes recipients with the same name: the store's code, or e-mail and store."""


class RecipientListResponse(Outgoing):
    """A page of recipients."""

    recipients: list[RecipientResponse]
    """The page."""
    next_cursor: str | None
    """Pass it as `cursor` for the next page; null on the last."""
