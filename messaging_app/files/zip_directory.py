"""The directory of a ZIP archive, parsed strictly.

Layout and field names from PKWARE's APPNOTE 6.3.10, sections 4.3 and 4.5. ZIP readers disagree about inconsistent
archives, so anything that two readers could interpret differently is refused (`archive_unsafe`). Deviations that real
programs write and all readers treat alike are accepted: backslashes between folders (Windows PowerShell, .NET), control
characters in names (the `Icon\\r` of macOS), blanks after the end (web shops).
"""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator
from struct import Struct
from typing import BinaryIO, NamedTuple

from messaging_app.files.refusals import FileRefused

_LOCAL = Struct("<4s5H3I2H")
_CENTRAL = Struct("<4s6H3I5H2I")
_END = Struct("<4s4H2IH")
_END64 = Struct("<4sQ2H2I4Q")
_LOCATOR = Struct("<4sIQI")
_ZIP64, _UNICODE_NAME = 0x0001, 0x7075  # extra fields that change the interpretation
_SPECIAL = (stat.S_IFLNK, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO, stat.S_IFSOCK)
_ABSOLUTE = re.compile(r"/|[A-Za-z]:")
_MISLEADS = re.compile("[\0\u202d\u202e]")  # some readers cut there or display it reversed
_BLANKS = b"\0\t\n\r "
_SHOWN = 80


class Entry(NamedTuple):
    """One file or folder of an archive, its name with `/` between folders. Sizes and positions are in bytes."""

    name: str
    encrypted: bool
    method: int
    packed: int
    unpacked: int
    header: int  # where its local header begins
    data: int  # where its bytes begin


class Directory(NamedTuple):
    """The position of the list of entries, and the declared number of entries."""

    entries: int
    start: int
    length: int


def unsafe(detail: str, reason: str = "archive_contradicts", entry: str = "") -> FileRefused:
    """Return the refusal. `entry` is the name that the sentence of this `reason` shows."""
    shown = "".join(char if char.isprintable() else "\ufffd" for char in entry[:_SHOWN])
    return FileRefused("archive_unsafe", reason=reason, detail=detail, entry=shown)


def read_at(file: BinaryIO, position: int, length: int) -> bytes:
    file.seek(position)
    return file.read(length)


def find_ends(file: BinaryIO, size: int) -> list[int]:
    """Return the positions of end records whose comment reaches to the end of the file, or to trailing blanks."""
    start = max(0, size - _END.size - 0xFFFF)
    tail = read_at(file, start, size - start)
    least = len(tail.rstrip(_BLANKS))
    found = []
    for match in re.finditer(rb"PK\x05\x06", tail):
        record = tail[match.start() : match.start() + _END.size]
        if len(record) == _END.size and least <= match.start() + _END.size + _END.unpack(record)[7] <= len(tail):
            found.append(start + match.start())
    return found


def find_directory(file: BinaryIO, size: int) -> Directory:
    """Return the directory, which must end at the end record. Nothing may precede the archive or lie in between.

    Raises `FileRefused`: `content_mismatch` if the file does not end like an archive, `archive_unsafe`.
    """
    ends = find_ends(file, size)
    if not ends:
        raise FileRefused("content_mismatch", reason="cut", detail="no end of a ZIP archive")
    if len(ends) > 1:
        raise unsafe("several ends")
    end = ends[0]
    record = read_at(file, end, _END.size)
    _, disk, first_disk, here, count, length, start, _ = _END.unpack(record)
    locator = read_at(file, max(0, end - _LOCATOR.size), _LOCATOR.size)
    if len(locator) == _LOCATOR.size and locator.startswith(b"PK\x06\x07"):
        short = (disk, first_disk, here, count, length, start)
        position = _LOCATOR.unpack(locator)[2]
        raw = read_at(file, position, _END64.size) if position < end else b""
        if len(raw) != _END64.size or not raw.startswith(b"PK\x06\x06"):
            raise unsafe("a ZIP64 locator that leads nowhere")
        _, rest, _, _, disk, first_disk, here, count, length, start = _END64.unpack(raw)
        if position + 12 + rest != end - _LOCATOR.size:
            raise unsafe("something between the ZIP64 records")
        for said, really in zip(short, (disk, first_disk, here, count, length, start), strict=True):
            if said not in (really, 0xFFFF, 0xFFFFFFFF):
                raise unsafe("two ends that contradict each other")
        end = position
    if disk or first_disk or here != count:
        raise unsafe("one of several volumes", "archive_volume")
    if start + length != end:
        raise unsafe("something before the archive or within its directory")
    return Directory(count, start, length)


def read_entries(file: BinaryIO, directory: Directory) -> Iterator[Entry]:
    """Yield the entries, each compared with its local header."""
    position, end = directory.start, directory.start + directory.length
    while position < end:
        raw = read_at(file, position, _CENTRAL.size)
        if len(raw) != _CENTRAL.size or not raw.startswith(b"PK\x01\x02"):
            raise unsafe("a broken directory")
        (_, _, _, flags, method, _, _, _, packed, unpacked, name_length, extra_length, comment_length, _, _,
         attributes, header) = _CENTRAL.unpack(raw)  # fmt: skip
        name, extra = file.read(name_length), file.read(extra_length)
        position += _CENTRAL.size + name_length + extra_length + comment_length
        if position > end or len(extra) != extra_length:
            raise unsafe("a directory that runs over its end")
        fields = _extra_fields(extra)
        unpacked, packed, header = _wide(fields.get(_ZIP64, b""), unpacked, packed, header)
        shown = _name(name, flags, fields)
        if stat.S_IFMT(attributes >> 16) in _SPECIAL:
            raise unsafe(f"{shown!r} is a link or a device", "archive_link", shown)
        entry = Entry(shown, bool(flags & 1), method, packed, unpacked, header, 0)
        yield entry._replace(data=_check_local(file, directory.start, entry, name))


def _extra_fields(extra: bytes) -> dict[int, bytes]:
    fields: dict[int, bytes] = {}
    position = 0
    while position + 4 <= len(extra):
        tag = int.from_bytes(extra[position : position + 2], "little")
        length = int.from_bytes(extra[position + 2 : position + 4], "little")
        if tag in fields and tag in (_ZIP64, _UNICODE_NAME):
            raise unsafe("an extra field that stands twice")
        fields[tag] = extra[position + 4 : position + 4 + length]
        position += 4 + length
    return fields


def _wide(field: bytes, *values: int) -> Iterator[int]:
    """Yield `values`, replacing those that do not fit into 32 bits from the ZIP64 field, in its order."""
    for value in values:
        if value == 0xFFFFFFFF:
            if len(field) < 8:
                raise unsafe("a ZIP64 size is missing")
            value, field = int.from_bytes(field[:8], "little"), field[8:]
        yield value


def _name(raw: bytes, flags: int, fields: dict[int, bytes]) -> str:
    """Return the name of an entry. It and an alternative name in extra field 0x7075 (Info-ZIP) must stay inside."""
    try:
        name = _decode(raw, sure=bool(flags & 0x800))
        other = _decode(fields.get(_UNICODE_NAME, b"")[5:], sure=True)
    except UnicodeDecodeError:
        raise unsafe("a name in no encoding", "archive_name", raw.decode(errors="replace")) from None
    for one in (name, other):
        if not name or _leads_outside(one):
            raise unsafe(f"the name {one!r:.200}", "archive_name", one)
    return name


def _decode(raw: bytes, *, sure: bool) -> str:
    """Return a name with `/` between folders: UTF-8 (macOS omits the flag) or, unless `sure`, an old code page.

    A backslash may be half of a Japanese or Chinese letter there. Treating it as `/` is no less strict.
    """
    try:
        name = raw.decode()
    except UnicodeDecodeError:
        if sure:
            raise
        name = raw.decode("cp437")
    return name.replace("\\", "/")


def _leads_outside(name: str) -> bool:
    """Whether `name` is absolute, climbs (Windows reads `.. .` as `..`), or is disguised as another."""
    plain = "".join(char for char in name if char.isprintable() and char != " ")  # what some readers keep
    climbs = any(part.count(".") > 1 and not part.strip(".") for part in plain.split("/"))
    return climbs or _ABSOLUTE.match(plain) is not None or _MISLEADS.search(name) is not None


def _check_local(file: BinaryIO, directory: int, entry: Entry, name: bytes) -> int:
    """Return where the data of `entry` begins. Its local header must match the directory."""
    raw = read_at(file, entry.header, _LOCAL.size) if entry.header < directory else b""
    if len(raw) != _LOCAL.size or not raw.startswith(b"PK\x03\x04"):
        raise unsafe(f"{entry.name!r} leads nowhere")
    _, _, flags, method, _, _, _, packed, unpacked, name_length, extra_length = _LOCAL.unpack(raw)
    if file.read(name_length).replace(b"\\", b"/") != name.replace(b"\\", b"/") or method != entry.method:
        raise unsafe(f"{entry.name!r} has two names or methods")
    told_later = flags & 8 and packed in (0, 0xFFFFFFFF)
    if not told_later:
        unpacked, packed = _wide(_extra_fields(file.read(extra_length)).get(_ZIP64, b""), unpacked, packed)
        if (packed, unpacked) != (entry.packed, entry.unpacked):
            raise unsafe(f"{entry.name!r} has two sizes")
    extra_for_password = 12 if entry.encrypted else 0
    if method == 0 and entry.packed != entry.unpacked + extra_for_password:
        raise unsafe(f"{entry.name!r} is stored with another size")
    if method == 8 and entry.unpacked > 1032 * entry.packed + 1032:  # the maximum ratio of deflate
        raise unsafe(f"{entry.name!r} cannot unpack to that much")
    return int(entry.header + _LOCAL.size + name_length + extra_length)
