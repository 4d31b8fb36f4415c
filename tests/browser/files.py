"""Small files to attach."""

from __future__ import annotations

import io

from PIL import Image
from playwright.sync_api import FilePayload


def picture(name: str, width: int, height: int) -> FilePayload:
    out = io.BytesIO()
    Image.linear_gradient("L").resize((width, height)).convert("RGB").save(out, "PNG")
    return {"name": name, "mimeType": "image/png", "buffer": out.getvalue()}


PICTURE: FilePayload = picture("picture.png", 320, 200)
TABLE: FilePayload = {"name": "prices.csv", "mimeType": "text/csv", "buffer": b"bread,price\nrye,4.20\n"}
EMPTY: FilePayload = {"name": "empty.txt", "mimeType": "text/plain", "buffer": b""}
PROGRAM: FilePayload = {"name": "program.exe", "mimeType": "application/octet-stream", "buffer": b"MZ\x00\x00"}
FALSE_PICTURE: FilePayload = {"name": "false.png", "mimeType": "image/png", "buffer": b"not a picture at all"}
