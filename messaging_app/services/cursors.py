"""Opaque cursors: where the next page of a list begins, stable while new messages move other rows."""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime, timedelta

from flask_babel import lazy_gettext as _

from messaging_app.database import MAX_ID
from messaging_app.errors import FieldError, Invalid

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def encode(*parts: str | int) -> str:
    """The parts of a row's sort key as one URL-safe word."""
    return base64.urlsafe_b64encode("\n".join(map(str, parts)).encode()).decode().rstrip("=")


def decode(cursor: str, count: int) -> list[str]:
    """The `count` parts of a cursor. Raises `Invalid` on field `cursor` for anything that `encode` did not make."""
    try:
        parts = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode().split("\n")
    except (binascii.Error, ValueError):
        parts = []
    if len(parts) != count or "\0" in "".join(parts):
        raise bad_cursor()
    return parts


def encode_moment(moment: datetime, row_id: int) -> str:
    """A cursor for lists ordered by time, then id."""
    return encode((moment - _EPOCH) // _MICROSECOND, row_id)


def decode_moment(cursor: str) -> tuple[datetime, int]:
    """Time and id of such a cursor. Raises `Invalid` on field `cursor`."""
    micros, row_id = decode(cursor, 2)
    try:
        moment = _EPOCH + timedelta(microseconds=int(micros))
        if not 0 < int(row_id) <= MAX_ID:
            raise ValueError(row_id)
    except (ValueError, OverflowError) as error:
        raise bad_cursor() from error
    return moment, int(row_id)


def bad_cursor() -> Invalid:
    """The refusal of a cursor that is not ours."""
    return Invalid(FieldError("cursor", "invalid", _("This page of the list cannot be found. Start from the top.")))
