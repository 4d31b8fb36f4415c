"""Contexts of conversations, as the shop states them."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from messaging_app.api.schemas.base import WITHOUT_NUL, Id, Incoming, Outgoing, one_line
from messaging_app.models.context import (
    FACT_ID_MAX,
    FACT_TEXT_MAX,
    FACTS_MAX,
    LABEL_MAX,
    REFERENCE_MAX,
    STATE_MAX,
    TITLE_MAX,
    URL_MAX,
    VALUE_MAX,
)


class ContextName(Incoming):
    """A context by its name."""

    kind: str = Field(description="One of the platform's kinds.", examples=["order"])
    reference: str = one_line(REFERENCE_MAX, "The shop's number.", "4711")


class FactUpdate(Incoming):
    """A line of a context."""

    label: str = one_line(LABEL_MAX, "What it is.", "Total")
    value: str = one_line(VALUE_MAX, "How much, when or which.", "42.00 €")


class CustomerKey(Incoming):
    """A customer of the store, by one of these two."""

    external_id: str | None = Field(
        None, max_length=100, pattern=WITHOUT_NUL, description="The shop's own id.", examples=["C-1"]
    )
    email: str | None = Field(
        None, max_length=254, pattern=WITHOUT_NUL, description="The e-mail address.", examples=["cleo@mail.example"]
    )


class ContextUpdate(Incoming):
    """The details of a context. Fields left out are unknown."""

    customer: CustomerKey = Field(description="The customer it belongs to.", examples=[{"external_id": "C-1"}])
    title: str = one_line(TITLE_MAX, "What it is, in one line.", "Two-tier birthday cake")
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
    version: Id = Field(description="Must be greater than the stored version.", examples=[1])


class FactCreate(Incoming):
    """A fact for each conversation about a context."""

    id: str = one_line(FACT_ID_MAX, "The shop's own id of this fact.", "shipment-12345")
    text: str = one_line(FACT_TEXT_MAX, "One sentence.", "Shipped, tracking 12345")


class ContextFact(Outgoing):
    """A line of a context."""

    label: str
    """What it is."""
    value: str
    """How much, when or which."""


class ContextResponse(Outgoing):
    """The context of a conversation, as the shop states it."""

    kind: str
    """One of the platform's kinds, such as `order`."""
    reference: str
    """The shop's number."""
    title: str | None
    """What it is; null if the shop has not stated anything."""
    url: str | None
    """Its address in the shop."""
    state: str | None
    """Its state in a word or two."""
    facts: list[ContextFact]
    """At most 8 lines."""
    version: int
    """The version that the shop stated; 0 while it has stated nothing."""
    as_of: datetime
    """The time of these details; in a conversation, when it began. UTC, RFC 3339, ending in Z."""


class ContextCustomer(Outgoing):
    """The customer of a context."""

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
    """Its customer; null if it belongs to the store, or if only its number is known."""


class FactResponse(Outgoing):
    """A fact as it was stated first."""

    id: str
    """The shop's own id."""
    text: str
    """One sentence."""
    stated_at: datetime
    """When it was stated. UTC, RFC 3339, ending in Z."""
