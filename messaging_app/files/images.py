"""Images: the header is checked here, so oversized images are never decoded; a separate process does the decoding.

Layouts from ISO/IEC 10918-1 (JPEG), the PNG specification, GIF89a and RFC 9649 (WebP).
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from struct import error, unpack
from typing import BinaryIO, NamedTuple

from messaging_app.files.kinds import Kind
from messaging_app.files.refusals import FileRefused
from messaging_app.files.thumbnails import open_image

_MAX_SEGMENTS = 10_000

_MAGIC = {
    "jpg": re.compile(rb"\xff\xd8\xff"),
    "png": re.compile(rb"\x89PNG\r\n\x1a\n"),
    "gif": re.compile(rb"GIF8[79]a"),
    "webp": re.compile(rb"RIFF.{4}WEBP", re.DOTALL),
}


class Header(NamedTuple):
    width: int
    height: int
    max_megapixels: int


# Decoding may use up to half a gigabyte: at most 8 bytes per pixel, for WebP 18. A plain JPEG is decoded at an eighth
# of its size and needs almost nothing; its limit is time.
_MAX_MEGAPIXELS = {"png": 64, "gif": 64, "webp": 28}
_MAX_PLAIN_JPEG, _MAX_PROGRESSIVE_JPEG = 120, 64


def check_image(file: BinaryIO, path: Path, size: int, kind: Kind) -> Kind:
    """Return `kind` with the image's displayed size in pixels and its thumbnail.

    Raises `FileRefused`: `content_mismatch` if the bytes are of another kind, `image_corrupt` if less than half of the
    image can be decoded, `image_dimensions` if it has too many pixels.
    """
    file.seek(0)
    start = file.read(32)
    if not _MAGIC[kind.ext].match(start):
        raise FileRefused("content_mismatch", detail=f"does not begin as {kind.ext}")
    try:
        header = _HEADERS[kind.ext](file, size)
    except (error, ValueError):
        raise FileRefused("image_corrupt", detail="a broken header") from None
    if header.width * header.height > header.max_megapixels * 1_000_000:
        raise FileRefused("image_dimensions", detail=f"{header.width} x {header.height}")
    opened = open_image(path, kind.ext)
    return replace(kind, width=opened.width, height=opened.height, thumbnail=opened.thumbnail)


def _jpeg(file: BinaryIO, _size: int) -> Header:
    file.seek(2)
    for _ in range(_MAX_SEGMENTS):
        while (marker := file.read(2)) == b"\xff\xff":
            file.seek(-1, 1)
        start, code = marker
        if start != 0xFF or code in (0x00, 0x01):  # cameras leave gaps between segments, which decoders skip
            file.seek(-1, 1)
            continue
        (length,) = unpack(">H", file.read(2))
        if 0xC0 <= code <= 0xCF and code not in (0xC4, 0xC8, 0xCC):
            height, width = unpack(">xHH", file.read(5))
            return Header(width, height, _MAX_PLAIN_JPEG if code < 0xC2 else _MAX_PROGRESSIVE_JPEG)
        file.seek(max(length, 2) - 2, 1)
    raise FileRefused("image_corrupt", detail="no frame header")


def _png(file: BinaryIO, _size: int) -> Header:
    file.seek(8)
    length, chunk, width, height = unpack(">I4sII", file.read(16))
    if length != 13 or chunk != b"IHDR":
        raise FileRefused("image_corrupt", detail="no image header")
    return Header(width, height, _MAX_MEGAPIXELS["png"])


def _webp(file: BinaryIO, _size: int) -> Header:
    file.seek(4)
    chunk, start = unpack("<8x4s4x10s", file.read(26))
    if chunk == b"VP8X":
        width, height = (1 + int.from_bytes(start[at : at + 3], "little") for at in (4, 7))
    elif chunk == b"VP8L" and start[0] == 0x2F:
        bits = int.from_bytes(start[1:5], "little")
        width, height = 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    elif chunk == b"VP8 " and start[3:6] == b"\x9d\x01\x2a":
        width, height = (int.from_bytes(start[at : at + 2], "little") & 0x3FFF for at in (6, 8))
    else:
        raise FileRefused("image_corrupt", detail="no bitstream")
    return Header(width, height, _MAX_MEGAPIXELS["webp"])


def _gif(file: BinaryIO, size: int) -> Header:
    """Only the first frame is decoded, so the blocks of all are counted here. Behind the first frame a file may break
    off or hold anything, as browsers have it; whether that frame is whole the decoder sees."""
    file.seek(6)
    width, height, flags = unpack("<HHBxx", file.read(7))
    file.seek(_colours(flags), 1)
    blocks_left, frames = 100_000 + size // 64, 0
    while (introducer := file.read(1)) in (b",", b"!"):
        head = file.read(9 if introducer == b"," else 1)
        if introducer == b"," and len(head) == 9:
            file.seek(_colours(head[8]) + 1, 1)
            frames += 1
        while (length := int.from_bytes(file.read(1))) and blocks_left:
            blocks_left -= 1
            file.seek(length, 1)
    if not frames:
        raise FileRefused("image_corrupt", detail="no frame")
    if not blocks_left:
        raise FileRefused("image_corrupt", detail="more blocks than a picture has")
    return Header(width, height, _MAX_MEGAPIXELS["gif"])


def _colours(flags: int) -> int:
    """Return the length of a colour table in bytes."""
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


_HEADERS = {"jpg": _jpeg, "png": _png, "gif": _gif, "webp": _webp}
