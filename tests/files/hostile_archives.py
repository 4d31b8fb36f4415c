"""ZIP archives that climb out, lie, or unpack without end; and honest ones that look odd."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from functools import partial
from struct import pack
from typing import Any
from zipfile import ZIP_BZIP2, ZIP_LZMA, ZIP_STORED, ZipInfo

from tests.files.makers import archive
from tests.files.rows import ACCEPTED, Row
from tests.files.zip_writer import UTF8, Raw, zip_file

GIB = 2**30


def exactly(size: int) -> Callable[[], bytes]:
    """An archive of that many bytes."""
    return lambda: zip_file(Raw(b"a.bin", bytes(size - len(zip_file(Raw(b"a.bin", b""))))))


def _link(name: str, target: str) -> tuple[ZipInfo, bytes]:
    info = ZipInfo(name)
    info.create_system = 3
    info.external_attr = 0o120777 << 16
    return info, target.encode()


def _overlapping(count: int = 20) -> bytes:
    """Many entries that share one body, as in David Fifield's "A better zip bomb"."""
    body = Raw(b"a", bytes(200_000), method=8)
    return zip_file(body, *[Raw(b"b%d" % number, b"", at=0, local_name=b"a") for number in range(count)])


def _nested_bomb() -> bytes:
    """Archives in archives, as in 42.zip: the sum in this directory is small, that of all levels is not."""
    inner = archive(*[(f"{number}.bin", bytes(100_000)) for number in range(50)])
    return archive(*[(f"lib {number}.zip", inner * 9) for number in range(16)])


def _holds_itself() -> bytes:
    """What the directory of a quine shows: an archive that unpacks to its own size."""
    made = b""
    for _ in range(3):
        made = zip_file(Raw(b"r/r.zip", bytes(len(made)), method=8))
    return zip_file(Raw(b"r/r.zip", bytes(len(made)), method=8))


def _unicode_path(name: bytes, other: bytes) -> bytes:
    """Info-ZIP's extra field with another name."""
    return pack("<HHBI", 0x7075, 5 + len(other), 1, zlib.crc32(name)) + other


def _many(count: int, ending: str = "", **what: Any) -> list[Raw]:
    return [Raw(f"{number}{ending}".encode(), **what) for number in range(count)]


def _wide(unpacked: int, packed: int) -> bytes:
    return pack("<HHQQ", 1, 16, unpacked, packed)


def _names() -> Iterator[Row]:
    say = partial(Row, verdict="archive_unsafe")
    for title, name in {
        "climbs": b"../../etc/passwd", "climbs-inside": b"a/../../b", "climbs-to-end": b"a/..", "absolute": b"/etc/passwd",
        "drive": b"C:/windows/evil.dll", "backslash": b"..\\..\\evil.dll", "dots-space": b"a/.. /b",
        "backslash-first": b"\\evil.dll", "backslash-drive": b"C:\\evil.dll", "backslash-to-end": b"a\\..",
        "dots-control": b"a/.\x01./b", "control-first": b"\r/etc/passwd", "dots-mark": "a/.\u200b./b".encode(),
        "many-dots": b"a/.../b", "nul": b"a.txt\0.exe", "no-name": b"", "overlong": b"\xc0\xae\xc0\xae/evil",
        "bidi": "gpj.\u202eexe".encode(),
    }.items():  # fmt: skip
        yield say(
            f"{title}.zip",
            partial(zip_file, Raw(b"fine.txt"), Raw(name)),
            how=f"an entry {name!r}",
            reason="archive_name",
        )
    yield say("not-utf8.zip", partial(zip_file, Raw(b"\xff\xfe.txt")), how="a name that is no UTF-8 and says so")
    yield say("second-name.zip", partial(zip_file, Raw(b"a", extra=_unicode_path(b"a", b"../b"))), how="two names")
    other = _unicode_path(b"a", b"x\\..\\y")
    yield say("second-name-backslash.zip", partial(zip_file, Raw(b"a", extra=other)), how="two names")
    yield say("link.zip", lambda: archive(_link("here", "/etc/passwd")), how="a symbolic link", reason="archive_link")
    yield say("device.zip", partial(zip_file, Raw(b"a", mode=0o060644)), how="a device")
    yield say("twice.zip", partial(zip_file, Raw(b"a.txt"), Raw(b"a.txt", b"other")), how="two entries of one name",
              reason="archive_twice")  # fmt: skip
    yield say("twice-backslash.zip", partial(zip_file, Raw(b"a/b"), Raw(b"a\\b")), how="one name, written in two ways",
              reason="archive_twice")  # fmt: skip


def _lies() -> Iterator[Row]:
    say = partial(Row, verdict="archive_unsafe")
    yield say("overlapping.zip", _overlapping, how="twenty entries with one body")
    yield say("overlapping-part.zip", partial(zip_file, Raw(b"a", b"x" * 99, says_packed=120, says_unpacked=120),
              Raw(b"b")), how="an entry that reaches into the next")  # fmt: skip
    yield say(
        "into-directory.zip", partial(zip_file, Raw(b"a", says_packed=50, says_unpacked=50)), how="into the directory"
    )
    yield say("two-local-names.zip", partial(zip_file, Raw(b"a.txt", local_name=b"../a")), how="another name inside")
    yield say("two-sizes.zip", partial(zip_file, Raw(b"a", local_packed=3, local_unpacked=3)), how="two sizes")
    yield say("leads-nowhere.zip", partial(zip_file, Raw(b"a", at=10**6)), how="an entry behind the end")
    yield say(
        "impossible-size.zip",
        partial(zip_file, Raw(b"a", b"x" * 99, 8, says_unpacked=10**6)),
        how="more than deflate can",
    )
    yield say("count.zip", partial(zip_file, Raw(b"a"), Raw(b"b"), says_count=1), how="fewer entries than there are")
    yield say("count-more.zip", partial(zip_file, Raw(b"a"), says_count=2), how="more entries than there are")
    yield say("gap.zip", partial(zip_file, Raw(b"a"), before=b"PK\x03\x04..."), how="a start that is not one")
    yield say("two-ends.zip", partial(zip_file, Raw(b"a"), comment=zip_file(Raw(b"../b"))), how="an archive as comment")
    for title, lie in {"count": (1, 0, 0), "length": (0, 9, 0), "start": (0, 0, 5), "huge": (10**15, 0, 0)}.items():
        verdict = "archive_limits" if title == "huge" else "archive_unsafe"
        yield Row(f"zip64-{title}.zip", partial(zip_file, Raw(b"a"), zip64=lie), verdict, how=f"ZIP64, wrong {title}")
    yield say(
        "zip64-no-size.zip",
        partial(zip_file, Raw(b"a", says_packed=0xFFFFFFFF, method=9)),
        how="a ZIP64 size that is missing",
    )
    yield say("zip64-two-sizes.zip", partial(zip_file, Raw(b"a", says_packed=0xFFFFFFFF, says_unpacked=0xFFFFFFFF,
              extra=_wide(5, 5), local_extra=_wide(5, 4))), how="two ZIP64 sizes")  # fmt: skip
    yield say("zip64-twice.zip", partial(zip_file, Raw(b"a", says_packed=0xFFFFFFFF, says_unpacked=0xFFFFFFFF,
              extra=_wide(5, 5) * 2, local_extra=_wide(5, 5))), how="two ZIP64 fields")  # fmt: skip
    yield say(
        "behind-directory.zip", partial(zip_file, Raw(b"a"), behind=b"more"), how="something behind the directory"
    )
    yield say(
        "volume.zip", partial(zip_file, Raw(b"a"), disk=1), how="the second of several volumes", reason="archive_volume"
    )
    yield say(
        "zip64-gap.zip", partial(zip_file, Raw(b"a"), zip64=(0, 0, 0), zip64_gap=b"more"), how="a gap in the ends"
    )
    yield say("zip64-contradicts.zip", partial(zip_file, Raw(b"a"), zip64=(0, 0, 0), short_count=5), how="two counts")
    yield say("two-methods.zip", partial(zip_file, Raw(b"a", local_method=8)), how="two methods")
    yield say("stored-size.zip", partial(zip_file, Raw(b"a", says_unpacked=3)), how="stored, yet of two sizes")
    mismatch = partial(Row, verdict="content_mismatch")
    yield mismatch(
        "script-before.zip", partial(zip_file, Raw(b"a"), before=b"#!/bin/sh\nrm -rf ~\n"), how="script and ZIP"
    )
    yield mismatch(
        "program-before.zip", partial(zip_file, Raw(b"a"), before=b"MZ" + bytes(70), shift=72), how="program, ZIP"
    )
    yield mismatch("cut.zip", lambda: archive(("a", b"x" * 999))[:-30], how="breaks off", reason="cut")
    yield mismatch("trailing.zip", lambda: archive(("a", b"x")) + b"more", how="something behind its end")
    yield mismatch("start-only.zip", lambda: b"PK\x03\x04" + bytes(100), how="nothing but a start")


def _limits() -> Iterator[Row]:
    say = partial(Row, verdict="archive_limits")
    yield say("ratio.zip", lambda: archive(("zeros.bin", bytes(20 * 2**20))), how="1000 to 1")
    yield say(
        "sum.zip", lambda: zip_file(*_many(1100, method=9, says_unpacked=GIB // 1000)), how="more than a gigabyte"
    )
    yield say("entries.zip", lambda: zip_file(*_many(10_001)), how="10,001 entries", reason="archive_entries")
    yield say(
        "sum-large.zip",
        lambda: zip_file(Raw(b"a", bytes(6_000_000), 9, says_unpacked=GIB + 1)),
        how="a gigabyte, 170:1",
    )
    yield say("nested.zip", _nested_bomb, how="16 archives that shrink")
    yield say("nested-many.zip", lambda: zip_file(*_many(101, ".gz")), how="101 archives", reason="archive_nested")
    yield say("holds-itself.zip", _holds_itself, how="an archive that holds itself")
    yield say("zip64-size.zip", partial(zip_file, Raw(b"a", says_packed=0xFFFFFFFF, says_unpacked=0xFFFFFFFF, method=9,
              extra=_wide(5 * GIB, 5), local_extra=_wide(5 * GIB, 5))), how="5 GB, in ZIP64")  # fmt: skip


def _honest() -> Iterator[Row]:
    yes = partial(Row, verdict=ACCEPTED, ext="zip")
    yield yes("nothing-inside.zip", archive, how="an archive of nothing")
    yield yes("folders.zip", lambda: archive(("a/", b""), ("a/b/", b""), ("a/b/c.txt", b"x")), how="folders")
    yield yes("folders-twice.zip", partial(zip_file, Raw(b"a/", b""), Raw(b"a/", b"")), how="a folder named twice")
    yield yes(
        "odd-modes.zip", partial(zip_file, Raw(b"a/", b"", mode=0o177777), Raw(b"b", mode=0)), how="as Maven makes"
    )
    yield yes("many.zip", lambda: zip_file(*_many(10_000)), how="10,000 entries")
    yield yes(
        "scripts.zip", lambda: archive(("日本語.txt", "x"), ("عربي.txt", "x"), ("🍞.txt", "x")), how="many scripts"
    )
    yield yes("japanese-windows.zip", partial(zip_file, Raw("予定表ソ.txt".encode("cp932"), flags=0)),
              how="Shift-JIS, where half of a letter is a backslash")  # fmt: skip
    yield yes("old-code-page.zip", partial(zip_file, Raw("Grüße.txt".encode("cp437"), flags=0)), how="DOS letters")
    yield yes("two-names-fine.zip", partial(zip_file, Raw(b"gru.txt", flags=0, extra=_unicode_path(b"gru.txt", "grü.txt".encode()))),
              how="Info-ZIP's second name")  # fmt: skip
    yield yes(
        "password.zip", partial(zip_file, Raw(b"a", b"x" * 12, flags=UTF8 | 1, says_unpacked=0)), how="with a password"
    )
    yield yes("comment.zip", partial(zip_file, Raw(b"a"), comment=b"made with care"), how="a comment")
    yield yes("zip64.zip", partial(zip_file, Raw(b"a"), zip64=(0, 0, 0)), how="large end records")
    yield yes("streamed.zip", partial(zip_file, Raw(b"a", b"x" * 40, 8, UTF8 | 8, local_packed=0, local_unpacked=0),
              between=b"PK\x07\x08" + bytes(12)), how="sizes told after the bytes")  # fmt: skip
    yield yes(
        "small-ratio.zip", lambda: archive(("log.txt", b"all is well\n" * 100_000)), how="a small log that shrinks"
    )
    yield yes("monthly.zip", lambda: archive(*[(f"{month}.zip", archive(("a.txt", f"{month}" * 50), method=ZIP_STORED))
              for month in range(12)]), how="twelve archives")  # fmt: skip
    for method, title in ((ZIP_STORED, "stored"), (ZIP_BZIP2, "bzip2"), (ZIP_LZMA, "lzma")):
        yield yes(f"{title}.zip", partial(archive, ("a.txt", b"words " * 99), method=method), how=title)


def _written_by_real_programs() -> Iterator[Row]:
    """Against the letter of the specification, and read alike by all."""
    yes = partial(Row, verdict=ACCEPTED, ext="zip")
    icon = ((b"Fotos/", b""), (b"Fotos/bild.txt", b"words"), (b"Fotos/Icon\r", b""), (b"__MACOSX/Fotos/._Icon\r", b"x"))
    yield yes("finder-icon.zip", lambda: zip_file(*[Raw(name, data, flags=0) for name, data in icon]),
              how="a folder of macOS with an icon of its own")  # fmt: skip
    slashed = [Raw(b"Belege\\2024\\r.txt", flags=0, mode=0), Raw(b"Belege\\liste.txt", flags=0, mode=0)]
    yield yes("powershell.zip", partial(zip_file, *slashed, Raw(b"leer\\", b"", mode=0)), how="Windows PowerShell 5.1")
    yield yes("powershell-umlauts.zip", partial(zip_file, Raw("Büro\\März.txt".encode(), mode=0)), how=".NET, UTF-8")
    mixed = Raw(b"a/b.txt", local_name=b"a\\b.txt")
    yield yes("slashes-mixed.zip", partial(zip_file, mixed), how="/ in the directory, \\ before the bytes")
    yield yes(
        "controls.zip", partial(zip_file, Raw(b"a\tb.txt"), Raw(b"c\x7f.txt"), Raw(b"d\x1b.txt")), how="as Unix allows"
    )
    names = [Raw("\u202aC\u202c.txt".encode()), Raw("\u2067מחיר\u2069.txt".encode()), Raw("\u200eא.txt".encode())]
    yield yes("right-to-left.zip", partial(zip_file, *names), how="marks that Windows and phones put around names")
    yield yes("newline-behind.zip", lambda: archive(("a.txt", b"x")) + b"\r\n", how="a line end that a web shop added")
    yield yes("padded.zip", lambda: archive(("a.txt", b"x")).ljust(4096, b"\0"), how="filled up to a block")
    yield yes("split-mark.zip", lambda: zip_file(Raw(b"a"), before=b"PK00", shift=4), how="was to be split, was not")
    yield yes("dot-slash.zip", partial(zip_file, Raw(b"./a.txt"), Raw(b"./b/")), how="names that begin with ./")


def rows() -> Iterator[Row]:
    yield from _written_by_real_programs()
    yield from _names()
    yield from _lies()
    yield from _limits()
    yield from _honest()
