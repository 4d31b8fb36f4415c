"""Makes honest files of every kind, small and by code, for the corpus and the tests."""

from __future__ import annotations

import random
import zipfile
from collections.abc import Callable, Iterable
from io import BytesIO
from struct import pack
from typing import Any

from PIL import Image

from tests.files.compound_writer import compound_file

MACRO_PROJECT = {"VBA/_VBA_PROJECT": b"\xcc\x61\xff\xff\0\0\0", "VBA/dir": b"\x01\x00\xb0\x80", "PROJECT": b"ID={}"}


def picture(width: int = 64, height: int = 48, mode: str = "RGB") -> Image.Image:
    """A picture with edges, shades and noise, the same each time."""
    noise = random.Random(width * height).randbytes(max(1, width // 4) * max(1, height // 4) * 3)
    image = Image.frombytes("RGB", (max(1, width // 4), max(1, height // 4)), noise).resize((width, height))
    image.paste((220, 30, 30), (0, 0, width // 2, height // 2))
    return image.convert(mode)


def image(kind: str, source: Image.Image | None = None, **options: Any) -> bytes:
    out = BytesIO()
    (source or picture()).save(out, kind, **options)
    return out.getvalue()


def animation(kind: str, frames: int = 3) -> bytes:
    pictures = [picture().rotate(30 * number) for number in range(frames)]
    return image(kind, pictures[0], save_all=True, append_images=pictures[1:], duration=100)


def pdf(extra: bytes = b"") -> bytes:
    parts = [b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
             b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]" + extra + b">>"]  # fmt: skip
    out, places = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", []
    for number, part in enumerate(parts, start=1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, part)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    return out + b"xref\n0 4\n0000000000 65535 f \n%strailer\n<</Size 4/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (
        table, len(out))  # fmt: skip


def archive(*files: tuple[str | zipfile.ZipInfo, bytes | str], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = BytesIO()
    with zipfile.ZipFile(out, "w", method) as made:
        for name, data in files:
            made.writestr(name, data)
    return out.getvalue()


_OOXML = "application/vnd.openxmlformats-officedocument."
_RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006/"
_TYPES = (
    f'<?xml version="1.0" encoding="UTF-8"?><Types xmlns="{_PACKAGE}content-types"><Default Extension="rels" '
    'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/>%s</Types>'
)
_RELATIONSHIPS = f'<Relationships xmlns="{_PACKAGE}relationships">%s</Relationships>'
MAIN_PARTS = {
    "docx": ("word/document.xml", _OOXML + "wordprocessingml.document.main+xml"),
    "xlsx": ("xl/workbook.xml", _OOXML + "spreadsheetml.sheet.main+xml"),
    "pptx": ("ppt/presentation.xml", _OOXML + "presentationml.presentation.main+xml"),
}


def office(
    kind: str,
    *more: tuple[str, bytes | str],
    main_type: str | None = None,
    types: str = "",
    relations: str = "",
    leave_out: Iterable[str] = (),
) -> bytes:
    """A document of `kind` (docx, xlsx, pptx) with its necessary parts, and what a test wants to add or leave out."""
    part, usual_type = MAIN_PARTS[kind]
    folder, _, name = part.partition("/")
    root = name.removesuffix(".xml")
    override = f'<Override PartName="/{part}" ContentType="{main_type or usual_type}"/>'
    main_relation = f'<Relationship Id="rId1" Type="{_RELATIONS}officeDocument" Target="{part}"/>'
    parts = [
        ("[Content_Types].xml", _TYPES % (override + types)),
        ("_rels/.rels", _RELATIONSHIPS % main_relation),
        (part, f'<?xml version="1.0"?><{root}>words</{root}>'),
        (f"{folder}/_rels/{name}.rels", _RELATIONSHIPS % relations),
    ]
    return archive(*[one for one in parts if one[0] not in leave_out], *more)


def open_document(sort: str) -> bytes:
    """A document of LibreOffice: its first entry is its type, not packed."""
    kind = (zipfile.ZipInfo("mimetype"), f"application/vnd.oasis.opendocument.{sort}")
    return archive(kind, ("content.xml", "<office/>"))


def records(*parts: tuple[int, bytes]) -> bytes:
    """Records of a workbook ([MS-XLS] 2.1.4)."""
    return b"".join(pack("<HH", kind, len(data)) + data for kind, data in parts)


def sheet(name: bytes, sort: int = 0) -> tuple[int, bytes]:
    return 0x0085, pack("<IBBBB", 0, 0, sort, len(name), 0) + name


def workbook(*sheets: tuple[int, bytes], first: tuple[tuple[int, bytes], ...] = (), filler: int = 5000) -> bytes:
    begin = (0x0809, pack("<HHHHII", 0x0600, 5, 0x0DBB, 0x07CC, 0, 6))
    return records(begin, *first, *sheets, (0x00FC, bytes(filler)), (0x000A, b""))


def presentation(has_macros: int | None = None, filler: int = 4500) -> bytes:
    """The stream of a presentation; `has_macros` adds the record that says whether it has ([MS-PPT] 2.4.10)."""
    inner = b""
    if has_macros is not None:
        inner = pack("<HHI", 0x001F, 0x03FF, 20) + pack("<HHI", 0x0002, 0x0400, 12) + pack("<III", 3, has_macros, 2)
    listed = pack("<HHI", 0x000F, 0x07D0, len(inner)) + inner
    before = pack("<HHI", 0, 0x0FBA, filler) + bytes(filler)
    return pack("<HHI", 0x000F, 0x03E8, len(listed) + len(before)) + before + listed


def current_user(token: int = 0xE391C05F) -> bytes:
    return pack("<HHIIII", 0, 0x0FF6, 20, 20, token, 0) + bytes(8)


def old_office(kind: str, more: dict[str, bytes] | None = None, **how: Any) -> bytes:
    """A document of `kind` (doc, xls, ppt) with its necessary streams and `more`; `how` is for `compound_file`."""
    own = {
        "doc": lambda: {"WordDocument": pack("<HH", 0xA5EC, 0x00C1) + bytes(5000), "1Table": bytes(4200)},
        "xls": lambda: {"Workbook": workbook(sheet(b"Sheet1"))},
        "ppt": lambda: {"PowerPoint Document": presentation(), "Current User": current_user()},
    }[kind]()
    return compound_file({**own, "\x05SummaryInformation": bytes(300), **(more or {})}, **how)


def macros(folder: str) -> dict[str, bytes]:
    return {f"{folder}/{name}": data for name, data in MACRO_PROJECT.items()}


TEXT = "Grüße aus der Bäckerei\n日本語 العربية עברית\n"

HONEST: dict[str, Callable[[], bytes]] = {
    "jpg": lambda: image("JPEG"),
    "png": lambda: image("PNG"),
    "gif": lambda: image("GIF"),
    "webp": lambda: image("WEBP"),
    "pdf": pdf,
    "doc": lambda: old_office("doc"),
    "docx": lambda: office("docx"),
    "xls": lambda: old_office("xls"),
    "xlsx": lambda: office("xlsx"),
    "ppt": lambda: old_office("ppt"),
    "pptx": lambda: office("pptx"),
    "zip": lambda: archive(("notes/today.txt", TEXT), ("photo.jpg", image("JPEG"))),
    "txt": lambda: TEXT.encode(),
    "csv": lambda: "name;price\r\nBrötchen;0,45\r\n".encode(),
}
