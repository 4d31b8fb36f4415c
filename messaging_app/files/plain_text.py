"""Plain text and CSV: no magic number tells them, so they are what is left when nothing in them is binary."""

from __future__ import annotations

import codecs
import re
from typing import BinaryIO

from messaging_app.files.refusals import FileRefused

_CONTROLS = re.compile(r"[\0-\x08\x0b\x0e-\x1f]")  # all but tab, line feed, form feed, carriage return
_BINARY_CONTROLS = re.compile(rb"[\0-\x08\x0b\x0e-\x1f]")
_OTHER_KINDS = (b"%PDF-", b"\x89PNG", b"\xff\xd8\xff", b"GIF87a", b"GIF89a", b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
_PIECE = 256 * 1024


def check_text(file: BinaryIO) -> None:
    """Raises `FileRefused` (`content_mismatch`) for control characters or broken UTF-16.

    UTF-8, UTF-16 with its mark and any 8-bit encoding (Windows code pages, Shift-JIS, …) pass; the bytes are kept as
    they came. What text may look like to a browser, HTML for instance, does not matter: it is only ever downloaded.
    """
    file.seek(0)
    start = file.read(16)
    if start.startswith(_OTHER_KINDS) or (start[:4] == b"RIFF" and start[8:12] == b"WEBP"):
        raise FileRefused("content_mismatch", detail="begins as another kind of file")
    file.seek(0)
    wide = start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    decoder = codecs.getincrementaldecoder("utf-16")()
    try:
        while piece := file.read(_PIECE):
            if _CONTROLS.search(decoder.decode(piece)) if wide else _BINARY_CONTROLS.search(piece):
                raise FileRefused("content_mismatch", detail="control characters in a text")
        if wide:
            decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        raise FileRefused("content_mismatch", detail="broken UTF-16") from None
