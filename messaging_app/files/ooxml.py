"""Office documents since 2007: ZIP archives whose parts and types are listed in `[Content_Types].xml`.

Part names and content types from ECMA-376 (part 2 for the package) and [MS-OFFMACRO2].
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO
from xml.parsers import expat

from messaging_app.files.archives import check_archive, read_entry
from messaging_app.files.refusals import FileRefused
from messaging_app.files.zip_directory import Entry

_TYPE = "application/vnd.openxmlformats-officedocument."
_MAIN = {
    "docx": (_TYPE + "wordprocessingml.document.main+xml", "word/document.xml"),
    "xlsx": (_TYPE + "spreadsheetml.sheet.main+xml", "xl/workbook.xml"),
    "pptx": (_TYPE + "presentationml.presentation.main+xml", "ppt/presentation.xml"),
}
_MACRO_TYPES = ("macroenabled", "vbaproject", "macrosheet")
_MACRO_PARTS = ("vbaproject.bin", "vbadata.xml")
_PART_MAX = 4 * 2**20


def check_ooxml(file: BinaryIO, size: int, extension: str) -> None:
    """Raises `FileRefused`: what `check_archive` raises, `macro_not_allowed` if the document holds macros of any sort,
    `content_mismatch` if its main part is not that of a document of this `extension` or hides behind a password."""
    try:
        _check_parts(file, check_archive(file, size), extension)
    except FileRefused as refusal:  # the author of a document does not know about the archive inside
        reasons = {"archive_unsafe": "document_broken", "archive_limits": "document_limits"}
        reason = reasons.get(refusal.code, refusal.reason)
        raise FileRefused(refusal.code, reason=reason, detail=refusal.detail) from None


def _check_parts(file: BinaryIO, entries: list[Entry], extension: str) -> None:
    parts = {entry.name.casefold(): entry for entry in entries}
    if len(parts) != len(entries):
        raise FileRefused("archive_unsafe", detail="two parts of one name")
    if any(entry.encrypted for entry in entries):
        raise _mismatch("encrypted parts", "password")
    if "[content_types].xml" not in parts:
        raise _mismatch("no [Content_Types].xml")
    types = list(_types(file, parts["[content_types].xml"]))
    main = {kind: _main_part(kind, types, parts) for kind in _MAIN}
    _refuse_macros(file, types, parts, [part for part in main.values() if part])
    if [kind for kind, part in main.items() if part] != [extension]:
        raise _mismatch("the main part of another kind of document, or none")


def _mismatch(detail: str, reason: str = "") -> FileRefused:
    return FileRefused("content_mismatch", reason=reason, detail=detail)


def _types(file: BinaryIO, entry: Entry) -> Iterator[tuple[str, str]]:
    """Yield part name ("" for a default by extension) and content type, both in lower case."""
    for attributes in _elements(read_entry(file, entry, _PART_MAX)):
        if "ContentType" in attributes:
            part = attributes.get("PartName", "").lstrip("/").casefold()
            yield part, attributes["ContentType"].strip().lower()


def _main_part(kind: str, types: list[tuple[str, str]], parts: dict[str, Entry]) -> str | None:
    """Return the name of the main part of a document of this kind, by its declared type or its usual path."""
    main_type, usual = _MAIN[kind]
    declared = (part for part, content_type in types if content_type == main_type and part in parts)
    return next(declared, usual if usual in parts else None)


def _refuse_macros(file: BinaryIO, types: list[tuple[str, str]], parts: dict[str, Entry], mains: list[str]) -> None:
    holds = any(word in content_type for _, content_type in types for word in _MACRO_TYPES)
    holds = holds or any(part.endswith(_MACRO_PARTS) or "/macrosheets/" in part for part in parts)
    for main in mains:
        folder, _, name = main.rpartition("/")
        relations = parts.get(f"{folder}/_rels/{name}.rels")
        if relations and not holds:
            targets = [one.get("Type", "").lower() for one in _elements(read_entry(file, relations, _PART_MAX))]
            holds = any(target.endswith(("/vbaproject", "/xlmacrosheet", "/xlintlmacrosheet")) for target in targets)
    if holds:
        raise FileRefused("macro_not_allowed")


def _elements(xml: bytes) -> list[dict[str, str]]:
    """Return the attributes of every element. Refuses a document type, which could define endless entities."""
    found: list[dict[str, str]] = []
    parser = expat.ParserCreate()
    parser.StartElementHandler = lambda _tag, attributes: found.append(attributes)
    parser.StartDoctypeDeclHandler = _refuse_doctype
    try:
        parser.Parse(xml, True)
    except expat.ExpatError as error:
        raise _mismatch(f"broken XML: {error}", "document_broken") from None
    return found


def _refuse_doctype(*_: object) -> None:
    raise _mismatch("a document type in its parts", "document_broken")
