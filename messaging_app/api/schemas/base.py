"""The building blocks of the schemas: base classes, ids, times and texts."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.json_schema import JsonSchemaValue

from messaging_app.db.types import MAX_ID
from messaging_app.text import CONTENT_MAX, SUBJECT_MAX

PAGE_MAX = 100
QUERY_MAX = 100

MOMENT_PATTERN = r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d{1,6})?([Zz]|[+-]\d{2}:\d{2})"
NUMBER_PATTERN = "^[1-9][0-9]{0,17}$"
WITHOUT_NUL = "^[^\\u0000]*$"
CONTENT_PATTERN = "^[^\\u0000]*[^\\s\\u0000][^\\u0000]*$"
_CONTROLS = "\\u0000-\\u0009\\u000b\\u000c\\u000e-\\u001f\\u007f-\\u0084\\u0086-\\u009f"
SUBJECT_PATTERN = f"^[^{_CONTROLS}]*[^\\s{_CONTROLS}][^{_CONTROLS}]*$"

Id = Annotated[int, Field(ge=1, le=MAX_ID)]
Seq = Annotated[int, Field(ge=0, le=MAX_ID)]
ConversationKind = Literal["admin_store", "store_customer", "admin_customer"]
PersonKind = Literal["admin", "store", "customer"]


def _moment(value: object) -> object:
    """Parse a time. Other values than text are returned unchanged and refused later."""
    if not isinstance(value, str):
        return value
    if not re.fullmatch(MOMENT_PATTERN, value):
        raise ValueError("a time has a date, a time and an offset, as RFC 3339 says")
    return datetime.fromisoformat(value.upper())


Moment = Annotated[AwareDatetime, BeforeValidator(_moment)]


class Incoming(BaseModel):
    """Base class of input."""

    model_config = ConfigDict(extra="forbid", strict=True)


def no_default(schema: JsonSchemaValue) -> None:
    """For a field that is omitted if empty: its default is never visible."""
    del schema["default"]


class Outgoing(BaseModel):
    """Base class of output."""

    model_config = ConfigDict(strict=True, use_attribute_docstrings=True)


def described(minimum: int, maximum: int, pattern: str, **more: str) -> JsonSchemaValue:
    """Return the schema of a text whose rule is checked in a service."""
    return {**more, "minLength": minimum, "maxLength": maximum, "pattern": pattern}


def one_line(most: int, about: str, example: str) -> str:
    """A text in one line of 1 to `most` characters."""
    line: str = Field(description=about, json_schema_extra=described(1, most, SUBJECT_PATTERN), examples=[example])
    return line


Subject = Annotated[
    str,
    Field(
        description="One line of 1-200 characters that shows something. Line breaks become spaces.",
        json_schema_extra=described(1, SUBJECT_MAX, SUBJECT_PATTERN),
        examples=["Your order of 12 loaves"],
    ),
]
Content = Annotated[
    str,
    Field(
        description="1-10,000 characters, counted after CRLF became LF and surrounding space was trimmed.",
        json_schema_extra=described(1, CONTENT_MAX, CONTENT_PATTERN),
        examples=["It leaves tomorrow morning."],
    ),
]
Words = Annotated[
    str,
    Field(
        description="As in JSON, but may be empty or left out where there is an attachment.",
        json_schema_extra={"maxLength": CONTENT_MAX},
        examples=["Here is the invoice."],
    ),
]


class NoQuery(Incoming):
    """No query parameters."""


class Nothing(Incoming):
    """No fields: leave the body out, or send {}."""


class Person(Outgoing):
    """A user or customer who writes."""

    type: PersonKind
    """Which kind of person; ids are numbered within it."""
    id: int
    """`users.id`, or `customers.id` of a customer."""
    name: str
    """The name; of a sender, as it was when they wrote."""
