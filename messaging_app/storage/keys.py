"""Keys: the names under which files are stored. They contain nothing that a sender chose."""

from __future__ import annotations

import re
from datetime import datetime
from uuid import uuid4

_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(?:/[A-Za-z0-9][A-Za-z0-9._-]*)*")
_KEY_MAX = 512


def new_key(conversation_id: int, extension: str, now: datetime) -> str:
    """Return `messages/YYYY/MM/<conversation_id>/<uuid>.<extension>`, with the extension of the detected kind."""
    if not extension.isalnum():
        raise ValueError(f"{extension!r:.40} makes no storage key")
    return check_key(f"messages/{now:%Y/%m}/{conversation_id}/{uuid4()}.{extension}")


def thumbnail_key(key: str) -> str:
    """Return the key of the thumbnail of the image stored as `key`: `….jpg` has `….thumb.webp`."""
    return key.rpartition(".")[0] + ".thumb.webp"


def check_key(key: str) -> str:
    """Return `key` if it is valid: parts of plain letters that begin with none of `.-_`. Raises `ValueError`."""
    if len(key) > _KEY_MAX or not _KEY.fullmatch(key):
        raise ValueError(f"{key!r:.200} makes no storage key")
    return key
