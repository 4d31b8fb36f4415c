"""Thumbnails: small, upright, without anything that the camera wrote down; made without cost to the server."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import PIL
import pytest
from PIL import Image, ImageCms, ImageDraw

from messaging_app.files import (
    CheckUnavailable,
    FileRefused,
    Thumbnail,
    inspect_file,
    make_thumbnail,
    thumbnail_worker,
    thumbnails,
)
from tests.files.makers import animation, image, picture

pytestmark = pytest.mark.slow

RED, GREEN, BLUE, WHITE = (220, 20, 20), (20, 180, 20), (20, 20, 220), (255, 255, 255)
Keep = Callable[[bytes], Path]


@pytest.fixture
def keep(tmp_path: Path) -> Keep:
    def keep(data: bytes) -> Path:
        (tmp_path / "image").write_bytes(data)
        return tmp_path / "image"

    return keep


def opened(thumbnail: Thumbnail) -> Image.Image:
    made = Image.open(BytesIO(thumbnail.data))
    assert made.format == "WEBP"
    assert made.size == (thumbnail.width, thumbnail.height)
    assert thumbnail.mime == "image/webp"
    return made


def corners(picture: Image.Image) -> list[str]:
    """The colours at top left, top right, bottom left, bottom right."""
    names = {RED: "red", GREEN: "green", BLUE: "blue", WHITE: "white"}
    wide, high = picture.width - 1, picture.height - 1
    found = []
    for place in (
        (wide // 8, high // 8),
        (wide * 7 // 8, high // 8),
        (wide // 8, high * 7 // 8),
        (wide * 7 // 8, high * 7 // 8),
    ):
        colour: Any = picture.convert("RGB").getpixel(place)
        found.append(min(names, key=lambda known: sum(abs(a - b) for a, b in zip(known, colour, strict=True))))
    return [names[colour] for colour in found]


def four_corners(width: int = 800, height: int = 400) -> Image.Image:
    made = Image.new("RGB", (width, height), WHITE)
    draw = ImageDraw.Draw(made)
    for colour, x, y in ((RED, 0, 0), (GREEN, width // 2, 0), (BLUE, 0, height // 2)):
        draw.rectangle((x, y, x + width // 2, y + height // 2), fill=colour)
    return made


@pytest.mark.parametrize(
    ("size", "expected"),
    [((4000, 3000), (480, 360)), ((3000, 4000), (270, 360)), ((1000, 100), (480, 48)), ((100, 50), (100, 50)),
     ((1, 1), (1, 1)), ((9000, 2), (480, 1)), ((2, 9000), (1, 360)), ((480, 360), (480, 360)), ((481, 361), (480, 360))],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_it_fits_its_box_and_is_never_larger_than_the_image(
    keep: Keep, kind: str, size: tuple[int, int], expected: tuple[int, int]
) -> None:
    thumbnail = make_thumbnail(keep(image(kind, Image.new("RGB", size, RED))))
    assert abs(thumbnail.width - expected[0]) <= 1 and abs(thumbnail.height - expected[1]) <= 1
    assert thumbnail.width <= 480 and thumbnail.height <= 360
    opened(thumbnail)


# Which corner of the stored picture is seen where, for each orientation of Exif (tag 274).
SEEN = {
    1: ["red", "green", "blue", "white"],
    2: ["green", "red", "white", "blue"],
    3: ["white", "blue", "green", "red"],
    4: ["blue", "white", "red", "green"],
    5: ["red", "blue", "green", "white"],
    6: ["blue", "red", "white", "green"],
    7: ["white", "green", "blue", "red"],
    8: ["green", "white", "red", "blue"],
    9: ["red", "green", "blue", "white"],  # none that exists
}


@pytest.mark.parametrize(
    ("kind", "orientation"),
    [
        *(("JPEG", orientation) for orientation in SEEN),
        ("PNG", 6),
        ("WEBP", 6),
        *(
            pytest.param(kind, orientation, marks=pytest.mark.long)
            for kind in ("PNG", "WEBP")
            for orientation in SEEN
            if orientation != 6
        ),
    ],
)
def test_it_stands_upright(keep: Keep, kind: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = keep(image(kind, four_corners(), exif=exif))
    found = inspect_file(path, f"photo.{kind.lower()}", path.stat().st_size)
    assert found.thumbnail is not None
    assert corners(opened(found.thumbnail)) == SEEN[orientation]
    turned = 5 <= orientation <= 8
    assert (found.width, found.height) == ((400, 800) if turned else (800, 400))
    assert (found.thumbnail.width, found.thumbnail.height) == ((180, 360) if turned else (480, 240))


def test_broken_metadata_does_not_make_a_broken_image(keep: Keep) -> None:
    data = image("JPEG", four_corners(), exif=b"Exif\0\0II*\0" + b"\xff" * 60)
    assert corners(opened(make_thumbnail(keep(data)))) == SEEN[1]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_nothing_that_the_camera_wrote_is_left(keep: Keep, kind: str) -> None:
    exif = Image.Exif()
    exif[0x010F] = "SecretCamera"
    exif.get_ifd(0x8825)[2] = (52.0, 30.0, 0.0)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    options: dict[str, Any] = {"exif": exif, "icc_profile": profile}
    if kind != "PNG":
        options["xmp"] = b"<x:xmpmeta>SecretPlace</x:xmpmeta>"
    if kind == "JPEG":
        options["comment"] = b"SecretComment"
    data = image(kind, picture(800, 600), **options)
    assert b"SecretCamera" in data
    thumbnail = make_thumbnail(keep(data))
    made = opened(thumbnail)
    assert b"Secret" not in thumbnail.data
    assert not {b"EXIF", b"XMP ", b"ICCP"} & {thumbnail.data[at : at + 4] for at in range(len(thumbnail.data))}
    assert not dict(made.getexif())
    assert not {"exif", "icc_profile", "xmp", "comment"} & set(made.info)


def test_a_wide_gamut_looks_as_it_should(keep: Keep) -> None:
    """The same numbers mean another colour in another profile; without it they must be converted."""
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = lab.replace(b"rXYZ", b"tmpX").replace(b"bXYZ", b"rXYZ").replace(b"tmpX", b"bXYZ")
    red = Image.new("RGB", (600, 300), (255, 0, 0))
    assert corners(opened(make_thumbnail(keep(image("PNG", red, icc_profile=lab)))))[0] == "red"
    assert corners(opened(make_thumbnail(keep(image("PNG", red, icc_profile=swapped)))))[0] == "blue"
    assert corners(opened(make_thumbnail(keep(image("PNG", red, icc_profile=b"no profile at all")))))[0] == "red"


def test_see_through_stays_see_through(keep: Keep) -> None:
    clear = Image.new("RGBA", (600, 300), (0, 0, 0, 0))
    for source in (clear, clear.convert("LA"), clear.convert("PA").convert("RGBA").quantize()):
        made = opened(make_thumbnail(keep(image("PNG", source))))
        assert made.mode == "RGBA"
        assert made.getchannel("A").getextrema() == (0, 0)


def test_sixteen_bits_of_grey_keep_their_shades(keep: Keep) -> None:
    source = Image.frombytes("I;16", (200, 100), (b"\x00\x20" * 100 + b"\x00\xe0" * 100) * 100)
    made = opened(make_thumbnail(keep(image("PNG", source)))).convert("L")
    (dark,), (bright,) = (made.crop((x, 50, x + 1, 51)).tobytes() for x in (20, 180))
    assert abs(dark - 32) < 6 and abs(bright - 224) < 6


@pytest.mark.parametrize("kind", ["GIF", "WEBP"])
def test_an_animation_shows_its_first_frame(keep: Keep, kind: str) -> None:
    frames = [Image.new("RGB", (300, 200), colour) for colour in (RED, GREEN, BLUE)]
    path = keep(image(kind, frames[0], save_all=True, append_images=frames[1:], duration=100, lossless=True))
    made = opened(make_thumbnail(path))
    assert corners(made) == ["red"] * 4
    assert not getattr(made, "is_animated", False)


def test_a_thumbnail_of_any_picture_is_small(keep: Keep) -> None:
    noise = Image.frombytes("RGB", (1500, 1000), os.urandom(1500 * 1000 * 3))
    assert len(make_thumbnail(keep(image("JPEG", noise, quality=95))).data) < 200_000
    assert len(make_thumbnail(keep(animation("WEBP", 30))).data) < 50_000


# --- what it costs and what it survives --------------------------------------------------------------------------

# Linux counts a process's peak from its start as VmHWM; ru_maxrss would also count its parent's.
PEAK = r"""
import re
from pathlib import Path
def peak():
    return int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1])
"""
MEASURE_SERVER = (
    PEAK
    + """
import sys, time
import messaging_app.files as files
path = Path(sys.argv[1])
before, started = peak(), time.monotonic()
files.inspect_file(path, path.name, path.stat().st_size)
print(peak() - before, time.monotonic() - started)
"""
)
MEASURE_WORKER = (
    PEAK
    + """
import runpy, sys
del sys.argv[0]
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
finally:
    print(peak(), file=sys.stderr)
"""
)


def large(kind: str) -> bytes:
    """A photograph's worth of detail in about ten megabytes."""
    noise = Image.frombytes("RGB", (2304, 1728), os.urandom(2304 * 1728 * 3)).resize(
        (4608, 3456), Image.Resampling.BICUBIC
    )
    if kind == "PNG":
        return image("PNG", noise.crop((0, 0, 2400, 1800)), compress_level=1)
    return image(kind, noise, quality=90 if kind == "JPEG" else 88, **({"method": 0} if kind == "WEBP" else {}))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", pytest.param("WEBP", marks=pytest.mark.long)])
def test_ten_megabytes_cost_the_server_next_to_nothing(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"photo.{kind.lower()}"
    path.write_bytes(large(kind))
    assert 8e6 < path.stat().st_size < 14e6
    measured = subprocess.run([sys.executable, "-c", MEASURE_SERVER, path], capture_output=True, text=True, check=True)
    server, seconds = measured.stdout.split()
    packages = str(Path(PIL.__file__).parent.parent)
    command = [sys.executable, "-I", "-S", "-c", MEASURE_WORKER, thumbnail_worker.__file__, packages, str(path)]
    command.append({"JPEG": "jpg"}.get(kind, kind.lower()))
    worker = subprocess.run(command, capture_output=True, check=True).stderr.split()[-1].decode()
    print(f"{kind} of {path.stat().st_size} bytes: {server} kB in the server, {worker} kB in the worker, {seconds} s")
    assert int(server) < 4 * 1024
    assert int(worker) < {"JPEG": 64, "PNG": 64, "WEBP": 400}[kind] * 1024


def test_a_worker_that_takes_too_long_is_ended(keep: Keep, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thumbnails, "_TIMEOUT", 0.001)
    started = time.monotonic()
    with pytest.raises(CheckUnavailable):
        make_thumbnail(keep(image("PNG")))
    assert time.monotonic() - started < 5


def test_who_waits_too_long_behind_others_is_told_so(keep: Keep, monkeypatch: pytest.MonkeyPatch) -> None:
    slots = threading.BoundedSemaphore(1)
    monkeypatch.setattr(thumbnails, "_slots", slots)
    monkeypatch.setattr(thumbnails, "_WAIT", 0.1)
    told: list[BaseException] = []

    def send() -> None:
        try:
            make_thumbnail(path)
        except CheckUnavailable as error:
            told.append(error)

    path = keep(image("PNG"))
    with slots:
        late = threading.Thread(target=send, daemon=True)
        late.start()
        late.join(10)
        assert len(told) == 1
    make_thumbnail(path)  # and the slot that was not had is not given back
    assert slots.acquire(blocking=False) and not slots.acquire(blocking=False)


@pytest.mark.parametrize("limit", ["_MEMORY", "_CPU_SECONDS"])
def test_a_worker_that_takes_too_much_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    """The worker's own source with a small limit: that it bites is what is tested."""
    source = Path(thumbnail_worker.__file__).read_text()
    value = {"_MEMORY": "_MEMORY = 90 * 2**20", "_CPU_SECONDS": "_CPU_SECONDS = 1"}[limit]
    lines = [value if line.startswith(f"{limit} = ") else line for line in source.splitlines()]
    worker = tmp_path / "worker.py"
    worker.write_text("\n".join(lines))
    monkeypatch.setattr(thumbnail_worker, "__file__", str(worker))
    path = tmp_path / "large.png"
    path.write_bytes(image("PNG", Image.new("RGB", (7000, 7000)), compress_level=1))
    if limit == "_CPU_SECONDS":
        worker.write_text(
            worker.read_text().replace(
                "    from PIL import Image\n\n", "    from PIL import Image\n    while True: pass\n", 1
            )
        )
    with pytest.raises(FileRefused) as caught:
        make_thumbnail(path)
    assert caught.value.code == "image_dimensions"


def test_a_worker_that_crashes_refuses_the_image_and_a_broken_one_is_our_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(image("PNG"))
    worker = tmp_path / "worker.py"
    monkeypatch.setattr(thumbnail_worker, "__file__", str(worker))
    worker.write_text("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    with pytest.raises(FileRefused) as caught:
        make_thumbnail(path)
    assert caught.value.code == "image_corrupt"
    worker.write_text("import no_such_library")
    with pytest.raises(RuntimeError, match="no_such_library"):
        make_thumbnail(path)


def test_no_core_is_dumped_and_the_server_keeps_its_limits(keep: Keep) -> None:
    before = [resource.getrlimit(which) for which in (resource.RLIMIT_AS, resource.RLIMIT_CPU)]
    make_thumbnail(keep(image("PNG")))
    assert [resource.getrlimit(which) for which in (resource.RLIMIT_AS, resource.RLIMIT_CPU)] == before
