"""PDF: checked at its beginning and end only. The content is never parsed here."""

from __future__ import annotations

from typing import BinaryIO

from messaging_app.files.refusals import FileRefused

_TAIL = 2048


def check_pdf(file: BinaryIO, size: int) -> None:
    """Raise `FileRefused` (`content_mismatch`) unless the file begins with `%PDF-` and ends with `%%EOF`.

    ISO 32000-2, 7.5.2 and 7.5.5. Readers tolerate more before and after. Ordinary programs leave only white space
    there; anything else makes a file that is a PDF to one reader and a script or archive to another.
    """
    file.seek(0)
    if not file.read(1024).removeprefix(b"\xef\xbb\xbf").lstrip(b"\0\t\n\f\r ").startswith(b"%PDF-"):
        raise FileRefused("content_mismatch", detail="does not begin as a PDF")
    file.seek(max(0, size - _TAIL))
    if b"%%EOF" not in file.read(_TAIL):
        raise FileRefused("content_mismatch", reason="cut", detail="does not end as a PDF")
