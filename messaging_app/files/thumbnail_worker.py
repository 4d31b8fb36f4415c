"""Decodes one image and writes its thumbnail: a separate program that thumbnails.py starts for each image.

Decoders are large C libraries that process untrusted data, and some need hundreds of megabytes. Here they can neither
crash nor fill the server: this process has little memory and time, a low priority, and is killed first when the machine
runs out of memory. It imports nothing from the application, so it starts in a tenth of a second.

Arguments: Pillow's folder, the image, its kind. Output: a line of JSON, then the thumbnail's bytes. Exit status: 0,
`BROKEN` if the image cannot be decoded, `TOO_MUCH` if that needs too many resources.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING
from zlib import crc32, decompressobj
from zlib import error as zlib_error

if TYPE_CHECKING:
    from collections.abc import Callable

    from PIL.Image import Image

BROKEN, TOO_MUCH = 3, 4
BOX = (480, 360)
_MEMORY = 768 * 2**20
_CPU_SECONDS = 10
_FORMATS = {"jpg": ["JPEG"], "png": ["PNG"], "gif": ["GIF"], "webp": ["WEBP"]}
_ORIENTATION = 0x0112
_MAX_PROFILE = 16 * 2**20
_PIXELS, _LOOKS = (b"IHDR", b"PLTE", b"IDAT"), (b"tRNS", b"iCCP", b"eXIf")  # chunks of a PNG


def limit_resources() -> None:
    """Set the limits that the system supports: all on Linux, some on macOS, none on Windows."""
    with contextlib.suppress(ImportError, OSError, ValueError, AttributeError):
        os.nice(5)
        import resource

        resource.setrlimit(resource.RLIMIT_CPU, (_CPU_SECONDS, _CPU_SECONDS + 1))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")


def make(path: str, kind: str) -> tuple[dict[str, int], bytes]:
    """Return the displayed sizes of the image and its thumbnail, and the thumbnail as WebP without metadata.

    Accepts whatever browsers show, even if the decoder is stricter: tries the whole image, then only its pixel data,
    then the existing part of a truncated one if that is at least the upper half.
    """
    from PIL import Image, ImageFile, PngImagePlugin

    Image.MAX_IMAGE_PIXELS = None  # images.py has already checked the size
    attempts: list[tuple[Callable[[str], str | BytesIO], bool]] = [(str, False)]
    if kind == "png":
        attempts += [(_plain_png, False), (_plain_png, True)]
    elif kind == "jpg":
        attempts += [(_ended_jpeg, True)]
    elif kind == "gif":
        attempts += [(str, True)]  # browsers show nothing of a truncated WebP either
    for number, (prepared, partly) in enumerate(attempts, start=1):
        ImageFile.LOAD_TRUNCATED_IMAGES = partly
        try:
            return _make(prepared(path), kind, partly=partly)
        except MemoryError:
            raise
        except Exception:  # decoders raise whatever they like
            if number == len(attempts):
                raise
            PngImagePlugin.MAX_TEXT_CHUNK = _MAX_PROFILE
    raise AssertionError


def _make(source: str | BytesIO, kind: str, *, partly: bool) -> tuple[dict[str, int], bytes]:
    from PIL import Image

    with Image.open(source, formats=_FORMATS[kind]) as image:
        if kind != "jpg":
            image.load()  # a PNG's Exif is looked for behind its pixels, where an error would be lost
        turned = _orientation(image)
        box = BOX[::-1] if turned >= 5 else BOX
        width, height = image.size[::-1] if turned >= 5 else image.size
        image.draft(None, (box[0] * 2, box[1] * 2))
        if partly:
            _refuse_less_than_half(image)
        small = _shrink(image, box)
    small = _to_srgb(small)
    if turn := _TURNS.get(turned):
        small = small.transpose(Image.Transpose[turn])
    out = BytesIO()
    small.save(out, "WEBP", quality=80, method=4)
    sizes = {"width": width, "height": height, "thumbnail_width": small.width, "thumbnail_height": small.height}
    return sizes, out.getvalue()


def _ended_jpeg(path: str) -> BytesIO:
    """Add an end marker, without which a progressive image is not decoded at all."""
    return BytesIO(Path(path).read_bytes() + b"\xff\xd9")


def _plain_png(path: str) -> BytesIO:
    """Keep only the chunks for pixels, colours and orientation, and add an end."""
    data = memoryview(Path(path).read_bytes())
    plain, at = BytesIO(), 8
    plain.write(data[:at])
    while at + 8 < len(data):
        length, name = int.from_bytes(data[at : at + 4]), bytes(data[at + 4 : at + 8])
        body, checksum = data[at + 8 : at + 8 + length], data[at + 8 + length : at + 12 + length]
        at += 12 + length
        sound = int.from_bytes(checksum) == crc32(body, crc32(name)) and (name != b"iCCP" or _is_profile(bytes(body)))
        if name in _PIXELS or (name in _LOOKS and sound):
            plain.write(len(body).to_bytes(4) + name + bytes(body) + bytes(checksum).rjust(4, b"\0"))
    plain.write(b"\0\0\0\0IEND\xaeB`\x82")
    plain.seek(0)
    return plain


def _is_profile(body: bytes) -> bool:
    """Whether a colour profile unpacks to a plausible size."""
    _, _, packed = body.partition(b"\0")
    unpacking = decompressobj()
    with contextlib.suppress(zlib_error):
        unpacking.decompress(packed[1:], _MAX_PROFILE)
    return packed[:1] == b"\0" and unpacking.eof


def _refuse_less_than_half(image: Image) -> None:
    """Missing data decodes as grey in a JPEG, as a single colour elsewhere."""
    image.load()
    extrema = image.crop((0, image.height // 2, image.width, image.height)).getextrema()
    bands = extrema if isinstance(extrema[0], tuple) else (extrema,)
    jpeg = image.format in ("JPEG", "MPO")
    if all((low >= 127 and high <= 128) if jpeg else low == high for low, high in bands):
        raise ValueError("less than half of it is there")


# How to undo each Exif orientation (Exif 2.32, tag 274).
_TURNS = {
    2: "FLIP_LEFT_RIGHT",
    3: "ROTATE_180",
    4: "FLIP_TOP_BOTTOM",
    5: "TRANSPOSE",
    6: "ROTATE_270",
    7: "TRANSVERSE",
    8: "ROTATE_90",
}


def _orientation(image: Image) -> int:
    """Return the orientation. Broken metadata does not make an image broken."""
    value = None
    with contextlib.suppress(Exception):
        value = image.getexif().get(_ORIENTATION)
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _shrink(image: Image, box: tuple[int, int]) -> Image:
    """Return `image` in a mode that scales well, fitted into `box`, never enlarged."""
    image.load()
    if image.mode == "P" or "transparency" in image.info:
        image = image.convert("RGBA")
    elif image.mode.startswith("I"):
        image = image.convert("I").point(lambda value: value / 256).convert("L")  # 16 bits of grey
    elif image.mode == "1":
        image = image.convert("L")
    image.thumbnail(box, reducing_gap=2.0)
    return image


def _to_srgb(image: Image) -> Image:
    """Convert an image with its own colour profile (wide-gamut phones, print) to sRGB."""
    mode = "RGBA" if "A" in image.mode or "a" in image.mode else "RGB"
    profile = image.info.get("icc_profile")
    if profile and image.mode in ("RGB", "CMYK"):
        from PIL import ImageCms

        with contextlib.suppress(Exception):  # a broken profile does not make an image broken
            source, target = ImageCms.ImageCmsProfile(BytesIO(profile)), ImageCms.createProfile("sRGB")
            converted = ImageCms.profileToProfile(image, source, target, outputMode="RGB")
            if converted is not None:
                return converted
    return image.convert(mode)


def main(packages: str, path: str, kind: str) -> int:
    sys.path.insert(0, packages)
    limit_resources()
    import PIL.Image  # fail here: a missing library is not the image's fault  # noqa: F401

    try:
        sizes, thumbnail = make(path, kind)
    except MemoryError:
        return TOO_MUCH
    except Exception as error:  # decoders raise whatever they like
        print(type(error).__name__, error, file=sys.stderr)
        return BROKEN
    sys.stdout.buffer.write(json.dumps(sizes).encode() + b"\n" + thumbnail)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
