"""Writes compound files ([MS-CFB]), so that the tests have Word, Excel and PowerPoint documents of before 2007."""

from __future__ import annotations

from itertools import pairwise
from struct import pack

SMALL_SECTOR = 64
SMALL_LIMIT = 4096
FREE, END, TABLE, MORE = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD, 0xFFFFFFFC
STORAGE, STREAM, ROOT = 1, 2, 5
_UNUSED = pack("<64sHBB3I36xIQ", b"", 0, 0, 0, FREE, FREE, FREE, 0, 0)


def compound_file(
    streams: dict[str, bytes],
    *,
    sector_size: int = 512,
    says: dict[str, int] | None = None,
    ring: bool = False,
    leftover: str = "",
) -> bytes:
    """A compound file with these streams; a name like `Macros/VBA/dir` makes the storages on its way.

    Sectors have 512 bytes, or 4096 as some programs make them. A test may let it lie: about the sizes of the streams
    in `says`, with a `ring` of siblings in its directory, or with the `leftover` of something that was removed.
    """
    small = {name: data for name, data in streams.items() if len(data) < SMALL_LIMIT}
    sectors: list[bytes] = []
    table: list[int] = []
    starts: dict[str, int] = {}

    def add(data: bytes) -> int:
        """Appends a chain of sectors; where it begins."""
        pieces = _pieces(data, sector_size)
        first = len(sectors)
        sectors.extend(pieces)
        table.extend([*range(first + 1, first + len(pieces)), END] if pieces else [])
        return first if pieces else END

    for name, data in streams.items():
        if name not in small:
            starts[name] = add(data)
    small_table: list[int] = []
    room = b""
    for name, data in small.items():
        pieces, first = _pieces(data, SMALL_SECTOR), len(small_table)
        starts[name] = first if pieces else END
        room += b"".join(pieces)
        small_table.extend([*range(first + 1, first + len(pieces)), END] if pieces else [])
    room_start = add(room)
    small_start = add(b"".join(pack("<I", number) for number in small_table))
    sizes = {name: len(data) for name, data in streams.items()} | (says or {})
    directory = _directory(sizes, starts, room_start, len(room), ring=ring)
    if leftover:
        directory += leftover.encode("utf-16-le").ljust(64, b"\0") + pack("<H", len(leftover) * 2 + 2) + _UNUSED[66:]
    directory_start = add(directory + _UNUSED * (-len(directory) // 128 % (sector_size // 128)))

    per_sector = sector_size // 4
    tables = extra = 0
    while (tables + extra + len(sectors)) > tables * per_sector or max(0, tables - 109) > extra * (per_sector - 1):
        tables, extra = (
            (tables + 1, extra) if (tables + extra + len(sectors)) > tables * per_sector else (tables, extra + 1)
        )
    places = list(range(len(sectors), len(sectors) + tables))
    more = list(range(len(sectors) + tables, len(sectors) + tables + extra))
    table += [TABLE] * tables + [MORE] * extra
    table += [FREE] * (tables * per_sector - len(table))
    body = b"".join(sectors) + b"".join(pack("<I", number) for number in table)
    rest = places[109:]
    for index in range(extra):
        named = rest[index * (per_sector - 1) : (index + 1) * (per_sector - 1)]
        named += [FREE] * (per_sector - 1 - len(named)) + [more[index + 1] if index + 1 < extra else END]
        body += pack(f"<{per_sector}I", *named)
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16)
    header += pack("<5H6x", 0x3E, *((3, 0xFFFE, 9) if sector_size == 512 else (4, 0xFFFE, 12)), 6)
    header += pack("<9I", 0 if sector_size == 512 else -(-len(directory) // sector_size), tables, directory_start, 0, SMALL_LIMIT, small_start, -(-len(small_table) // per_sector),
                   more[0] if more else END, extra)  # fmt: skip
    named_here = places[:109]
    return (header + pack("<109I", *named_here, *[FREE] * (109 - len(named_here)))).ljust(sector_size, b"\0") + body


def _pieces(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size].ljust(size, b"\0") for at in range(0, len(data), size)]


def _directory(sizes: dict[str, int], starts: dict[str, int], room_start: int, room_size: int, *, ring: bool) -> bytes:
    """Siblings hang in a row from each other's right side: no balanced tree, yet one that every reader follows."""
    paths = sorted({"/".join(name.split("/")[:depth]) for name in sizes for depth in range(1, name.count("/") + 2)})
    numbers = {path: number for number, path in enumerate(paths, start=1)}
    children: dict[str, list[str]] = {}
    for path in paths:
        children.setdefault(path.rpartition("/")[0], []).append(path)
    right = {one: numbers[other] for row in children.values() for one, other in pairwise(row)}
    if ring:
        right[children[""][-1]] = numbers[children[""][0]]

    def entry(path: str, kind: int, start: int, size: int) -> bytes:
        name = (path.rpartition("/")[2]).encode("utf-16-le")
        child = numbers[children[path if kind != ROOT else ""][0]] if kind in (STORAGE, ROOT) else FREE
        links = pack("<3I", FREE, right.get(path, FREE), child)
        return pack("<64sHBB", name, len(name) + 2, kind, 1) + links + bytes(36) + pack("<IQ", start, size)

    raw = entry("Root Entry", ROOT, room_start, room_size)
    for path in paths:
        raw += entry(path, STREAM if path in sizes else STORAGE, starts.get(path, 0), sizes.get(path, 0))
    return raw
