"""Storage in a folder on this machine."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from messaging_app.storage.keys import check_key
from messaging_app.storage.protocol import Download, FileMissing, StorageUnavailable, Stored

_PIECE = 256 * 1024
_STAGING = ".staging"  # no key begins with a dot


class FolderStorage:
    """Files under `root`, which is created with the first file. See `Storage` for the methods."""

    def __init__(self, root: Path) -> None:
        self.root = root.expanduser().resolve()

    def stage(self, source: BinaryIO | Path, key: str | None = None) -> StagedFile:
        if key is not None:
            check_key(key)
        path = self.root / _STAGING / uuid4().hex
        with _translated():
            path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
            try:
                size = _write(source, path)
            except BaseException:
                path.unlink(missing_ok=True)
                raise
        return StagedFile(self, path, size)

    def open(self, key: str, start: int = 0, end: int | None = None) -> Download:
        path = self._resolve(key)
        with _translated(key):
            file = path.open("rb")
            info = os.fstat(file.fileno())
            if not stat.S_ISREG(info.st_mode):
                file.close()
                raise FileMissing(key)
            file.seek(start)
        length = max(0, min(info.st_size if end is None else end, info.st_size) - start)

        def read(count: int) -> bytes:
            with _translated():
                return file.read(count)

        return Download(read, file.close, length)

    def size(self, key: str) -> int:
        path = self._resolve(key)
        with _translated(key):
            info = path.stat()
        if not stat.S_ISREG(info.st_mode):
            raise FileMissing(key)
        return info.st_size

    def delete(self, key: str) -> None:
        path = self._resolve(key)
        with _translated(), suppress(FileNotFoundError, NotADirectoryError):
            path.unlink()
            _sync_folder(path.parent)

    def keys(self, prefix: str = "") -> Iterator[Stored]:
        with _translated():
            for path, info in _walk(self.root):
                key = path.relative_to(self.root).as_posix()
                if key.startswith(prefix):
                    yield Stored(key, info.st_size, datetime.fromtimestamp(info.st_mtime, UTC))

    def path(self, key: str) -> Path | None:
        return self._resolve(key)

    def sweep(self, older_than: timedelta) -> int:
        limit = (datetime.now(UTC) - older_than).timestamp()
        swept = 0
        with _translated():
            for path, info in _walk(self.root / _STAGING):
                if info.st_mtime < limit:
                    path.unlink(missing_ok=True)
                    swept += 1
        return swept

    def place(self, staged: Path, key: str) -> Path:
        """Move a staged file to its key, durably. Returns its path."""
        target = self._resolve(key)
        with _translated():
            missing = [folder for folder in target.relative_to(self.root).parents if not (self.root / folder).is_dir()]
            for folder in reversed(missing):
                (self.root / folder).mkdir(mode=0o750, exist_ok=True)
                _sync_folder((self.root / folder).parent)
            staged.replace(target)
            _sync_folder(target.parent)
        return target

    def _resolve(self, key: str) -> Path:
        """Return the path of `key` with links resolved. Raises if it is outside `root`."""
        path = (self.root / check_key(key)).resolve()
        if not path.is_relative_to(self.root):
            raise ValueError(f"{key!r} leads out of the storage folder")
        return path


class StagedFile:
    """A `Staged` in the folder's staging area, on the same file system, so that `commit` is one rename."""

    def __init__(self, storage: FolderStorage, path: Path, size: int) -> None:
        self._storage = storage
        self._path = path
        self.size = size

    def commit(self, key: str) -> None:
        self._path = self._storage.place(self._path, key)

    def discard(self) -> None:
        with suppress(OSError):
            self._path.unlink(missing_ok=True)


@contextmanager
def _translated(key: str = "") -> Iterator[None]:
    try:
        yield
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
        if key:
            raise FileMissing(key) from None
        raise StorageUnavailable(str(error)) from error
    except OSError as error:
        raise StorageUnavailable(str(error)) from error


def _write(source: BinaryIO | Path, path: Path) -> int:
    if isinstance(source, Path):
        with source.open("rb") as file:
            return _write(file, path)
    with path.open("xb") as out:
        while piece := source.read(_PIECE):
            out.write(piece)
        out.flush()
        os.fsync(out.fileno())
        os.fchmod(out.fileno(), 0o640)
        return out.tell()


def _sync_folder(folder: Path) -> None:
    """Make new and removed names in `folder` survive a power failure."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _walk(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """Yield the files under `folder`. Skips hidden folders, links and files that disappear meanwhile."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except FileNotFoundError:
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            if not entry.name.startswith("."):
                yield from _walk(folder / entry.name)
        elif entry.is_file(follow_symlinks=False):
            with suppress(FileNotFoundError):
                yield folder / entry.name, entry.stat(follow_symlinks=False)
