"""Odd names for honest files, and texts in every encoding."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from functools import partial

from tests.files.makers import HONEST, TEXT
from tests.files.rows import ACCEPTED, Row

# Title: (the name that comes, the name that is shown).
_ACCEPTED = {
    "control": ("in\x01vo\x7fi\x85ce.pdf", "invoice.pdf"),
    "line-break": ("invoice\r\nContent-Type: text/html.pdf", "html.pdf"),
    "line-break-plain": ("in\r\nvoice.pdf", "invoice.pdf"),
    "nul": ("invoice.pdf\0.pdf", "invoice.pdf.pdf"),
    "tab": ("in\tvoice.pdf", "invoice.pdf"),
    "bidi": ("invoice\u202efdp.pdf", "invoicefdp.pdf"),
    "bidi-marks": ("\u200e\u2066invoice\u2069\u061c.pdf", "invoice.pdf"),
    "zero-width": ("in\u200bvo\u200dice\ufeff.pdf", "invoice.pdf"),
    "line-separator": ("in\u2028voice.pdf", "in voice.pdf"),
    "path": ("../../etc/invoice.pdf", "invoice.pdf"),
    "path-windows": ("C:\\Users\\Cleo\\invoice.pdf", "invoice.pdf"),
    "colon": ("Q: who.pdf", "Q: who.pdf"),
    "dots-behind": ("invoice.pdf...", "invoice.pdf"),
    "spaces-around": ("  invoice.pdf \u3000. ", "invoice.pdf"),
    "long": ("a" * 300 + ".pdf", "a" * 251 + ".pdf"),
    "long-letters": ("語" * 300 + ".pdf", "語" * 83 + ".pdf"),
    "long-emoji": ("🍞" * 300 + ".pdf", "🍞" * 62 + ".pdf"),
    "two-extensions": ("invoice.exe.pdf", "invoice.exe.pdf"),
    "japanese": ("日本語.pdf", "日本語.pdf"),
    "arabic": ("فاتورة.pdf", "فاتورة.pdf"),
    "persian": ("می\u200cخواهم.pdf", "می\u200cخواهم.pdf"),
    "hebrew": ("חשבונית.pdf", "חשבונית.pdf"),
    "devanagari": ("क्\u200dष.pdf", "क्\u200dष.pdf"),
    "thai": ("ใบแจ้งหนี้.pdf", "ใบแจ้งหนี้.pdf"),
    "decomposed": ("Cafe\u0301.pdf", "Cafe\u0301.pdf"),
    "family": ("👨\u200d👩\u200d👧.pdf", "👨\u200d👩\u200d👧.pdf"),
    "quotes": ('say "hi" & <b>\'.pdf', 'say "hi" & <b>\'.pdf'),
    "percent": ("100%25 %s {0} ; a=b.pdf", "100%25 %s {0} ; a=b.pdf"),
    "surrogate": ("in\udcffvoice.pdf", "invoice.pdf"),
    "spaces-inside": ("in   voice.pdf", "in   voice.pdf"),
}
_REFUSED = {
    "two-extensions-photo": ("photo.jpg.exe", "type_not_allowed"),
    "dots-behind-exe": ("photo.exe. .", "type_not_allowed"),
    "nul-exe": ("photo.jpg\0.exe", "type_not_allowed"),
    "bidi-exe": ("photo\u202egpj.exe", "type_not_allowed"),
    "stream": ("photo.pdf:evil.exe", "type_not_allowed"),
    "no-extension": ("invoice", "type_not_allowed"),
    "only-extension": (".pdf", "type_not_allowed"),
    "fullwidth": ("invoice.ｐｄｆ", "type_not_allowed"),
    "long-extension": ("a." + "pdf" * 100, "type_not_allowed"),
    "nothing": ("", "name_invalid"),
    "spaces": (" \t ", "name_invalid"),
    "dots": ("..", "name_invalid"),
    "folder": ("invoices.pdf/", "name_invalid"),
    "controls": ("\r\n\0", "name_invalid"),
    "invisible": ("\u200b\u202e\u3164", "name_invalid"),
}
_LETTERS = "Grüße, 10 €\r\nщи борщ"


def rows() -> Iterator[Row]:
    for title, (sent, shown) in _ACCEPTED.items():
        yield Row(f"name-{title}", HONEST["pdf"], ACCEPTED, "pdf", f"a PDF named {sent!r:.60}", sent, shown)
    for title, (sent, verdict) in _REFUSED.items():
        yield Row(f"name-{title}", HONEST["pdf"], verdict, how=f"a PDF named {sent!r:.60}", sent_as=sent)
    texts = {
        "utf-8": TEXT.encode(), "utf-8-mark": codecs.BOM_UTF8 + TEXT.encode(), "utf-16": TEXT.encode("utf-16"),
        "utf-16-be": codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"), "windows-1252": "Grüße, 10 €".encode("cp1252"),
        "windows-1251": "щи борщ".encode("cp1251"), "shift-jis": "日本語の表".encode("shift-jis"),
        "gb18030": "中文表格".encode("gb18030"), "mac": "Grüße\rÄpfel\r".encode("mac-roman"), "form-feed": b"a\fb\n",
        "escape": b"\x1b]0;title\x07", "utf-16-without-mark": TEXT.encode("utf-16-le"),
        "utf-16-be-without-mark": "一覧\r\nщи\r\n".encode("utf-16-be"), "utf-32": TEXT.encode("utf-32"),
        "utf-16-odd": _LETTERS.encode("utf-16") + b"\x1a", "half-an-emoji": codecs.BOM_UTF16_LE + b"a\0\x3d\xd8",
        "iso-2022-jp": "注文 4711\r\n".encode("iso-2022-jp"), "iso-2022-kr": "주문 4711\n".encode("iso-2022-kr"),
        "dos-end": b"order;total\r\n4711;9,90\r\n\x1a", "separators": b"\x02name\x1fprice\x1eroll\x1f1\x1d\x03\x04\n",
        "vertical-tab": b"line\x0bline\n", "overstrike": b"N\x08NA\x08A\n", "printer": b"\x1bE\x1b&l0O\x0fsmall\x0e\f",
        "nul-at-end": b"words, and what C leaves behind\0", "padded": b"x" * 600 + bytes(424), "delete": b"a\x7fb\n",
        "one-byte": b"x", "page": b"<html><script>alert(1)</script></html>", "formula": b"=cmd|'/c calc'!A1;1\n",
    }  # fmt: skip
    for title, data in texts.items():
        ext = "csv" if title in ("windows-1251", "shift-jis", "formula", "utf-16") else "txt"
        yield Row(f"text-{title}.{ext}", partial(bytes, data), ACCEPTED, ext, f"{title}, downloaded as it came")
    for title, data in {
        "nul": b"words\0words", "nothing-but-nul": bytes(64), "mostly-nul": b"MS" + bytes(99),
        "utf-16-nul": codecs.BOM_UTF16_LE + "a\0b".encode("utf-16-le"), "utf-32-broken": codecs.BOM_UTF32_LE + b"\xff" * 8,
        "binary": bytes(range(256)), "begins-as-gif": b"GIF89a words", "late-nul": b"x" * 600_000 + b"\0x",
        "numbers": b"".join(number.to_bytes(4, "little") for number in range(500)),
    }.items():  # fmt: skip
        yield Row(f"text-{title}.txt", partial(bytes, data), "content_mismatch", how=title)
