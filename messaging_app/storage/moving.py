"""Copying all files from one storage to another. Can be interrupted and repeated."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from io import BytesIO

from messaging_app.storage import FileMissing, Storage


def move_files(source: Storage, target: Storage, progress: Callable[[str], None]) -> tuple[int, int]:
    """Copy every file of `source` that `target` lacks or has in another size. Returns (copied, already there).

    Deletes nothing from `source`. The operator switches with MESSAGING_STORAGE_URL; a second run afterwards copies what
    was sent meanwhile. Raises `StorageUnavailable`; files copied before that remain.
    """
    target.stage(BytesIO(b"x"), "messages/move/check").discard()  # fail at once if the target is not writable
    there = {file.key: file.size for file in target.keys()}  # noqa: SIM118
    copied = already = 0
    for file in source.keys():  # noqa: SIM118 -- a storage is no dict
        if there.get(file.key) == file.size:
            already += 1
            continue
        try:
            _copy(source, target, file.key)
        except FileMissing:
            continue  # removed during the copy
        copied += 1
        if copied % 100 == 0:
            progress(f"{copied:,} files copied")
    return copied, already


def _copy(source: Storage, target: Storage, key: str) -> None:
    download = source.open(key)
    try:
        with tempfile.TemporaryFile() as copy:
            for piece in download:
                copy.write(piece)
            copy.seek(0)
            target.stage(copy, key).commit(key)
    finally:
        download.close()
