"""Images that are broken, lie, or ask for too much; and honest ones that look odd."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from functools import partial
from struct import pack

from PIL import Image

from tests.files.makers import HONEST, animation, archive, image, picture
from tests.files.rows import ACCEPTED, Row


def png(width: int, height: int, body: bytes = b"", *, colour: int = 2) -> bytes:
    """A PNG that says any size; `body` is its compressed data."""
    out = b"\x89PNG\r\n\x1a\n"
    for name, data in ((b"IHDR", pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)), (b"IDAT", body), (b"IEND", b"")):
        out += pack(">I", len(data)) + name + data + pack(">I", zlib.crc32(name + data))
    return out


def _jpeg_that_says(width: int, height: int, *, progressive: bool = False) -> bytes:
    data = image("JPEG", progressive=progressive)
    at = data.index(b"\xff\xc2" if progressive else b"\xff\xc0") + 5
    return data[:at] + pack(">HH", height, width) + data[at + 4 :]


def _webp_that_says(width: int, height: int) -> bytes:
    data = animation("WEBP")
    at = data.index(b"VP8X") + 12
    return data[:at] + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little") + data[at + 6 :]


def _gif_that_says(width: int, height: int) -> bytes:
    data = image("GIF")
    return data[:6] + pack("<HH", width, height) + data[10:]


def _cut(kind: str, share: float) -> Callable[[], bytes]:
    def make() -> bytes:
        data = image({"jpg": "JPEG"}.get(kind, kind.upper()), picture(600, 400))
        return data[: int(len(data) * share)]

    return make


def _damaged_png() -> bytes:
    data = bytearray(image("PNG", picture(600, 400)))
    at = data.index(b"IDAT") + 200
    data[at : at + 50] = bytes(50)
    return bytes(data)


def _chunk(name: bytes, data: bytes, *, sound: bool = True) -> bytes:
    checksum = zlib.crc32(name + data) if sound else 0
    return pack(">I", len(data)) + name + data + pack(">I", checksum)


def _png_with(*chunks: bytes) -> bytes:
    """A PNG with `chunks` behind its header."""
    data = HONEST["png"]()
    return data[:33] + b"".join(chunks) + data[33:]


def _unpacks_to(name: bytes, size: int) -> bytes:
    return _chunk(name, b"a\0\0" + zlib.compress(bytes(size)))


def _gap_between_segments() -> bytes:
    data = HONEST["jpg"]()
    return data[:20] + bytes(5) + data[20:]


def _wrong_checksum() -> bytes:
    data = bytearray(HONEST["png"]())
    data[-13] ^= 0xFF  # of the last data chunk; the end chunk has 12 bytes
    return bytes(data)


def _many_blocks() -> bytes:
    data = HONEST["gif"]()
    return data[:-1] + b"!\xfe" + b"\x01x" * 200_000 + b"\0;"


def _exif(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif.get_ifd(0x8825)[2] = (52.0, 30.0, 0.0)
    return exif


def rows() -> Iterator[Row]:
    for kind in ("jpg", "png", "gif", "webp"):
        shown = ("image_corrupt", "") if kind == "webp" else (ACCEPTED, kind)
        little = 0.02 if kind == "gif" else 0.3  # its rows come in four rounds, the first of them soon
        yield Row(f"cut-soon.{kind}", _cut(kind, little), "image_corrupt", how="breaks off")
        yield Row(f"cut-late.{kind}", _cut(kind, 0.9), *shown, how="breaks off, and browsers show most of it")
        yield Row(
            f"header-only.{kind}", partial(lambda kind: HONEST[kind]()[:16], kind), "image_corrupt", how="a start"
        )
    yield Row("cut-animation.gif", lambda: animation("GIF")[:-200], ACCEPTED, "gif", how="breaks off in a later frame")
    yield Row(
        "cut-animation.webp", lambda: animation("WEBP")[:-200], "image_corrupt", how="breaks off in a later frame"
    )
    yield Row("many-blocks.gif", _many_blocks, "image_corrupt", how="200,000 blocks of one byte")
    yield Row("damaged.png", _damaged_png, "image_corrupt", how="its data is damaged soon after the start")
    yield Row("no-pixels.png", lambda: png(0, 0), "image_corrupt", how="0 x 0")
    yield Row("no-data.png", lambda: png(100, 100), "image_corrupt", how="a header and no data")
    yield Row("magic-only.gif", lambda: b"GIF89a", "image_corrupt", how="six bytes")
    yield Row("script.gif", lambda: b"GIF89a/*" + bytes(20) + b"*/=1;alert(document.domain)", "image_corrupt",
              how="a script that begins as GIF")  # fmt: skip
    yield Row(
        "page.png",
        lambda: b"<html><script>alert(1)</script></html>",
        "content_mismatch",
        how="a page",
        reason="web_page",
    )
    for ext in ("jpg", "png"):
        yield Row(f"heic-renamed.{ext}", lambda: b"\0\0\0\x18ftypheic" + bytes(99), "content_mismatch", how="a HEIC photo",
                  reason="heic")  # fmt: skip
    yield Row("jpeg.heic", HONEST["jpg"], "type_not_allowed", how="converted and not renamed", reason="renamed")
    yield from _strictly_broken()

    yield Row("bomb.png", lambda: png(50_000, 50_000, zlib.compress(bytes(10**6))), "image_dimensions", how="2500 MP")
    yield Row("bomb-real.png", lambda: png(9000, 9000, zlib.compress(bytes(9000 * 27001))), "image_dimensions",
              how="81 MP that are really there, in 240 kB")  # fmt: skip
    yield Row("bomb.jpg", lambda: _jpeg_that_says(65_500, 65_500), "image_dimensions", how="4290 MP")
    yield Row("bomb-progressive.jpg", lambda: _jpeg_that_says(12_000, 9_000, progressive=True), "image_dimensions",
              how="108 MP, progressive: all of it would be kept in memory")  # fmt: skip
    yield Row("bomb.gif", lambda: _gif_that_says(65_535, 65_535), "image_dimensions", how="4295 MP")
    yield Row("bomb.webp", lambda: _webp_that_says(16_000_000, 200), "image_dimensions", how="3200 MP")

    yield Row("animated.gif", partial(animation, "GIF"), ACCEPTED, "gif", "an animation")
    yield Row("animated.webp", partial(animation, "WEBP"), ACCEPTED, "webp", "an animation")
    yield Row("animated.png", partial(animation, "PNG"), ACCEPTED, "png", "an animation")
    yield Row(
        "several-pictures.jpg", partial(animation, "MPO"), ACCEPTED, "jpg", "several pictures in one, as phones do"
    )
    yield Row("progressive.jpg", lambda: image("JPEG", progressive=True), ACCEPTED, "jpg", "progressive")
    yield Row("print.jpg", lambda: image("JPEG", picture(mode="CMYK")), ACCEPTED, "jpg", "colours of a printer")
    yield Row("place-and-turn.jpg", lambda: image("JPEG", exif=_exif(6)), ACCEPTED, "jpg", "turned, with its place")
    yield Row("page-in-comment.jpg", lambda: image("JPEG", comment=b"<script>alert(1)</script>"), ACCEPTED, "jpg",
              "a page in its comment is still a JPEG")  # fmt: skip
    for mode in ("1", "L", "LA", "P", "RGBA", "I;16"):
        yield Row(f"mode-{mode.replace(';', '-')}.png", partial(lambda mode: image("PNG", _in_mode(mode)), mode),
                  ACCEPTED, "png", f"pixels of mode {mode}")  # fmt: skip
    yield Row("lossless.webp", lambda: image("WEBP", picture(mode="RGBA"), lossless=True), ACCEPTED, "webp", "lossless")
    yield Row("one-pixel.gif", lambda: image("GIF", picture(1, 1)), ACCEPTED, "gif", "1 x 1")
    yield Row("strip.png", lambda: image("PNG", picture(3000, 1)), ACCEPTED, "png", "3000 x 1")
    yield Row("film-behind.jpg", lambda: image("JPEG") + b"\0\0\0\x18ftypmp42" + bytes(500), ACCEPTED, "jpg",
              "a film after the picture, as phones do")  # fmt: skip
    for kind in ("jpg", "png", "gif", "webp", "pdf", "doc"):
        yield Row(f"archive-behind.{kind}", partial(lambda kind: HONEST[kind]() + archive(("run.exe", b"MZ")), kind),
                  "content_mismatch", how="an archive after it: two kinds in one", reason="hidden_archive")  # fmt: skip


def _strictly_broken() -> Iterator[Row]:
    """Pictures that browsers show whole, however strict a decoder may be about what makes no pixels."""
    yes = partial(Row, verdict=ACCEPTED)
    yield yes("checksum.png", _wrong_checksum, ext="png", how="only its checksum is wrong")
    for title, chunk in {
        "profile-3MB": _unpacks_to(b"iCCP", 3 * 2**20), "profile-bomb": _unpacks_to(b"iCCP", 60 * 2**20),
        "profile-method": _chunk(b"iCCP", b"a\0\5xx"), "text-3MB": _unpacks_to(b"zTXt", 3 * 2**20),
        "texts-80MB": _unpacks_to(b"zTXt", 2**20) * 80, "text-checksum": _chunk(b"tEXt", b"a\0b", sound=False),
        "short-resolution": _chunk(b"pHYs", b"a"), "short-gamma": _chunk(b"gAMA", b""), "short-animation": _chunk(b"acTL", b"\0"),
        "frame-control": _chunk(b"fcTL", bytes(26)), "exif": _chunk(b"eXIf", b"\xff" * 9), "unknown": _chunk(b"abCd", b"x"),
    }.items():  # fmt: skip
        yield yes(f"chunk-{title}.png", partial(_png_with, chunk), ext="png", how=f"a chunk of another sort: {title}")
    yield yes("text-behind.png", lambda: HONEST["png"]()[:-12] + _chunk(b"tEXt", b"a\0b", sound=False), ext="png",
              how="a broken text and no end")  # fmt: skip
    for kind, length in (("jpg", 2), ("png", 12), ("gif", 1)):
        without = partial(lambda kind, length: HONEST[kind]()[:-length], kind, length)
        yield yes(f"no-end.{kind}", without, ext=kind, how="without its end marker")
    yield yes("no-end-progressive.jpg", lambda: image("JPEG", progressive=True)[:-2], ext="jpg", how="without its end")
    yield yes("gap.jpg", _gap_between_segments, ext="jpg", how="zeros between its segments")
    yield yes("zeros-behind.gif", lambda: HONEST["gif"]()[:-1] + bytes(3) + b";", ext="gif", how="zeros before its end")
    yield yes("junk-behind.gif", lambda: HONEST["gif"]()[:-1] + b"\x99\x99", ext="gif", how="junk instead of its end")


def _in_mode(mode: str) -> Image.Image:
    if mode == "I;16":
        return Image.frombytes("I;16", (64, 48), pack("<H", 40_000) * 64 * 48)
    return picture(mode=mode)
