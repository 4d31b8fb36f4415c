"""What a refused file really is, for its error message. Nothing is ever accepted because of this module."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import BinaryIO

from messaging_app.files.archives import check_archive
from messaging_app.files.compound import MAGIC as COMPOUND
from messaging_app.files.compound import Broken, CompoundFile
from messaging_app.files.kinds import Kind
from messaging_app.files.plain_text import check_text
from messaging_app.files.refusals import N_, FileRefused

_START = 512


@dataclass(frozen=True)
class Found:
    """`reason` selects the sentence, `what` fills it. `ext` is the right extension if the file may be sent."""

    reason: str
    what: str = ""
    ext: str = ""


_JPEG = Found("renamed", N_("a JPEG picture"), "jpg")
_PNG = Found("renamed", N_("a PNG picture"), "png")
_GIF = Found("renamed", N_("a GIF picture"), "gif")
_WEBP = Found("renamed", N_("a WebP picture"), "webp")
_PDF = Found("renamed", N_("a PDF"), "pdf")
_ZIP = Found("renamed", N_("a ZIP archive"), "zip")
_TEXT = Found("renamed", N_("plain text"), "txt")
_TABLE = Found("renamed", N_("plain text"), "csv")
_HEIC = Found("heic")
_PROGRAM = Found("program")
_PASSWORD = Found("password")
_TIFF = Found("other_picture", N_("a TIFF picture"))
_SVG = Found("other_picture", N_("an SVG drawing"))
_RTF = Found("other_text", N_("an RTF document"))
_WEB_PAGE = Found("web_page")
_WEB_TABLE = Found("other_table", N_("a web page with a table"))
_XML_TABLE = Found("other_table", N_("an XML table"))
_MAIL = Found("to_pdf", N_("an e-mail"))
_VIDEO = Found("video", N_("a video"))
_SOUND = Found("video", N_("a sound recording"))
_GZIP = Found("other_archive", N_("a GZIP archive"))

_STARTS = (
    (0, b"\xff\xd8\xff", _JPEG),
    (0, b"\x89PNG\r\n\x1a\n", _PNG),
    (0, b"GIF87a", _GIF),
    (0, b"GIF89a", _GIF),
    (8, b"WEBPVP8", _WEBP),
    (0, b"%PDF-", _PDF),
    (0, b"II*\0", _TIFF),
    (0, b"MM\0*", _TIFF),
    (0, b"8BPS", Found("other_picture", N_("a Photoshop picture"))),
    (0, b"\xff\x0a", Found("other_picture", N_("a JPEG XL picture"))),
    (4, b"JXL ", Found("other_picture", N_("a JPEG XL picture"))),
    (4, b"jP  ", Found("other_picture", N_("a JPEG 2000 picture"))),
    (0, b"\0\0\1\0", Found("other_picture", N_("an icon"))),
    (0, b"Rar!\x1a\x07", Found("other_archive", N_("a RAR archive"))),
    (0, b"7z\xbc\xaf\x27\x1c", Found("other_archive", N_("a 7z archive"))),
    (0, b"\x1f\x8b", _GZIP),
    (0, b"BZh", Found("other_archive", N_("a bzip2 archive"))),
    (0, b"\xfd7zXZ\0", Found("other_archive", N_("an XZ archive"))),
    (0, b"\x28\xb5\x2f\xfd", Found("other_archive", N_("a Zstandard archive"))),
    (257, b"ustar", Found("other_archive", N_("a TAR archive"))),
    (8, b"AVI ", _VIDEO),
    (0, b"\x1a\x45\xdf\xa3", _VIDEO),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", _VIDEO),
    (8, b"WAVE", _SOUND),
    (0, b"ID3", _SOUND),
    (0, b"\xff\xfb", _SOUND),
    (0, b"OggS", _SOUND),
    (0, b"fLaC", _SOUND),
    (0, b"#!AMR", _SOUND),
    (0, b"MZ", _PROGRAM),
    (0, b"\x7fELF", _PROGRAM),
    (0, b"\xcf\xfa\xed\xfe", _PROGRAM),
    (0, b"\xca\xfe\xba\xbe", _PROGRAM),
    (0, b"{\\rtf", _RTF),
)
# Brands of ISO/IEC 14496-12 files; a brand that is not listed is a video.
_BRANDS = {
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"), _HEIC),
    **dict.fromkeys((b"avif", b"avis"), Found("other_picture", N_("an AVIF picture"))),
    **dict.fromkeys((b"M4A ", b"M4B "), _SOUND),
}
_IN_OFFICE = {
    "word/document.xml": Found("renamed", N_("a Word document"), "docx"),
    "xl/workbook.xml": Found("renamed", N_("an Excel workbook"), "xlsx"),
    "ppt/presentation.xml": Found("renamed", N_("a PowerPoint presentation"), "pptx"),
    "xl/workbook.bin": Found("other_table", N_("a binary Excel workbook")),
    "index/document.iwa": Found("to_pdf", N_("a document of Pages, Numbers or Keynote")),
    "androidmanifest.xml": _PROGRAM,
}
_IN_COMPOUND = {
    "worddocument": Found("renamed", N_("an old Word document"), "doc"),
    "workbook": Found("renamed", N_("an old Excel workbook"), "xls"),
    "book": Found("renamed", N_("an old Excel workbook"), "xls"),
    "powerpoint document": Found("renamed", N_("an old PowerPoint presentation"), "ppt"),
    "encryptedpackage": _PASSWORD,
    "__properties_version1.0": _MAIL,
}
_OPEN_DOCUMENT = re.compile(rb"PK\x03\x04.{26}mimetypeapplication/vnd\.oasis\.opendocument\.([a-z]+)", re.DOTALL)
_OPEN_DOCUMENTS = {
    b"text": Found("other_text", N_("an OpenDocument text")),
    b"spreadsheet": Found("other_table", N_("an OpenDocument table")),
    b"presentation": Found("other_slides", N_("an OpenDocument presentation")),
}
# By extension, if the bytes are not enough; documents with macros are recognised only here.
_BY_NAME = {
    **dict.fromkeys(("docm", "dotm", "xlsm", "xltm", "pptm", "potm", "ppsm"), Found("macro_not_allowed")),
    **dict.fromkeys(("heic", "heif", "hif"), _HEIC),
    **dict.fromkeys(("tif", "tiff"), _TIFF),
    **dict.fromkeys(("mp4", "mov", "m4v", "avi", "mkv", "webm", "wmv", "3gp"), _VIDEO),
    **dict.fromkeys(("mp3", "m4a", "wav", "ogg", "opus", "aac", "amr"), _SOUND),
    **dict.fromkeys(("exe", "msi", "apk", "dmg", "app", "bat", "cmd", "com", "scr"), _PROGRAM),
    **dict.fromkeys(("eml", "msg", "mht"), _MAIL),
    "gz": _GZIP,
}


def explain(refusal: FileRefused, file: BinaryIO, size: int, name: str, claimed: Kind | None) -> FileRefused:
    """Return `refusal` with the reason that fits what `file`, shown as `name`, really is, if known.

    A refusal that already names its cause is returned unchanged.
    """
    if refusal.reason not in ("content_mismatch", "type_not_allowed", "binary"):
        return refusal
    stem, dot, extension = name.rpartition(".")
    by_name = _BY_NAME.get(extension.lower()) if dot and claimed is None else None
    found = by_name if by_name and by_name.reason == "macro_not_allowed" else _recognise(file, size, claimed) or by_name
    if found is None or (claimed is not None and found.ext == claimed.ext):
        return refusal
    values = {"what": found.what} if found.what else {}
    if found.ext:
        kept = stem if stem and extension.isalnum() and not extension.isdigit() and len(extension) < 6 else name
        values["better"] = f"{kept}.{found.ext}"
    return FileRefused(refusal.code, reason=found.reason, detail=refusal.detail, **values)


def _recognise(file: BinaryIO, size: int, claimed: Kind | None) -> Found | None:
    file.seek(0)
    start = file.read(_START)
    for at, magic, found in _STARTS:
        if start.startswith(magic, at):
            return found
    if start[:2] == b"BM" and start[6:10] == bytes(4):
        return Found("other_picture", N_("a BMP picture"))
    if start[4:8] == b"ftyp":
        return _BRANDS.get(start[8:12], _VIDEO)
    if start.startswith(b"PK\x03\x04"):
        return _in_archive(file, size, start)
    if start.startswith(COMPOUND):
        return _in_compound(file, size)
    return _in_text(file, start, claimed)


def _in_archive(file: BinaryIO, size: int, start: bytes) -> Found | None:
    if open_document := _OPEN_DOCUMENT.match(start):
        return _OPEN_DOCUMENTS.get(open_document[1])
    try:
        names = {entry.name.casefold() for entry in check_archive(file, size)}
    except FileRefused:
        return None
    return next((found for part, found in _IN_OFFICE.items() if part in names), _ZIP)


def _in_compound(file: BinaryIO, size: int) -> Found | None:
    try:
        streams = CompoundFile(file, size).top()
    except Broken:
        return None
    return next((found for stream, found in _IN_COMPOUND.items() if stream in streams), None)


def _in_text(file: BinaryIO, start: bytes, claimed: Kind | None) -> Found | None:
    try:
        check_text(file)
    except FileRefused:
        return None
    words = start.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    table = claimed is not None and claimed.ext in ("xls", "xlsx")
    if words.startswith((b"<!doctype html", b"<html")) or b"<html" in words or (table and words.startswith(b"<table")):
        return _WEB_TABLE if table else _WEB_PAGE
    if b"<svg" in words:
        return _SVG
    if table and words.startswith(b"<?xml"):
        return _XML_TABLE
    return _TABLE if table else _TEXT
