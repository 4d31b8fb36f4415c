"""The copy of an upload that is looked at before anything is kept: in the system's folder for temporary files."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

_PREFIX = "messaging-upload-"


@contextmanager
def temporary_copy() -> Iterator[tuple[Path, Any]]:
    """An empty file and its path, for the length of the block."""
    with tempfile.NamedTemporaryFile(prefix=_PREFIX) as copy:
        yield Path(copy.name), copy.file


def sweep_copies(older_than: timedelta) -> int:
    """Remove what killed processes left that long ago, for it holds what people sent; how many there were."""
    limit = time.time() - older_than.total_seconds()
    swept = 0
    for path in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with suppress(OSError):  # somebody else's, or gone meanwhile
            if path.lstat().st_mtime < limit:
                path.unlink()
                swept += 1
    return swept
