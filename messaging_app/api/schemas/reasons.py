"""Reasons for conversations."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from messaging_app.api.schemas.base import WITHOUT_NUL, Incoming, Outgoing, one_line
from messaging_app.models.context import KIND_MAX, REFERENCE_MAX, URL_MAX
from messaging_app.models.reason import CODE, CODE_MAX, HINT_MAX, NAME_MAX, REASONS_MAX, STATES_MAX

Party = Literal["customer", "store", "platform"]


class _About(Incoming):
    context_kind: Annotated[str, Field(max_length=KIND_MAX, pattern=WITHOUT_NUL)] = Field(
        "", description="About what: one of the platform's kinds, such as `order`."
    )
    context_reference: Annotated[str, Field(max_length=REFERENCE_MAX, pattern=WITHOUT_NUL)] = Field(
        "", description="The shop's number for it."
    )


class AdminReasonQuery(_About):
    """For which start of the platform."""

    recipient_type: Literal["store", "customer"] | SkipJsonSchema[None] = Field(None, description="To whom.")


class StoreReasonQuery(_About):
    """For which start of a store."""

    recipient_type: Literal["customer", "platform"] | SkipJsonSchema[None] = Field(None, description="To whom.")


class StorefrontReasonQuery(_About):
    """For which start of a customer."""

    recipient_type: Literal["store"] | SkipJsonSchema[None] = Field(None, description="To whom.")


class ReasonUpdate(Incoming):
    """A reason of the list."""

    code: str = Field(
        description="Stable, for programs.",
        json_schema_extra={"maxLength": CODE_MAX, "pattern": f"^{CODE}$"},
        examples=["delivery"],
    )
    name: str = one_line(NAME_MAX, "What users choose.", "Delivery")
    sides: list[Party] = Field(description="Who can choose it.", examples=[["customer", "store"]], min_length=1)
    kinds: list[str] = Field([], description="Only about these kinds; empty: about anything or nothing.")
    states: list[str] = Field(
        [],
        description="Only if the context is in one of these states, ignoring case; empty: in any.",
        json_schema_extra={"maxItems": STATES_MAX},
    )
    recipients: list[Party] = Field([], description="Only to these recipients; empty: to any.")
    hint: str | None = Field(
        None,
        description="A hint shown before sending, in one line.",
        json_schema_extra={"maxLength": HINT_MAX},
    )
    url: str | None = Field(
        None,
        description="A page of the shop about it, http or https.",
        json_schema_extra={"maxLength": URL_MAX},
    )


class ReasonsUpdate(Incoming):
    """The whole list of reasons, in its order."""

    reasons: list[ReasonUpdate] = Field(
        description="Reasons left out are removed. Existing conversations keep their reason.",
        json_schema_extra={"maxItems": REASONS_MAX},
    )


class ConversationReason(Outgoing):
    """Why a conversation was begun."""

    code: str
    """Stable, for programs."""
    name: str
    """The name that the reason had then."""


class ReasonResponse(Outgoing):
    """A reason with which you may begin a conversation."""

    code: str
    """For `reason` of a ConversationCreate."""
    name: str
    """What users choose."""
    hint: str | None
    """A hint shown before sending."""
    url: str | None
    """A page of the shop about it."""
    allowed: bool
    """Whether it fits the given recipient and context."""
    because: str | None
    """Why it does not; null if it does."""


class ReasonListResponse(Outgoing):
    """The reasons of your side, in their order."""

    reasons: list[ReasonResponse]
    """Including those that do not fit."""


class ReasonDetailResponse(ReasonResponse):
    """A reason with all of its settings."""

    sides: list[Party]
    """Who can choose it."""
    kinds: list[str]
    """Only about these kinds; empty: about anything or nothing."""
    states: list[str]
    """Only in these states; empty: in any."""
    recipients: list[Party]
    """Only to these recipients; empty: to any."""


class ReasonDetailListResponse(Outgoing):
    """All reasons, in their order."""

    reasons: list[ReasonDetailResponse]
    """Including those of other sides."""
