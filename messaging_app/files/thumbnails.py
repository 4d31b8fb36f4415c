"""Decodes images and makes their thumbnails in a separate process (thumbnail_worker.py says why)."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import NamedTuple

import PIL

from messaging_app.files import thumbnail_worker
from messaging_app.files.kinds import Thumbnail
from messaging_app.files.refusals import CheckUnavailable, FileRefused

_TIMEOUT = 90  # seconds; a slow image reaches the worker's own CPU limit long before
_PACKAGES = str(Path(PIL.__file__).parent.parent)
_ENDED_BY_LIMIT = tuple(-getattr(signal, name, 0) for name in ("SIGXCPU", "SIGKILL"))

_WAIT = 20.0  # seconds to wait for a slot; browsers give up on a send after 30

# Keep one processor free for pages, however many images arrive at once.
_slots = threading.BoundedSemaphore(max(1, (os.cpu_count() or 1) - 1))


class OpenedImage(NamedTuple):
    """The size in pixels as displayed, honouring the camera's orientation."""

    width: int
    height: int
    thumbnail: Thumbnail


def make_thumbnail(path: Path) -> Thumbnail:
    """Return a WebP of at most 480 x 360 pixels (never enlarged), upright and without metadata.

    For an animation it shows the first frame. `inspect_file` has made one already; this recreates it from the stored
    file. Raises `FileRefused` (`image_corrupt`, `image_dimensions`), `CheckUnavailable` and `OSError`.
    """
    with path.open("rb") as file:
        start = file.read(4)
    kind = {b"\x89PNG": "png", b"GIF8": "gif", b"RIFF": "webp"}.get(start, "jpg")
    return open_image(path, kind).thumbnail


def open_image(path: Path, kind: str) -> OpenedImage:
    """Decode the image at `path`, a file of `kind` (jpg, png, gif, webp), and make its thumbnail.

    Takes about 0.1 s more than decoding and only a few kilobytes of this process. Raises `FileRefused`: `image_corrupt`
    if decoding fails, `image_dimensions` if it takes too much memory or time; `CheckUnavailable` if the machine is too
    busy.
    """
    command = [sys.executable, "-I", "-S", thumbnail_worker.__file__, _PACKAGES, str(path), kind]
    if not _slots.acquire(timeout=_WAIT):  # otherwise one sender of heavy images could occupy every thread
        raise CheckUnavailable(f"no image could be opened for {_WAIT:.0f} s, others are before it")
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_TIMEOUT)
    except subprocess.TimeoutExpired:
        raise CheckUnavailable(f"an image could not be opened within {_TIMEOUT} s") from None
    finally:
        _slots.release()
    reason = done.stderr.decode(errors="replace").strip()[-300:]
    if done.returncode == thumbnail_worker.TOO_MUCH or done.returncode in _ENDED_BY_LIMIT:
        raise FileRefused("image_dimensions", detail="takes too much memory or time")
    if done.returncode == thumbnail_worker.BROKEN or done.returncode < 0:
        raise FileRefused("image_corrupt", detail=reason or f"the decoder ended with {done.returncode}")
    if done.returncode:
        raise RuntimeError(f"the thumbnail worker does not work: {reason}")
    line, _, data = done.stdout.partition(b"\n")
    sizes = json.loads(line)
    thumbnail = Thumbnail(data, sizes["thumbnail_width"], sizes["thumbnail_height"], "image/webp")
    return OpenedImage(sizes["width"], sizes["height"], thumbnail)
