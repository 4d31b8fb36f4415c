"""ZIP archives: whether one may be sent. Only its directory is read; nothing is extracted to disk."""

from __future__ import annotations

import re
import zlib
from collections import Counter
from itertools import islice
from typing import BinaryIO

from messaging_app.files.refusals import FileRefused
from messaging_app.files.zip_directory import Entry, find_directory, find_ends, read_at, read_entries, unsafe

MAX_ENTRIES = 10_000
MAX_DIRECTORY = 8 * 2**20
MAX_UNPACKED = 2**30
# Unpacked to packed size, from RATIO_FROM bytes on: small texts can legitimately shrink that much.
MAX_RATIO = 200
RATIO_FROM = 8 * 2**20
MAX_NESTED = 100
# An ordinary archive hardly shrinks inside another. Applied from MANY_NESTED of them on.
MAX_NESTED_RATIO = 10
MANY_NESTED = 8

_SPLIT_MARK = b"PK00"  # at the start of an archive prepared for splitting by PKZIP or WinZip, but not split
_NESTED = re.compile(r"\.(?:zip|jar|7z|rar|gz|tgz|bz2|xz|zst|lz|lzma|cab|arj)\Z", re.IGNORECASE)


def check_archive(file: BinaryIO, size: int) -> list[Entry]:
    """Return the entries of the archive `file` of `size` bytes.

    Raises `FileRefused`: `content_mismatch` if it is not a ZIP archive from first to last byte, `archive_unsafe` if
    entries point outside, are links, duplicate, overlap or contradict themselves, `archive_limits` if there are too
    many or they would unpack to too much.
    """
    start = read_at(file, 0, 8).removeprefix(_SPLIT_MARK)
    if not start.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        raise FileRefused("content_mismatch", detail="does not begin as a ZIP archive")
    directory = find_directory(file, size)
    if directory.entries > MAX_ENTRIES or directory.length > MAX_DIRECTORY:
        said = f"{directory.entries} entries in {directory.length} bytes"
        raise FileRefused("archive_limits", reason="archive_entries", detail=said, limit=f"{MAX_ENTRIES:,}")
    entries = list(islice(read_entries(file, directory), directory.entries + 1))
    if len(entries) != directory.entries:
        raise unsafe("another number of entries than it says")
    _check_doubles(entries)
    _check_overlaps(entries, directory.start)
    _check_limits(entries, size)
    return entries


def ends_as_archive(file: BinaryIO, size: int) -> bool:
    """Whether a ZIP reader, which searches from the end, would read `file` as an archive, whatever its beginning."""
    return bool(find_ends(file, size))


def read_entry(file: BinaryIO, entry: Entry, limit: int) -> bytes:
    """Return the unpacked bytes of a stored or deflated `entry`. Raises `archive_limits` above `limit` bytes."""
    packed = read_at(file, entry.data, min(entry.packed, limit + 65536))
    try:
        data = packed if entry.method == 0 else zlib.decompressobj(-15).decompress(packed, limit + 1)
    except zlib.error:
        raise unsafe(f"{entry.name!r} does not unpack") from None
    if len(data) > limit:
        raise FileRefused("archive_limits", detail=f"{entry.name!r} is larger than {limit} bytes")
    if len(data) != entry.unpacked:
        raise unsafe(f"{entry.name!r} unpacks to another size than it says")
    return data


def _check_doubles(entries: list[Entry]) -> None:
    files = [entry.name for entry in entries if not entry.name.endswith("/")]
    if len(set(files)) != len(files):
        [(twice, _)] = Counter(files).most_common(1)
        raise unsafe("two entries of one name", "archive_twice", twice)


def _check_overlaps(entries: list[Entry], directory: int) -> None:
    free = 0
    for entry in sorted(entries, key=lambda entry: entry.header):
        if entry.header < free:
            raise unsafe(f"{entry.name!r} overlaps another entry")
        free = entry.data + entry.packed
    if free > directory:
        raise unsafe("an entry reaches into the directory")


def _check_limits(entries: list[Entry], size: int) -> None:
    unpacked = sum(entry.unpacked for entry in entries)
    if unpacked > MAX_UNPACKED or (unpacked >= RATIO_FROM and unpacked > MAX_RATIO * size):
        raise FileRefused("archive_limits", detail=f"{size} bytes that unpack to {unpacked}")
    nested = [entry for entry in entries if _NESTED.search(entry.name)]
    shrunk = sum(entry.unpacked for entry in nested) > MAX_NESTED_RATIO * sum(entry.packed for entry in nested)
    if len(nested) > MAX_NESTED or (len(nested) >= MANY_NESTED and shrunk):
        raise FileRefused("archive_limits", reason="archive_nested", detail=f"{len(nested)} archives inside an archive")
    if any(entry.unpacked == size for entry in nested):
        raise FileRefused("archive_limits", reason="archive_nested", detail="an archive that holds itself")
