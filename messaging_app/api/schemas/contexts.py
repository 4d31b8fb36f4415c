"""What conversations are about, as the shop states it."""

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
    """A context by what it is called."""

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
    """What the shop says about a context. What is left out is not known."""

    customer: CustomerKey = Field(description="Whose it is.", examples=[{"external_id": "C-1"}])
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
    version: Id = Field(description="Greater than that of what was sent before.", examples=[1])


class FactCreate(Incoming):
    """What the shop states in each conversation about a context."""

    id: str = one_line(FACT_ID_MAX, "The shop's own id of this fact.", "shipment-12345")
    text: str = one_line(FACT_TEXT_MAX, "One sentence.", "Shipped, tracking 12345")


class ContextFact(Outgoing):
    """A line of a context."""

    label: str
    """What it is."""
    value: str
    """How much, when or which."""


class ContextResponse(Outgoing):
    """What a conversation is about, as the shop states it."""

    kind: str
    """One of the platform's kinds, such as `order`."""
    reference: str
    """The shop's number."""
    title: str | None
    """What it is; null where the shop has not stated anything."""
    url: str | None
    """Its address in the shop."""
    state: str | None
    """Its state in a word or two."""
    facts: list[ContextFact]
    """At most 8 lines."""
    version: int
    """The shop's number of this statement; 0 while it has stated nothing."""
    as_of: datetime
    """When this was so: of a conversation, when it began. UTC, RFC 3339, ending in Z."""


class ContextCustomer(Outgoing):
    """Whose a context is."""

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
    """Whose it is; null while only its number was typed, for a store."""


class FactResponse(Outgoing):
    """A fact as it was stated first."""

    id: str
    """The shop's own id."""
    text: str
    """One sentence."""
    stated_at: datetime
    """When it was stated. UTC, RFC 3339, ending in Z."""
