"""Numbers and sizes with the separators of the reader's locale."""

from __future__ import annotations

from functools import lru_cache

from babel.numbers import format_decimal

from messaging_app.formats.reader import reader


def number(value: int) -> str:
    """Return a number with the reader's separators."""
    return _number(value, reader().locale)


def file_size(size: int) -> str:
    """Return bytes in units of 1,024: 8 kB, 1.9 MB, 61.2 GB."""
    if size < 1024 * 1024:
        return f"{number(max(1, round(size / 1024)))} kB"
    amount, unit = (size / 1024**2, "MB") if size < 1024**3 else (size / 1024**3, "GB")
    return f"{format_decimal(round(amount, 1), locale=reader().locale)} {unit}"


@lru_cache(maxsize=8_192)
def _number(value: int, locale: str) -> str:
    return format_decimal(value, locale=locale)
