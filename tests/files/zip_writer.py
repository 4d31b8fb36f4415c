"""Writes ZIP archives that say whatever a test wants, true or not (zipfile refuses to lie)."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from struct import pack
from typing import Any

UTF8 = 0x800


@dataclass
class Raw:
    """One entry. What is None is told truly."""

    name: bytes
    data: bytes = b"words"
    method: int = 0
    flags: int = UTF8
    mode: int = 0o100644
    extra: bytes = b""
    local_extra: bytes = b""
    local_name: bytes | None = None
    local_method: int | None = None
    says_packed: int | None = None
    says_unpacked: int | None = None
    local_packed: int | None = None
    local_unpacked: int | None = None
    at: int | None = None  # where the directory says that its local header is


def zip_file(*entries: Raw, before: bytes = b"", between: bytes = b"", comment: bytes = b"", shift: int = 0,
             says_count: int | None = None, behind: bytes = b"", disk: int = 0,
             zip64: tuple[int, int, int] | None = None, zip64_gap: bytes = b"",
             short_count: int = 0xFFFF) -> bytes:  # fmt: skip
    """`before` stands before the first entry, which moves the offsets only by `shift`; `between` stands before the
    directory, `behind` after it. `zip64` adds the large end records, whose count, length and start of the directory
    differ from the truth by these numbers, with `zip64_gap` between them; the short one then says `short_count`."""
    out, directory = bytearray(before), bytearray()
    for entry in entries:
        deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
        packed = deflate.compress(entry.data) + deflate.flush() if entry.method == 8 else entry.data
        sizes = (_or(entry.says_packed, len(packed)), _or(entry.says_unpacked, len(entry.data)))
        local_sizes = (_or(entry.local_packed, sizes[0]), _or(entry.local_unpacked, sizes[1]))
        checksum, local_name = zlib.crc32(entry.data), _or(entry.local_name, entry.name)
        at = _or(entry.at, len(out) - len(before) + shift)
        out += pack("<4s5H3I2H", b"PK\x03\x04", 20, entry.flags, _or(entry.local_method, entry.method), 0, 33, checksum, *local_sizes,
                    len(local_name), len(entry.local_extra))  # fmt: skip
        out += local_name + entry.local_extra + packed
        directory += pack("<4s6H3I5H2I", b"PK\x01\x02", 3 << 8 | 20, 20, entry.flags, entry.method, 0, 33, checksum,
                          *sizes, len(entry.name), len(entry.extra), 0, 0, 0, entry.mode << 16, at)  # fmt: skip
        directory += entry.name + entry.extra
    out += between
    start, count = len(out) - len(before) + shift, _or(says_count, len(entries))
    end = (count, count, len(directory), start)
    out += directory + behind
    if zip64 is not None:
        told = (count + zip64[0], count + zip64[0], len(directory) + zip64[1], start + zip64[2])
        place = len(out)
        out += pack("<4sQ2H2I4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, *told) + zip64_gap
        out += pack("<4sIQI", b"PK\x06\x07", 0, place, 1)
        end = (short_count, short_count, 0xFFFFFFFF, 0xFFFFFFFF)
    return bytes(out) + pack("<4s4H2IH", b"PK\x05\x06", disk, disk, *end, len(comment)) + comment


def _or(value: Any, usual: Any) -> Any:
    return usual if value is None else value
