"""Opaque cursors: where the next page of a list begins, stable while new messages reorder the list.

The API publishes their format as a pattern. Every cursor that matches it is a valid position, so the pattern is the
whole check.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from flask_babel import lazy_gettext as _

from messaging_app.errors import FieldError, Invalid

_PLACE = r"[0-9a-f]{1,14}\.[0-9a-f]{1,15}"
WALK_PATTERN = rf"^((since\.)?{_PLACE}\.{_PLACE}|{_PLACE})$"
NAME_PATTERN = r"^([0-9A-Za-z_-]{4})*([0-9A-Za-z_-]{2,3})?\.[0-9a-f]{1,15}$"
PLACE_PATTERN = "^[0-9a-f]{1,15}$"
CURSOR_MAX = 2000

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Place(NamedTuple):
    """The position of a row in a list ordered by time, then id."""

    at: datetime
    id: int


@dataclass(frozen=True, slots=True)
class Walk:
    """A position in a list ordered newest first, whose rows can move to the top while it is being read.

    The walk goes down from `top`, the first row, to `last`, the latest one returned. At the end it goes back to the
    rows that were there and moved above `top`, upwards from it (`rising`), so that a row that moves again is still ahead.
    """

    last: Place
    top: Place | None  # None: the walk began in the middle
    rising: bool = False

    @classmethod
    def from_row(cls, at: datetime, row_id: int, *, rising: bool = False) -> Walk:
        """Start at this row, in the middle of the list. `rising`: the list is ordered oldest first."""
        return cls(Place(at, row_id - 1 if rising else row_id + 1), None)

    def encoded(self) -> str:
        """Return the cursor."""
        places = filter(None, (self.last, self.top))
        text = ".".join(f"{(at - _EPOCH) // _MICROSECOND:x}.{row_id:x}" for at, row_id in places)
        return f"since.{text}" if self.rising else text


def decode_walk(cursor: str) -> Walk:
    """Return the walk of a cursor. Raises `Invalid` on field `cursor`."""
    parts = _parts(cursor, WALK_PATTERN)
    rising = parts[0] == "since"
    numbers = [int(part, 16) for part in parts[rising:]]
    moments = (_EPOCH + timedelta(microseconds=micros) for micros in numbers[::2])
    last, *top = (Place(at, row_id) for at, row_id in zip(moments, numbers[1::2], strict=True))
    return Walk(last, top[0] if top else None, rising)


def encode_name(name: str, row_id: int) -> str:
    """Return a cursor for lists ordered by name, then id."""
    return f"{base64.urlsafe_b64encode(name.encode()).decode().rstrip('=')}.{row_id:x}"


def decode_name(cursor: str) -> tuple[str, int]:
    """Return name and id. Raises `Invalid` on field `cursor`."""
    name, row_id = _parts(cursor, NAME_PATTERN)
    text = base64.urlsafe_b64decode(name + "=" * (-len(name) % 4)).decode(errors="replace")
    return text.replace("\0", ""), int(row_id, 16)


def encode_document(document_id: int) -> str:
    """Return a cursor for search results, which are ordered by document id."""
    return f"{document_id:x}"


def decode_document(cursor: str) -> int:
    """Return the document id. Raises `Invalid` on field `cursor`."""
    return int(_parts(cursor, PLACE_PATTERN)[0], 16)


def _parts(cursor: str, pattern: str) -> list[str]:
    if len(cursor) > CURSOR_MAX or not re.fullmatch(pattern, cursor):
        raise Invalid(FieldError("cursor", "invalid", _("This page of the list cannot be found. Start from the top.")))
    return cursor.split(".")
