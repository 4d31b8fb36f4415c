"""Opens one image and writes its thumbnail: a program of its own, started by thumbnails.py for each picture.

Decoders are large C libraries fed by strangers, and some need hundreds of megabytes. Here they can neither crash nor
fill the server: this process has little memory and time, a low priority, and is the first to be killed when the
machine runs out of memory. It imports nothing of the application, so that it starts in a tenth of a second.

Arguments: the folder that Pillow lies in, the image, its kind. Output: a line of JSON, then the thumbnail's bytes.
Exit: 0, or `BROKEN` for a picture that does not open, `TOO_MUCH` for one that asks for more than there is.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image

BROKEN, TOO_MUCH = 3, 4
BOX = (480, 360)
_MEMORY = 768 * 2**20
_CPU_SECONDS = 10
_FORMATS = {"jpg": ["JPEG"], "png": ["PNG"], "gif": ["GIF"], "webp": ["WEBP"]}
_ORIENTATION = 0x0112


def limit_resources() -> None:
    """Where the system knows such limits: Linux all of them, macOS some, Windows none."""
    with contextlib.suppress(ImportError, OSError, ValueError, AttributeError):
        os.nice(5)
        import resource

        resource.setrlimit(resource.RLIMIT_CPU, (_CPU_SECONDS, _CPU_SECONDS + 1))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")


def make(path: str, kind: str) -> tuple[dict[str, int], bytes]:
    """Sizes of the image as it is seen and of its thumbnail, and the thumbnail as a WebP file without metadata."""
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = None  # images.py has looked at the size before
    if kind == "png":
        with Image.open(path, formats=_FORMATS[kind]) as image:
            image.verify()  # the checksums, which decoding passes over
    with Image.open(path, formats=_FORMATS[kind]) as image:
        turned = _orientation(image)
        box = BOX[::-1] if turned >= 5 else BOX
        width, height = image.size[::-1] if turned >= 5 else image.size
        image.draft(None, (box[0] * 2, box[1] * 2))
        small = _shrink(image, box)
    small = _to_srgb(small)
    if turn := _TURNS.get(turned):
        small = small.transpose(Image.Transpose[turn])
    out = BytesIO()
    small.save(out, "WEBP", quality=80, method=4)
    sizes = {"width": width, "height": height, "thumbnail_width": small.width, "thumbnail_height": small.height}
    return sizes, out.getvalue()


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
    """Broken metadata does not make a broken picture."""
    value = None
    with contextlib.suppress(Exception):
        value = image.getexif().get(_ORIENTATION)
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _shrink(image: Image, box: tuple[int, int]) -> Image:
    """`image` in a mode that can be scaled well, within `box`, its own size at most."""
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
    """Colours of a picture with a profile of its own (wide-gamut phones, print) as a plain screen shows them."""
    mode = "RGBA" if "A" in image.mode or "a" in image.mode else "RGB"
    profile = image.info.get("icc_profile")
    if profile and image.mode in ("RGB", "CMYK"):
        from PIL import ImageCms

        with contextlib.suppress(Exception):  # a broken profile does not make a broken picture
            source, target = ImageCms.ImageCmsProfile(BytesIO(profile)), ImageCms.createProfile("sRGB")
            converted = ImageCms.profileToProfile(image, source, target, outputMode="RGB")
            if converted is not None:
                return converted
    return image.convert(mode)


def main(packages: str, path: str, kind: str) -> int:
    sys.path.insert(0, packages)
    limit_resources()
    import PIL.Image  # a missing library is no fault of the picture, so it is noticed here  # noqa: F401

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
