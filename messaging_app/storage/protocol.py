"""What every storage can do. Keys are relative paths that we make ourselves (keys.py)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO, NamedTuple, Protocol


class StorageUnavailable(Exception):
    """Full, gone, read-only, not answering: trying again later may help. Its text is for logs, not for people."""


class FileMissing(Exception):
    """Nothing is stored under this key."""


class Stored(NamedTuple):
    """One stored file; `size` in bytes, `modified` in UTC."""

    key: str
    size: int
    modified: datetime


class Staged(Protocol):
    """A file that is written safely but has no place yet. `size` is what was really written, in bytes."""

    size: int

    def commit(self, key: str) -> None:
        """Gives it its key, durably. Raises `StorageUnavailable`."""

    def discard(self) -> None:
        """Removes it, committed or not. Never raises: what cannot be removed now is a stray for the sweeper."""


class Download:
    """The bytes of a stored file or a part of it, piece by piece. Close it, as WSGI servers do with what they send.

    `length` is how many bytes will come. Raises `StorageUnavailable` if the storage goes away meanwhile.
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
    """A place for files. Every method may raise `StorageUnavailable`, and `ValueError` for a key that is none."""

    def stage(self, source: BinaryIO | Path, key: str | None = None) -> Staged:
        """Writes `source`, a path or an open file from where it stands, without giving it its place.

        `key`, if it is known already, spares S3 a copy later; the same must then be given to `commit`.
        """

    def open(self, key: str, start: int = 0, end: int | None = None) -> Download:
        """The bytes from `start` up to, not including, `end`. Raises `FileMissing` at once, not when it is read."""

    def size(self, key: str) -> int:
        """In bytes. Raises `FileMissing`."""

    def delete(self, key: str) -> None:
        """Removes the file; well if it is not there."""

    def keys(self, prefix: str = "") -> Iterator[Stored]:
        """Every file with a key, in the order of keys within a folder; staged ones are left out."""

    def path(self, key: str) -> Path | None:
        """Where the file lies on this machine's disk, for a web server to send it; None if it does not."""

    def sweep(self, older_than: timedelta) -> int:
        """Removes what was staged that long ago and never committed; how many there were."""
