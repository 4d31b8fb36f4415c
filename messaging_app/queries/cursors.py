"""Opaque cursors: where the next page of a list begins, stable while new messages reorder the list.

The API publishes their format as a pattern. Any cursor that matches is a valid position, whether or not a page ever
ended there, so the pattern is the whole rule.
"""

from __future__ import annotations

import base64
import re
from datetime import UTC, datetime, timedelta

from flask_babel import lazy_gettext as _

from messaging_app.errors import FieldError, Invalid

MOMENT_PATTERN = r"^[0-9a-f]{1,14}\.[0-9a-f]{1,15}$"
NAME_PATTERN = r"^([0-9A-Za-z_-]{4})*([0-9A-Za-z_-]{2,3})?\.[0-9a-f]{1,15}$"
CURSOR_MAX = 2000

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def encode_moment(moment: datetime, row_id: int) -> str:
    """Return a cursor for lists ordered by time, then id."""
    return f"{(moment - _EPOCH) // _MICROSECOND:x}.{row_id:x}"


def encode_moment_from(moment: datetime, row_id: int) -> str:
    """Return a cursor for the part of such a list that starts with this row."""
    return encode_moment(moment, row_id + 1)


def decode_moment(cursor: str) -> tuple[datetime, int]:
    """Return time and id. Raises `Invalid` on field `cursor`."""
    micros, row_id = _parts(cursor, MOMENT_PATTERN)
    return _EPOCH + timedelta(microseconds=int(micros, 16)), int(row_id, 16)


def encode_name(name: str, row_id: int) -> str:
    """Return a cursor for lists ordered by name, then id."""
    return f"{base64.urlsafe_b64encode(name.encode()).decode().rstrip('=')}.{row_id:x}"


def decode_name(cursor: str) -> tuple[str, int]:
    """Return name and id. Raises `Invalid` on field `cursor`."""
    name, row_id = _parts(cursor, NAME_PATTERN)
    text = base64.urlsafe_b64decode(name + "=" * (-len(name) % 4)).decode(errors="replace")
    return text.replace("\0", ""), int(row_id, 16)


def _parts(cursor: str, pattern: str) -> list[str]:
    if len(cursor) > CURSOR_MAX or not re.fullmatch(pattern, cursor):
        raise Invalid(FieldError("cursor", "invalid", _("This page of the list cannot be found. Start from the top.")))
    return cursor.split(".")
