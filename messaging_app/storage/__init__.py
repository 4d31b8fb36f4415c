"""Where the bytes of files are stored: a folder or an S3 bucket, behind one small protocol.

Writing has two steps, so that a failed send leaves nothing behind and a killed one only orphaned files. `stage` does
the slow part before the database transaction. `commit` moves the file to its key inside it; then the row is committed.
On failure in between, call `discard`. `sweep` removes what a killed process staged.
"""

from __future__ import annotations

import re
from pathlib import Path

from messaging_app.storage.folder import FolderStorage
from messaging_app.storage.keys import new_key, thumbnail_key
from messaging_app.storage.protocol import Download, FileMissing, Staged, Storage, StorageUnavailable, Stored
from messaging_app.storage.s3 import S3Storage

_BUCKET = re.compile(r"[^/?#\[\]]+(/[^?#]*)?")  # bucket and prefix


def storage_from_url(url: str) -> Storage:
    """Return the storage at `url`: the path of a folder, `file:///path` or `s3://bucket/prefix`.

    Accesses neither disk nor network. Raises `ValueError` with a sentence for any other URL.
    """
    scheme, separator, rest = url.partition("://")
    if not separator and url.strip():
        return FolderStorage(Path(url))
    if scheme == "s3" and _BUCKET.fullmatch(rest):
        bucket, _, prefix = rest.partition("/")
        return S3Storage(bucket, prefix.strip("/"))
    if scheme == "file" and rest.startswith("/"):
        return FolderStorage(Path(rest))
    raise ValueError(f"{url!r} is no place for files. Write the path of a folder, or s3://bucket/prefix")


__all__ = [
    "Download",
    "FileMissing",
    "FolderStorage",
    "S3Storage",
    "Staged",
    "Storage",
    "StorageUnavailable",
    "Stored",
    "new_key",
    "storage_from_url",
    "thumbnail_key",
]
