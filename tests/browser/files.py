"""Small files to attach."""

from __future__ import annotations

import io

from PIL import Image
from playwright.sync_api import FilePayload


def _picture() -> bytes:
    out = io.BytesIO()
    Image.linear_gradient("L").resize((320, 200)).convert("RGB").save(out, "PNG")
    return out.getvalue()


PICTURE: FilePayload = {"name": "picture.png", "mimeType": "image/png", "buffer": _picture()}
TABLE: FilePayload = {"name": "prices.csv", "mimeType": "text/csv", "buffer": b"bread,price\nrye,4.20\n"}
EMPTY: FilePayload = {"name": "empty.txt", "mimeType": "text/plain", "buffer": b""}
PROGRAM: FilePayload = {"name": "program.exe", "mimeType": "application/octet-stream", "buffer": b"MZ\x00\x00"}
FALSE_PICTURE: FilePayload = {"name": "false.png", "mimeType": "image/png", "buffer": b"not a picture at all"}
