"""Store logos: checked before the transaction, stored under a name derived from their bytes."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from flask import current_app

from messaging_app.directory.plan import Plan
from messaging_app.directory.schema import DirectoryError
from messaging_app.storage import FileMissing, Storage, StorageUnavailable

LOGO_MAX = 256 * 1024
LOGO_PIXELS = 4096 * 4096
ENDINGS = {"PNG": "png", "JPEG": "jpg", "WEBP": "webp"}


@dataclass(frozen=True, slots=True)
class Logo:
    """A picture to store: its key and its bytes."""

    key: str
    content: bytes


@contextmanager
def kept(logos: list[Logo]) -> Iterator[None]:
    """Store pictures before the block, so that every row names an existing one.

    If the block raises, new pictures are deleted. Raises `StorageUnavailable`.
    """
    added: list[str] = []
    try:
        for logo in logos:
            if not _is_kept(logo):
                added.append(logo.key)
                _storage().stage(io.BytesIO(logo.content), logo.key).commit(logo.key)
        yield
    except BaseException:
        for key in added:
            forget(key)
        raise


def forget(key: str) -> None:
    """Delete a picture that no store uses any more. If that fails now, it becomes an orphaned file."""
    with suppress(StorageUnavailable):
        _storage().delete(key)


def key_of(code: str, logo: str) -> str:
    """Return the storage key of `Store.logo`."""
    return f"logos/{code}-{logo}"


def name_of(content: bytes, ending: str) -> str:
    """What `Store.logo` says of a picture."""
    return f"{hashlib.sha256(content).hexdigest()[:32]}.{ending}"


def check(content: bytes) -> str:
    """The ending of a picture that may be a logo; raises `ValueError` with the end of a sentence."""
    if len(content) > LOGO_MAX:
        raise ValueError(f"is larger than {LOGO_MAX // 1024} kB")
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(content), formats=list(ENDINGS)) as image:
            if image.width * image.height > LOGO_PIXELS:
                raise ValueError(f"has more than {LOGO_PIXELS:,} pixels")
            image.load()
            return ENDINGS[str(image.format)]
    except (UnidentifiedImageError, OSError, SyntaxError, Image.DecompressionBombError):
        raise ValueError("is not a PNG, JPEG or WebP picture that opens") from None


def prepare_logos(plan: Plan, folder: Path) -> list[Logo]:
    """Read the logos of `plan` from `folder` (the file's) and set each store's `logo` to "<hash>.<ext>".

    Raises `DirectoryError` for a missing or too large file, or one that is not PNG, JPEG or WebP.
    """
    logos = []
    problems = []
    for store in plan.stores:
        if store.entry.logo is None:
            continue
        try:
            content, ending = _read(folder, store.entry.logo)
        except ValueError as error:
            problems.append(f"{store.path}.logo: {error}.")
            continue
        store.logo = name_of(content, ending)
        logos.append(Logo(key_of(store.entry.code, store.logo), content))
    if problems:
        raise DirectoryError(problems)
    return logos


def _read(folder: Path, name: str) -> tuple[bytes, str]:
    """Return bytes and extension of a picture. Raises `ValueError` with the end of a sentence."""
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise ValueError("must lie beside the file")
    try:
        with path.open("rb") as file:
            content = file.read(LOGO_MAX + 1)
    except OSError as error:
        raise ValueError(f"{name} cannot be read ({error.strerror})") from None
    try:
        return content, check(content)
    except ValueError as error:
        raise ValueError(f"{name} {error}") from None


def _is_kept(logo: Logo) -> bool:
    try:
        return _storage().size(logo.key) == len(logo.content)
    except FileMissing:
        return False


def _storage() -> Storage:
    storage: Storage = current_app.extensions["storage"]
    return storage
