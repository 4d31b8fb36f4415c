"""Files that people send, honest and hostile, each with the verdict that it must get.

Every row is made by code, the same each time. The tests of the checks, of the pages and of the API run all of them.
`python -m tests.files.corpus` prints the table; with a folder it also writes the files there.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path

from tests.files import hostile_archives, hostile_documents, hostile_images, names_and_texts
from tests.files.makers import HONEST, open_document
from tests.files.rows import ACCEPTED, LIMIT, Row

# What a file really is may be said in two ways: a document of since 2007 is a ZIP archive, and a table is a text.
_ALSO = {("docx", "zip"), ("xlsx", "zip"), ("pptx", "zip"), ("txt", "csv"), ("csv", "txt")}


def _honest() -> Iterator[Row]:
    for kind, make in HONEST.items():
        yield Row(f"honest.{kind}", make, ACCEPTED, kind, how=f"a plain {kind}")
    for other, kind in (("jpeg", "jpg"), ("JPG", "jpg"), ("jfif", "jpg"), ("Pdf", "pdf"), ("DOCX", "docx")):
        yield Row(f"other-spelling.{other}", HONEST[kind], ACCEPTED, kind, how=f"{kind} with another spelling")


def _renamed() -> Iterator[Row]:
    """Each kind under the name of each other."""
    for kind, make in HONEST.items():
        for claimed in HONEST:
            if claimed != kind:
                verdict = ACCEPTED if (kind, claimed) in _ALSO else "content_mismatch"
                reason = None if verdict == ACCEPTED else "renamed"
                how = f"a {kind} that says {claimed}"
                yield Row(f"{kind}-renamed.{claimed}", make, verdict, claimed, how, reason=reason)


def _not_allowed() -> Iterator[Row]:
    program = b"MZ" + bytes(200)
    film = b"\0\0\0\x18ftypisom" + bytes(99)
    for name, data, reason in (
        ("program.exe", program, "program"), ("script.js", b"alert(1)", "renamed"), ("notes.log", b"words", "renamed"),
        ("page.html", b"<!doctype html><script>alert(1)</script>", "web_page"), ("shell.sh", b"#!/bin/sh\n", "renamed"),
        ("drawing.svg", b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "other_picture"),
        ("macros.docm", HONEST["docx"](), "macro_not_allowed"), ("old.rtf", b"{\\rtf1 words}", "other_text"),
        ("photo.heic", b"\0\0\0\x18ftypheic", "heic"), ("photo.heif", b"\0\0\0\x18ftypmif1", "heic"),
        ("photo.avif", b"\0\0\0\x18ftypavif", "other_picture"), ("scan.tiff", b"II*\0" + bytes(99), "other_picture"),
        ("screen.bmp", b"BM\x36\x10\0\0" + bytes(99), "other_picture"), ("film.mov", b"\0\0\0\x14ftypqt  ", "video"),
        ("film.mp4", film, "video"), ("said.m4a", b"\0\0\0\x18ftypM4A ", "video"), ("archive.7z", b"7z\xbc\xaf\x27\x1c", "other_archive"),
        ("archive.rar", b"Rar!\x1a\x07\0" + bytes(9), "other_archive"), ("archive.tar.gz", b"\x1f\x8b\x08\0", "other_archive"),
        ("text.odt", open_document("text"), "other_text"), ("table.ods", open_document("spreadsheet"), "other_table"),
        ("code.php", b"<?php phpinfo();", "renamed"), ("shortcut.lnk", b"L\0\0\0\1\x14\2\0", "type_not_allowed"),
        ("invoice", HONEST["pdf"](), "renamed"), ("photo.jpe", HONEST["jpg"](), "renamed"), ("odd.dat", b"\0\1\2", "type_not_allowed"),
    ):  # fmt: skip
        yield Row(name, partial(bytes, data), "type_not_allowed", how="a kind that nobody may send", reason=reason)
    yield Row("film-renamed.jpg", partial(bytes, film), "content_mismatch", how="a video", reason="video")
    for claimed in HONEST:
        say = f"program-renamed.{claimed}"
        yield Row(say, partial(bytes, program), "content_mismatch", how="a program", reason="program")


def _sizes() -> Iterator[Row]:
    for kind in HONEST:
        yield Row(f"empty.{kind}", bytes, "empty", how="no bytes at all")
    yield Row("limit.txt", partial(bytes.ljust, b"words", LIMIT, b"."), ACCEPTED, "txt", how="exactly the limit")
    yield Row("limit.zip", hostile_archives.exactly(LIMIT), ACCEPTED, "zip", how="exactly the limit")
    yield Row("limit+1.txt", partial(bytes.ljust, b"words", LIMIT + 1, b"."), "too_large", how="one byte more")
    yield Row("limit+1.zip", hostile_archives.exactly(LIMIT + 1), "too_large", how="one byte more")


def rows() -> list[Row]:
    """All of them. Their names are unique; the name under which a file is sent may be another (`Row.sent_as`)."""
    groups: list[Callable[[], Iterator[Row]]] = [
        _honest, _renamed, _not_allowed, _sizes,
        hostile_images.rows, hostile_documents.rows, hostile_archives.rows, names_and_texts.rows,
    ]  # fmt: skip
    return [row for group in groups for row in group()]


@cache
def all_rows() -> dict[str, Row]:
    found = rows()
    doubled = [name for name, times in Counter(row.name for row in found).items() if times > 1]
    assert not doubled, doubled
    return {row.name: row for row in found}


@cache
def one_of_each() -> set[str]:
    """The names of a file for each verdict on each kind of file, for bin/test; bin/test --all looks at every file."""
    return set({(row.verdict, row.ext): name for name, row in all_rows().items()}.values())


def write(folder: Path) -> None:
    """All files, numbered, since some names cannot be those of files."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, row in enumerate(all_rows().values(), start=1):
        (folder / f"{number:03} {row.name}").write_bytes(row.make())


def main() -> None:
    for row in all_rows().values():
        print(f"{row.name:32} {row.verdict:18} {row.ext:5} {row.how}")
    print(f"\n{len(all_rows())} files:", dict(Counter(row.verdict for row in all_rows().values())))
    for folder in sys.argv[1:]:
        write(Path(folder))


if __name__ == "__main__":
    main()
