"""What went wrong with a request."""

from __future__ import annotations

from pydantic import Field

from messaging_app.api.schemas.base import Outgoing, no_default
from messaging_app.api.schemas.messages import MessageResponse


class FieldProblem(Outgoing):
    """One invalid field."""

    field: str
    """Name of the field, query parameter, header or form part."""
    code: str
    """Stable word for programs."""
    message: str
    """Sentence for people."""


class Problem(Outgoing):
    """What went wrong (RFC 9457, `application/problem+json`)."""

    type: str
    """Where this problem is explained."""
    title: str
    """The problem in a few words, the same each time."""
    status: int
    """The HTTP status."""
    detail: str
    """What to do about it."""
    code: str
    """Stable word for programs."""
    errors: list[FieldProblem] = Field(default=[], json_schema_extra=no_default)
    """Everything at fault; only where fields, parameters or files are."""
    conversation_id: int = Field(default=0, json_schema_extra=no_default)
    """The open conversation; only with `duplicate_open`."""
    messages: list[MessageResponse] = Field(default=[], json_schema_extra=no_default)
    """What others have written since; only with `newer_messages`."""
