"""The limits of uploads that admins set: bytes per file, files per message."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from messaging_app.services import settings

MEGABYTE = 1_048_576
LIMIT_KEYS = ("message_attachment_max_size_mb", "message_attachment_max_files")
OVERHEAD = MEGABYTE  # text, form fields and multipart boundaries


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits that admins set: bytes per file, files per message."""

    file_bytes: int
    files: int

    @property
    def request_bytes(self) -> int:
        """The largest request that can hold a message with the maximum files, its text and its form."""
        return self.file_bytes * self.files + OVERHEAD


def get_limits() -> Limits:
    """Return the current limits. One statement."""
    return limits_of(settings.list_settings().get)


def limits_of(value: Callable[[str], object]) -> Limits:
    """Return the limits from stored settings. `value` returns what is stored under a key, or None."""
    megabytes, files = (
        int(settings.parse_or_default(key, None if value(key) is None else str(value(key)))) for key in LIMIT_KEYS
    )
    return Limits(megabytes * MEGABYTE, files)
