"""Compound files, the container of Office documents until 2003: a small file system inside a file.

Layout from [MS-CFB]: sectors of 512 or 4096 bytes, chained by an allocation table, and a directory of storages and
streams. Every chain is followed with a limit, because a hostile one may be circular.
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct
from typing import BinaryIO, NamedTuple

MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
MAX_ENTRIES = 20_000
MAX_SMALL = 8 * 2**20  # total of all streams under 4096 bytes

_HEADER = Struct("<8s16x5H6x9I")
_ENTRY = Struct("<64sHBxIII36xIQ")
_LAST_SECTOR = 0xFFFFFFFA  # numbers from here on are markers: free, end of chain, …
_SMALL_SECTOR = 64
UNUSED, STORAGE, STREAM, ROOT = 0, 1, 2, 5


class Broken(Exception):
    """Not a compound file, or an inconsistent one."""


class Entry(NamedTuple):
    """A storage or stream of the directory; `left` and `right` are its siblings, `child` its first child."""

    name: str
    type: int
    left: int
    right: int
    child: int
    start: int
    size: int


def is_compound(file: BinaryIO) -> bool:
    file.seek(0)
    return file.read(len(MAGIC)) == MAGIC


class CompoundFile:
    """Reads `file` of `size` bytes. Keeps only the directory and the allocation table's locations in memory.

    Raises `Broken`, at once or while streams are read.
    """

    def __init__(self, file: BinaryIO, size: int) -> None:
        self.file = file
        file.seek(0)
        header = file.read(512)
        if len(header) < 512:
            raise Broken("too short")
        (magic, _, version, order, shift, small_shift, _, _, directory, _, self.small_limit, self.small_table, _,
         more, more_count) = _HEADER.unpack_from(header)  # fmt: skip
        if magic != MAGIC or order != 0xFFFE or (version, shift, small_shift) not in ((3, 9, 6), (4, 12, 6)):
            raise Broken("no header")
        if self.small_limit != 4096:
            raise Broken("another limit for small streams")
        self.sector_size = 1 << shift
        self.sectors = -(-size // self.sector_size) - 1
        self.per_sector = self.sector_size // 4
        self.table_sectors = self._places(_numbers(header[_HEADER.size :]), more, more_count)
        self.entries = self._read_directory(directory, wide=version == 4)

    def top(self) -> dict[str, Entry]:
        """Return the streams directly under the root, by lower-case name."""
        found: dict[str, Entry] = {}
        waiting, seen = [self.entries[0].child], set[int]()
        while waiting:
            number = waiting.pop()
            if number >= len(self.entries):
                continue
            if number in seen:
                raise Broken("siblings in a ring")
            seen.add(number)
            entry = self.entries[number]
            waiting += [entry.left, entry.right]
            if entry.type == STREAM:
                found[entry.name.casefold()] = entry
        return found

    def read(self, entry: Entry) -> Iterator[bytes]:
        """Yield the bytes of a stream in chunks."""
        left = entry.size
        for piece in self._chain(entry.start) if entry.size >= self.small_limit else self._small(entry):
            yield piece[:left]
            left -= len(piece)
            if left <= 0:
                return
        if left:
            raise Broken("a stream shorter than it says")

    def _places(self, first: tuple[int, ...], more: int, more_count: int) -> list[int]:
        """Return the sectors of the allocation table: 109 are in the header, the rest in their own chain."""
        numbers = [number for number in first if number < _LAST_SECTOR]
        for _ in range(more_count):
            if more >= _LAST_SECTOR:
                break
            *further, more = _numbers(self._sector(more))
            numbers += [number for number in further if number < _LAST_SECTOR]
            if len(numbers) > self.sectors // self.per_sector + 128:
                raise Broken("an allocation table larger than the file")
        return numbers

    def _sector(self, number: int) -> bytes:
        if number >= self.sectors:
            raise Broken("a sector outside the file")
        self.file.seek((number + 1) * self.sector_size)
        return self.file.read(self.sector_size).ljust(self.sector_size, b"\0")

    def _chain(self, sector: int) -> Iterator[bytes]:
        """Yield the sectors of the chain that begins with `sector`."""
        loaded, numbers = -1, tuple[int, ...]()
        for _ in range(self.sectors + 1):
            if sector >= _LAST_SECTOR:
                return
            yield self._sector(sector)
            table, place = divmod(sector, self.per_sector)
            if table != loaded:
                if table >= len(self.table_sectors):
                    raise Broken("a chain outside the allocation table")
                loaded, numbers = table, _numbers(self._sector(self.table_sectors[table]))
            sector = numbers[place]
        raise Broken("a chain without end")

    def _read_directory(self, start: int, *, wide: bool) -> list[Entry]:
        entries = []
        for sector in self._chain(start):
            for name, length, kind, left, right, child, first, size in _ENTRY.iter_unpack(sector):
                shown = name[: max(0, min(length, 64) - 2)].decode("utf-16-le", errors="replace")
                size &= 0xFFFFFFFFFFFFFFFF if wide else 0xFFFFFFFF
                entries.append(Entry(shown, kind, left, right, child, first, size))
            if len(entries) > MAX_ENTRIES:
                raise Broken("too large a directory")
        if not entries or entries[0].type != ROOT:
            raise Broken("no root")
        return entries

    def _small(self, entry: Entry) -> Iterator[bytes]:
        """Yield a small stream: 64-byte sectors inside the root's stream, with their own allocation table."""
        table = b"".join(_limited(self._chain(self.small_table)))
        room = list(_limited(self._chain(self.entries[0].start)))
        per_piece = self.sector_size // _SMALL_SECTOR
        sector = entry.start
        for _ in range(self.small_limit // _SMALL_SECTOR):
            if sector >= _LAST_SECTOR:
                return
            piece, place = divmod(sector, per_piece)
            if piece >= len(room) or sector * 4 >= len(table):
                raise Broken("a small stream outside its room")
            yield room[piece][place * _SMALL_SECTOR : (place + 1) * _SMALL_SECTOR]
            sector = int.from_bytes(table[sector * 4 : sector * 4 + 4], "little")


def _numbers(raw: bytes) -> tuple[int, ...]:
    return Struct(f"<{len(raw) // 4}I").unpack(raw)


def _limited(pieces: Iterator[bytes]) -> Iterator[bytes]:
    left = MAX_SMALL
    for piece in pieces:
        left -= len(piece)
        if left < 0:
            raise Broken("too many small streams")
        yield piece
