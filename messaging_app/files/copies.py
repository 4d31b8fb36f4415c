"""The temporary copy of an upload that is inspected before anything is stored."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import IO

_PREFIX = "messaging-upload-"


@contextmanager
def temporary_copy() -> Iterator[tuple[Path, IO[bytes]]]:
    """Provide an empty file and its path for the duration of the block."""
    with tempfile.NamedTemporaryFile(prefix=_PREFIX) as copy:
        yield Path(copy.name), copy.file


def sweep_copies(older_than: timedelta) -> int:
    """Remove copies that killed processes left behind, since they contain user data. Returns their number."""
    limit = time.time() - older_than.total_seconds()
    swept = 0
    for path in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with suppress(OSError):  # another user's file, or already gone
            if path.lstat().st_mtime < limit:
                path.unlink()
                swept += 1
    return swept
