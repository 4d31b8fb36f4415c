"""Forms with files, written byte by byte: test clients would tidy up what hostile senders do not."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import quote

BOUNDARY = "limit-of-parts-7f3a"
HEADERS = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}


@dataclass
class Form:
    """The body of a form, part after part."""

    parts: list[bytes] = field(default_factory=list)

    def text(self, **fields: str) -> Form:
        """Fields with text."""
        for name, value in fields.items():
            self.raw(f'form-data; name="{name}"'.encode(), value.encode())
        return self

    def file(self, data: bytes, name: str) -> Form:
        """A file of any name whatever, which RFC 5987 can carry, if it is not empty."""
        if not name:
            return self.raw(b'form-data; name="attachments"; filename=""', data)
        encoded = quote(name.encode("utf-8", "surrogatepass"), safe="")
        return self.raw(f"form-data; name=\"attachments\"; filename*=UTF-8''{encoded}".encode(), data)

    def raw(self, disposition: bytes, data: bytes) -> Form:
        """A part with this very header."""
        head = b"--%s\r\nContent-Disposition: %s\r\n" % (BOUNDARY.encode(), disposition)
        lie = b"" if b"filename" not in disposition else b"Content-Type: text/html\r\n"
        self.parts.append(head + lie + b"\r\n" + data + b"\r\n")
        return self

    @property
    def body(self) -> bytes:
        return b"".join([*self.parts, f"--{BOUNDARY}--\r\n".encode()])
