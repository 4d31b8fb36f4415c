"""Plain text and CSV: they have no magic number, so a file is text if nothing in it is binary."""

from __future__ import annotations

import codecs
from typing import BinaryIO

from messaging_app.files.refusals import FileRefused

_OTHER_KINDS = (b"%PDF-", b"\x89PNG", b"\xff\xd8\xff", b"GIF87a", b"GIF89a", b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
# UTF-32 comes first: its byte order mark starts like that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_PIECE = 256 * 1024
_SAMPLE = 4096


def check_text(file: BinaryIO) -> None:
    """Raise `FileRefused` (`content_mismatch`) for a file that starts like another kind or contains NUL.

    Accepts any encoding without NUL (UTF-8, code pages, Shift-JIS, ISO-2022-JP, …), UTF-16 and UTF-32, other control
    characters, which old programs, printers and scanners write, and NUL padding at the end. The bytes are stored
    unchanged. How a browser would interpret them does not matter: they are only downloaded.
    """
    file.seek(0)
    start = file.read(16)
    if start.startswith(_OTHER_KINDS) or (start[:4] == b"RIFF" and start[8:12] == b"WEBP"):
        raise FileRefused("content_mismatch", detail="begins as another kind of file")
    marked = next((encoding for mark, encoding in _MARKS if start.startswith(mark)), None)
    if marked:
        is_text = _is_text(file, marked)
    else:
        is_text = _is_text(file, "latin-1") or any(_is_unmarked(file, one) for one in ("utf-16-le", "utf-16-be"))
    if not is_text:
        raise FileRefused("content_mismatch", reason="binary", detail="NUL in a text, or broken UTF-32")


def _is_text(file: BinaryIO, encoding: str) -> bool:
    """Whether NUL occurs only as padding at the end, no longer than the text itself.

    A partial character at the end is fine: programs cut texts at a byte count.
    """
    file.seek(0)
    decoder = codecs.getincrementaldecoder(encoding)("surrogatepass")
    length = padding = 0
    try:
        while piece := file.read(_PIECE):
            text = decoder.decode(piece)
            words = text.rstrip("\0")
            if "\0" in words or (words and padding):
                return False
            length += len(words)
            padding += len(text) - len(words)
    except UnicodeDecodeError:
        return False
    return padding <= length


def _is_unmarked(file: BinaryIO, encoding: str) -> bool:
    """Whether the file is valid UTF-16 without NUL that looks like text. Export programs omit the byte order mark."""
    file.seek(0)
    decoder = codecs.getincrementaldecoder(encoding)()
    first = True
    try:
        while piece := file.read(_PIECE):
            text = decoder.decode(piece)
            if "\0" in text or (first and not _prints(text[:_SAMPLE])):
                return False
            first = False
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return not first


def _prints(text: str) -> bool:
    """Whether nearly all characters are printable and include spaces, digits or line ends, as in every script."""
    words = "".join(text.split())
    odd = sum(not char.isprintable() for char in words)
    return bool(words) and odd < len(words) / 20 and any(char.isascii() for char in text)
