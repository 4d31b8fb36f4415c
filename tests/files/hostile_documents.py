"""PDF and Office documents with macros, in disguise or broken; and honest ones that look odd."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from struct import pack

from tests.files.compound_writer import compound_file
from tests.files.makers import (
    HONEST,
    MAIN_PARTS,
    archive,
    current_user,
    macros,
    office,
    old_office,
    pdf,
    presentation,
    sheet,
    workbook,
)
from tests.files.rows import ACCEPTED, Row
from tests.files.zip_writer import Raw, zip_file

_MACRO_TYPES = {
    "docx": "application/vnd.ms-word.document.macroEnabled.main+xml",
    "xlsx": "application/vnd.ms-excel.sheet.macroEnabled.main+xml",
    "pptx": "application/vnd.ms-powerpoint.presentation.macroEnabled.main+xml",
}
_PROJECT_TYPE = '<Default Extension="bin" ContentType="application/vnd.ms-office.vbaProject"/>'
_PROJECT_RELATION = (
    '<Relationship Id="rId9" Type="http://schemas.microsoft.com/office/2006/relationships/vbaProject" Target="x.dat"/>'
)
_TYPES = b"[Content_Types].xml"
_LAUGHS = '<!DOCTYPE t [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]><Types>&b;</Types>'


def _changed(make: Callable[[], bytes], at: int, new: bytes) -> bytes:
    data = make()
    return data[:at] + new + data[at + len(new) :]


def _ring() -> bytes:
    """Its directory's chain leads back to itself."""
    data = HONEST["doc"]()
    start = int.from_bytes(data[48:52], "little")
    table = int.from_bytes(data[76:80], "little")
    at = 512 * (table + 1) + 4 * start
    return data[:at] + pack("<I", start) + data[at + 4 :]


def _pdf() -> Iterator[Row]:
    script = b"/OpenAction<</S/JavaScript/JS(app.alert\\(1\\))>>"
    yield Row("script-inside.pdf", lambda: pdf(script), ACCEPTED, "pdf", "a script that only a reader could run")
    yield Row("blank-around.pdf", lambda: b"\n" + pdf() + b"\r\n\0\0", ACCEPTED, "pdf", "blank before and after")
    yield Row("page-before.pdf", lambda: b"<script>alert(1)</script>" + pdf(), "content_mismatch", how="page and PDF")
    yield Row("cut.pdf", lambda: pdf()[:200], "content_mismatch", how="breaks off", reason="cut")
    yield Row(
        "archive-and.pdf", lambda: pdf() + archive(("run.exe", b"MZ" * 2000)), "content_mismatch", how="PDF and ZIP"
    )
    yield Row("pdf-as-text.txt", pdf, "content_mismatch", how="begins as a PDF")


def _since_2007() -> Iterator[Row]:
    for kind, (part, _) in MAIN_PARTS.items():
        folder = part.partition("/")[0]
        say = partial(Row, verdict="macro_not_allowed")
        yield say(f"macro-type-renamed.{kind}", partial(office, kind, main_type=_MACRO_TYPES[kind]), how="renamed …m")
        yield say(f"macro-part.{kind}", partial(office, kind, (f"{folder}/vbaProject.bin", b"x")), how="vbaProject.bin")
        yield say(
            f"macro-capitals.{kind}", partial(office, kind, (f"{folder}/VBAPROJECT.BIN", b"x")), how="in capitals"
        )
        yield say(f"macro-other-name.{kind}", partial(office, kind, (f"{folder}/x.bin", b"x"), types=_PROJECT_TYPE),
                  how="only its type tells")  # fmt: skip
        yield say(f"macro-by-relation.{kind}", partial(office, kind, (f"{folder}/x.dat", b"x"),
                  relations=_PROJECT_RELATION), how="only its relation tells")  # fmt: skip
        mismatch = partial(Row, verdict="content_mismatch")
        yield mismatch(f"no-types.{kind}", partial(office, kind, leave_out=["[Content_Types].xml"]), how="no types")
        yield mismatch(f"no-main-part.{kind}", partial(office, kind, leave_out=[part]), how="no main part")
        yield mismatch(f"plain-archive.{kind}", HONEST["zip"], how="a ZIP without parts")
        yield mismatch(
            f"laughs.{kind}", partial(archive, ("[Content_Types].xml", _LAUGHS), (part, "x")), how="entities"
        )
        yield mismatch(f"broken-types.{kind}", partial(archive, ("[Content_Types].xml", "<Types>"), (part, "x")),
                       how="broken XML")  # fmt: skip
        yield mismatch(f"password.{kind}", lambda: compound_file({"EncryptionInfo": bytes(200),
                       "EncryptedPackage": bytes(5000)}), how="behind a password nobody can look", reason="password")  # fmt: skip
        yield Row(
            f"traversal.{kind}",
            partial(office, kind, ("../../evil.xml", "x")),
            "archive_unsafe",
            how="climbs out",
            reason="document_broken",
        )
        yield Row(
            f"parts-twice.{kind}", partial(office, kind, (part.upper(), "x")), "archive_unsafe", how="two main parts"
        )
        yield Row(f"huge-types.{kind}", partial(archive, ("[Content_Types].xml", b" " * 5_000_000), (part, "x")),
                  "archive_limits", how="types that unpack to 5 MB")  # fmt: skip
    yield Row("size-lies.docx", lambda: zip_file(Raw(_TYPES, b"<Types/>", 8, says_unpacked=9), Raw(b"word/document.xml")),
              "archive_unsafe", how="types of another size than they say")  # fmt: skip
    yield Row("password-parts.docx", lambda: zip_file(Raw(_TYPES, b"<Types/>"), Raw(b"word/document.xml", b"x" * 17,
              flags=1, says_unpacked=5)), "content_mismatch", how="a part behind a password", reason="password")  # fmt: skip
    parts = (Raw(_TYPES, b"<Types/>"), Raw(b"xl\\workbook.xml"), Raw(b"xl\\worksheets\\sheet1.xml"))
    yield Row("backslashes.xlsx", partial(zip_file, *parts), ACCEPTED, "xlsx", "as some .NET programs write workbooks")
    yield Row("backslashes-macros.xlsx", partial(zip_file, *parts, Raw(b"xl\\vbaProject.bin")), "macro_not_allowed",
              how="macros behind a backslash")  # fmt: skip
    yield Row("stub.docx", lambda: zip_file(Raw(_TYPES, b"<Types/>"), Raw(b"word/document.xml")), ACCEPTED, "docx",
              "just enough to be told")  # fmt: skip
    yield Row("excel4-part.xlsx", partial(office, "xlsx", ("xl/macrosheets/sheet1.xml", "x")), "macro_not_allowed",
              how="only its place tells")  # fmt: skip
    sheet4 = '<Override PartName="/xl/macrosheets/sheet1.xml" ContentType="application/vnd.ms-excel.macrosheet+xml"/>'
    yield Row("excel4-sheet.xlsx", partial(office, "xlsx", ("xl/macrosheets/sheet1.xml", "x"), types=sheet4),
              "macro_not_allowed", how="an Excel 4.0 macro sheet")  # fmt: skip
    inner = '<Default Extension="xlsm" ContentType="application/vnd.ms-excel.sheet.macroEnabled.12"/>'
    yield Row("macros-embedded.docx", partial(office, "docx", ("word/embeddings/a.xlsm", "x"), types=inner),
              "macro_not_allowed", how="a workbook with macros inside")  # fmt: skip
    yield Row("template.docx", partial(office, "docx", main_type="application/vnd.openxmlformats-officedocument."
              "wordprocessingml.template.main+xml"), ACCEPTED, "docx", "a template, saved as document")  # fmt: skip


def _until_2003() -> Iterator[Row]:
    say = partial(Row, verdict="macro_not_allowed")
    yield say("macros.doc", lambda: old_office("doc", macros("Macros")), how="VBA")
    yield say("macros.xls", lambda: old_office("xls", macros("_VBA_PROJECT_CUR")), how="VBA")
    yield say(
        "macros-embedded.doc", lambda: old_office("doc", macros("ObjectPool/_1")), how="VBA of an embedded object"
    )
    yield say(
        "macros.ppt", lambda: old_office("ppt", {"PowerPoint Document": presentation(1)}), how="VBA in its records"
    )
    yield say("excel4.xls", lambda: compound_file({"Workbook": workbook(sheet(b"a"), sheet(b"b", 1))}), how="Excel 4.0")
    yield say(
        "excel4-small.xls", lambda: compound_file({"Workbook": workbook(sheet(b"b", 1), filler=9)}), how="Excel 4.0"
    )
    yield say("excel95-macros.xls", lambda: compound_file({"Book": workbook(sheet(b"b", 6))}), how="Excel 95 module")
    yield Row("no-macros.ppt", lambda: old_office("ppt", {"PowerPoint Document": presentation(0)}), ACCEPTED, "ppt",
              "says that it has no macros")  # fmt: skip
    yield Row("excel95.xls", lambda: compound_file({"Book": workbook(sheet(b"a"))}), ACCEPTED, "xls", "Excel 95")
    yield Row(
        "large.doc", lambda: old_office("doc", {"Data": bytes(8_000_000)}), ACCEPTED, "doc", "its table overflows"
    )

    yield say("macros-split.ppt", lambda: old_office("ppt", {"PowerPoint Document": presentation(1, 5084)}),
              how="VBA in a record that lies across two sectors")  # fmt: skip
    yield Row(
        "macros-removed.doc", partial(old_office, "doc", leftover="Macros"), ACCEPTED, "doc", "macros once, no more"
    )
    for kind in ("doc", "xls", "ppt"):
        large = partial(old_office, kind, sector_size=4096)
        yield Row(f"large-sectors.{kind}", large, ACCEPTED, kind, "sectors of 4096 bytes")
        yield say(f"macros-large-sectors.{kind}", partial(large, macros("Macros")), how="VBA, in sectors of 4096 bytes")
    mismatch = partial(Row, verdict="content_mismatch")
    yield mismatch("password.xls", lambda: compound_file({"Workbook": workbook(sheet(b"a"), first=((0x2F, b"\0\0"),))}),
                   how="behind a password nobody can look", reason="password")  # fmt: skip
    yield mismatch("password.ppt", lambda: old_office("ppt", {"Current User": current_user(0xF3D1C4DF)}),
                   how="behind a password nobody can look", reason="password")  # fmt: skip
    yield mismatch("installer.doc", lambda: compound_file({"SummaryInformation": bytes(99)}), how="no document inside")
    yield mismatch("nested-only.doc", lambda: compound_file({"ObjectPool/_1/WordDocument": bytes(5000)}),
                   how="a document only deeper inside")  # fmt: skip
    yield mismatch("two-documents.doc", lambda: old_office("doc", {"Workbook": workbook()}), how="two kinds in one")
    yield mismatch(
        "magic-only.doc", lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), how="nothing but a start"
    )
    yield mismatch("cut.doc", lambda: HONEST["doc"]()[:2000], how="breaks off")
    yield mismatch("ring.doc", _ring, how="a chain without end")
    yield mismatch("sector-size.doc", lambda: _changed(HONEST["doc"], 30, b"\xff\xff"), how="sectors of 2^65535 bytes")
    yield mismatch(
        "many-tables.doc", lambda: _changed(HONEST["doc"], 68, pack("<II", 0, 0xFFFFFFFF)), how="endless table"
    )
    yield mismatch("records-without-end.xls", lambda: compound_file({"Workbook": workbook(first=((0x42, b""),) * 600_000)}),
                   how="more records than a workbook has")  # fmt: skip
    yield mismatch("siblings-ring.doc", lambda: old_office("doc", ring=True), how="siblings without end")
    yield mismatch(
        "short-stream.ppt",
        lambda: old_office("ppt", says={"PowerPoint Document": 90_000}),
        how="a stream that ends early",
    )
    yield mismatch("other-limit.doc", lambda: _changed(HONEST["doc"], 56, pack("<I", 64)), how="another small limit")
    yield mismatch("small-streams.ppt", lambda: old_office("ppt", {f"x{number}": bytes(4095) for number in range(2200)}),
                   how="9 MB of small streams")  # fmt: skip
    yield mismatch("many-entries.doc", lambda: old_office("doc", {f"x{number}": b"" for number in range(20_001)}),
                   how="a directory without measure")  # fmt: skip
    yield mismatch("rich-text.doc", lambda: b"{\\rtf1 words}", how="RTF", reason="other_text")
    yield mismatch("page.xls", lambda: b"<html><table><tr><td>1</td></tr></table></html>", how="a page",
                   reason="other_table")  # fmt: skip
    yield mismatch("tabs.xls", lambda: b"name\tprice\nroll\t1\n", how="plain text", reason="renamed")


def rows() -> Iterator[Row]:
    yield from _pdf()
    yield from _since_2007()
    yield from _until_2003()
