"""The audit trail."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from messaging_app.api.schemas.base import NUMBER_PATTERN, PAGE_MAX, QUERY_MAX, WITHOUT_NUL, Incoming, Outgoing


class AuditQuery(Incoming):
    """Which entries of the audit trail to read; by default from its beginning."""

    after: Annotated[str, Field(pattern=NUMBER_PATTERN)] | SkipJsonSchema[None] = Field(
        None, description="`next_cursor` of the page before."
    )
    limit: int = Field(100, ge=1, le=PAGE_MAX, description="Most entries in one response.")
    object: str = Field(
        "", max_length=QUERY_MAX, pattern=WITHOUT_NUL, description="`type` or `type:id`, such as `store:12`."
    )
    person: str = Field(
        "", max_length=254, pattern=WITHOUT_NUL, description="An e-mail address, of who acted or of whom it concerns."
    )
    action: str = Field("", max_length=40, pattern=WITHOUT_NUL, description="Such as `setting.changed`.")


class AuditActor(Outgoing):
    """Who acted: a person under their name at that time, or the command line."""

    type: Literal["admin", "store", "customer", "command", "nobody"]
    """`command` is the command line, `nobody` somebody who was not signed in."""
    name: str
    """Their name at that time."""
    email: str | None
    """Their e-mail address at that time."""


class AuditObject(Outgoing):
    """What was changed."""

    type: str
    """Its kind, such as `store` or `setting`."""
    id: str
    """Its number or key."""
    name: str
    """Its name at that time."""
    email: str | None
    """Its e-mail address at that time, where it is a person."""


class AuditEntryResponse(Outgoing):
    """One entry of the audit trail."""

    id: int
    """Number of the entry: 1, 2, 3 … without gaps."""
    at: datetime
    """When it was made."""
    actor: AuditActor
    """Who acted."""
    action: str
    """What was done, such as `setting.changed`."""
    object: AuditObject
    """What was changed."""
    before: dict[str, str | int | bool | None]
    """What was changed, as it was before. Never a secret, never what people wrote."""
    after: dict[str, str | int | bool | None]
    """The same, as it is afterwards."""
    address: str | None
    """The network address of the request; null for the command line."""
    request_id: str | None
    """The id of the request, as it stands in the log."""
    hash: str
    """SHA-256 over this entry and the hash of the one before."""


class AuditResponse(Outgoing):
    """A page of the audit trail."""

    entries: list[AuditEntryResponse]
    """Oldest first."""
    next_cursor: str | None
    """`after` of the next page; null at the end."""
