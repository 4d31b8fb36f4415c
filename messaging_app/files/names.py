"""The name under which a file is shown and downloaded. It never becomes part of a path."""

from __future__ import annotations

import re
import unicodedata

from messaging_app.files.refusals import FileRefused
from messaging_app.text import shows_something

NAME_MAX_BYTES = 255
_EXTENSION_MAX_BYTES = 32

_PATH = re.compile(r"^.*[/\\]", re.DOTALL)
_SPACES = "".join(char for char in map(chr, range(0x3001)) if char.isspace())
_JOINERS = "\u200c\u200d"  # needed by Persian and Indic spelling and composed emoji, not by ASCII names


def clean_name(raw_name: str | None) -> str:
    """Return the display name for an upload called `raw_name`: at most 255 bytes of UTF-8, with its extension.

    Letters of every script are kept. Folders, control, format and bidirectional characters, lone surrogates, and
    leading and trailing spaces and dots are removed (Windows drops those, which could expose another extension). Raises
    `FileRefused` (`name_invalid`) if nothing visible is left.
    """
    name = _PATH.sub("", raw_name or "")
    kept = [char for at, char in enumerate(name) if _may_stay(name, at)]
    name = "".join(" " if unicodedata.category(char) in ("Zl", "Zp") else char for char in kept)
    name = _cut(_trim(name))
    if not shows_something(name) or not name.strip("."):
        raise FileRefused("name_invalid", detail=f"nothing left of {raw_name!r:.80}")
    return name


def _may_stay(name: str, at: int) -> bool:
    char = name[at]
    if char in _JOINERS:
        return 0 < at < len(name) - 1 and all(_is_joined(near) for near in (name[at - 1], name[at + 1]))
    return unicodedata.category(char) not in ("Cc", "Cf", "Cs")


def _is_joined(char: str) -> bool:
    return not char.isascii() and unicodedata.category(char)[0] in "LMS"


def _trim(name: str) -> str:
    return name.lstrip(_SPACES).rstrip(_SPACES + ".")


def _cut(name: str) -> str:
    if len(name.encode()) <= NAME_MAX_BYTES:
        return name
    stem, dot, extension = name.rpartition(".")
    ending = dot + extension
    if not stem or len(ending.encode()) > _EXTENSION_MAX_BYTES:
        stem, ending = name, ""
    room = NAME_MAX_BYTES - len(ending.encode())
    return _trim_cut(stem.encode()[:room].decode(errors="ignore")) + ending


def _trim_cut(stem: str) -> str:
    """Remove a partial emoji or a space that the cut left at the end."""
    return stem.rstrip("".join(_JOINERS) + " ")
