"""Office documents until 2003: which document a compound file holds, and whether it contains macros.

Names of streams and records from [MS-DOC], [MS-XLS], [MS-PPT] and [MS-OVBA].
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from messaging_app.files.compound import UNUSED, Broken, CompoundFile, is_compound
from messaging_app.files.refusals import FileRefused

_STREAMS = {"doc": ("worddocument",), "xls": ("workbook", "book"), "ppt": ("powerpoint document",)}
_MACRO_NAMES = ("macros", "_vba_project_cur", "vba", "_vba_project")

_BOF, _EOF, _FILEPASS, _BOUNDSHEET = 0x0809, 0x000A, 0x002F, 0x0085
_MACRO_SHEETS = (1, 6)  # Excel 4.0 macros, Visual Basic module
_MAX_RECORDS = 500_000

# VBAInfoContainer with its VBAInfoAtom ([MS-PPT] 2.4.10, 2.4.11) whose fHasMacros, the last four bytes, is not 0.
_PPT_MACROS = re.compile(rb"\xff\x03\x14\0\0\0.{2}\0\x04\x0c\0\0\0.{4}(?!\0{4}).{4}", re.DOTALL)
_PPT_MACROS_LENGTH = 22
_PPT_ENCRYPTED = b"\xdf\xc4\xd1\xf3"  # headerToken of CurrentUserAtom ([MS-PPT] 2.3.2)


def check_ole(file: BinaryIO, size: int, extension: str) -> None:
    """Raises `FileRefused`: `macro_not_allowed` for VBA projects and Excel 4.0 macro sheets, `content_mismatch` if
    this is no sound document of this `extension`, or if a password hides the place where macros would be."""
    try:
        if not is_compound(file):
            raise _mismatch("no compound file")
        compound = CompoundFile(file, size)
        top = compound.top()
        kinds = [kind for kind, names in _STREAMS.items() if any(name in top for name in names)]
        if kinds != [extension]:
            raise _mismatch(f"holds {kinds or 'no document'}")
        if any(entry.name.casefold() in _MACRO_NAMES for entry in compound.entries if entry.type != UNUSED):
            raise FileRefused("macro_not_allowed", detail="a VBA project")
        for name in _STREAMS[extension]:
            if extension == "xls" and name in top:
                _check_workbook(compound.read(top[name]))
        if extension == "ppt":
            if "current user" in top and b"".join(compound.read(top["current user"]))[12:16] == _PPT_ENCRYPTED:
                raise _mismatch("a presentation with a password", "password")
            _check_presentation(compound.read(top["powerpoint document"]))
    except Broken as error:
        raise _mismatch(f"a broken compound file: {error}", "document_broken") from None


def _mismatch(detail: str, reason: str = "") -> FileRefused:
    return FileRefused("content_mismatch", reason=reason, detail=detail)


def _check_workbook(pieces: Iterator[bytes]) -> None:
    """Check the workbook's global records, which come first and list every sheet with its type."""
    for number, (kind, data) in enumerate(_records(pieces)):
        if kind == _EOF or (number == 0 and kind != _BOF):
            return
        if kind == _FILEPASS:
            raise _mismatch("a workbook with a password", "password")
        if kind == _BOUNDSHEET and len(data) > 5 and data[5] in _MACRO_SHEETS:
            raise FileRefused("macro_not_allowed", detail="an Excel 4.0 macro sheet")
        if number > _MAX_RECORDS:
            raise _mismatch("a workbook without end", "document_broken")


def _records(pieces: Iterator[bytes]) -> Iterator[tuple[int, bytes]]:
    buffer, at = b"", 0
    for piece in pieces:
        buffer, at = buffer[at:] + piece, 0
        while len(buffer) - at >= 4:
            kind, length = (
                int.from_bytes(buffer[at : at + 2], "little"),
                int.from_bytes(buffer[at + 2 : at + 4], "little"),
            )
            if len(buffer) - at < 4 + length:
                break
            yield kind, buffer[at + 4 : at + 4 + length]
            at += 4 + length


def _check_presentation(pieces: Iterator[bytes]) -> None:
    tail = b""
    for piece in pieces:
        if _PPT_MACROS.search(tail + piece):
            raise FileRefused("macro_not_allowed", detail="a VBA project")
        tail = (tail + piece)[-_PPT_MACROS_LENGTH:]
