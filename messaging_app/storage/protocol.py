"""What every storage can do. Keys are relative paths that the application generates (keys.py)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO, NamedTuple, Protocol


class StorageUnavailable(Exception):
    """Full, gone, read-only or not responding. Retrying later may succeed. The text is for logs, not for users."""


class FileMissing(Exception):
    """Nothing is stored under this key."""


class Stored(NamedTuple):
    """One stored file; `size` in bytes, `modified` in UTC."""

    key: str
    size: int
    modified: datetime


class Staged(Protocol):
    """A file that is safely written but not yet stored under a key. `size` is the number of bytes written."""

    size: int

    def commit(self, key: str) -> None:
        """Store it under `key`, durably. Raises `StorageUnavailable`."""

    def discard(self) -> None:
        """Delete it, committed or not. Never raises: the sweep removes what cannot be deleted now."""


class Download:
    """The bytes of a stored file or a part of it, in chunks. Close it, as WSGI servers do.

    `length` is the number of bytes to come. Raises `StorageUnavailable` if the storage fails during the download.
    """

    PIECE = 64 * 1024

    def __init__(self, read: Callable[[int], bytes], close: Callable[[], object], length: int) -> None:
        self._read = read
        self._close = close
        self._left = length
        self.length = length

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if not self._left:
            raise StopIteration
        piece = self._read(min(self.PIECE, self._left))
        if not piece:
            raise StorageUnavailable(f"{self._left} bytes are missing at the end")
        self._left -= len(piece)
        return piece

    def close(self) -> None:
        self._close()


class Storage(Protocol):
    """A place for files. Every method may raise `StorageUnavailable`, and `ValueError` for an invalid key."""

    def stage(self, source: BinaryIO | Path, key: str | None = None) -> Staged:
        """Write `source`, a path or an open file at its current position, without storing it under a key.

        Pass `key` if it is already known, which saves a copy on S3. `commit` must then get the same key.
        """

    def open(self, key: str, start: int = 0, end: int | None = None) -> Download:
        """Return the bytes from `start` up to, not including, `end`. Raises `FileMissing` at once, not on reading."""

    def size(self, key: str) -> int:
        """Return the size in bytes. Raises `FileMissing`."""

    def delete(self, key: str) -> None:
        """Delete the file, if it exists."""

    def keys(self, prefix: str = "") -> Iterator[Stored]:
        """Yield every file with a key, in key order within a folder. Leaves out staged files."""

    def path(self, key: str) -> Path | None:
        """Return the file's path on this machine, for a web server to send it, or None."""

    def sweep(self, older_than: timedelta) -> int:
        """Delete files staged longer ago than that age and never committed. Returns how many."""
