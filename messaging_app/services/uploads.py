"""Uploads: checked and written to storage before the message's transaction, so that it stays short.

`messaging_app/files` decides what a file may be, `messaging_app/storage` where its bytes are stored.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import IO, Protocol

from flask import current_app
from flask_babel import gettext as _

from messaging_app.accounts.limits import limiter
from messaging_app.actors import Actor
from messaging_app.db.engine import now
from messaging_app.db.types import Fields
from messaging_app.errors import FieldError, Invalid, Unavailable
from messaging_app.extensions import db
from messaging_app.files import (
    CheckUnavailable,
    FileRefused,
    Kind,
    ScannerUnavailable,
    check_count,
    check_size,
    clean_name,
    inspect_file,
    scan,
    temporary_copy,
)
from messaging_app.ops import metrics
from messaging_app.services.attachments import storage
from messaging_app.services.upload_limits import Limits, get_limits
from messaging_app.storage import Staged, StorageUnavailable, new_key, thumbnail_key

_PIECE = 256 * 1024


class Upload(Protocol):
    """A file from a form or a program, such as Werkzeug's `FileStorage`."""

    filename: str | None
    stream: IO[bytes]


class AttachmentsRefused(Invalid):
    """One bad file rejects the whole send: status 413 if a file is too large, otherwise 422."""

    def __init__(self, *refusals: FileRefused) -> None:
        super().__init__(*(FieldError("attachments", r.code, r.sentence(_), file=r.filename) for r in refusals))
        for refusal in refusals:
            metrics.refused_upload(refusal.code)
        if any(refusal.code == "too_large" for refusal in refusals):
            self.status, self.code = 413, "too_large"


@dataclass(slots=True)
class Prepared:
    """A file that passed every check and is written, but not yet part of a message."""

    filename: str
    kind: Kind
    size: int
    sha256: str
    key: str
    scanned: bool
    staged: Staged
    thumbnail: Staged | None
    placed: bool = False

    def place(self) -> Fields:
        """Store it and its thumbnail under their keys, and return its row without its place in a conversation."""
        self.staged.commit(self.key)
        picture = self.kind.thumbnail if self.thumbnail else None
        if self.thumbnail:
            self.thumbnail.commit(thumbnail_key(self.key))
        self.placed = True
        return {
            "filename": self.filename,
            "mime_type": self.kind.mime,
            "size": self.size,
            "sha256": self.sha256,
            "key": self.key,
            "thumbnail_key": thumbnail_key(self.key) if picture else None,
            "thumbnail_width": picture.width if picture else None,
            "thumbnail_height": picture.height if picture else None,
            "scanned": self.scanned,
        }

    def discard(self) -> None:
        """Delete it and its thumbnail from storage."""
        self.staged.discard()
        if self.thumbnail:
            self.thumbnail.discard()


@contextmanager
def validate_and_store(
    actor: Actor, uploads: Sequence[Upload], conversation_id: int, limits: Limits | None = None
) -> Iterator[list[Prepared]]:
    """Check every file and write it to storage, as a context around one message's transaction.

    Inside the block, `attachments.commit` attaches the files. Files that are not attached at its end are deleted, as
    are all files if the block raises. Raises `AttachmentsRefused` listing every bad file, `RateLimited` above the hourly
    volume, and `Unavailable` if the storage or a required scanner is unreachable or the machine is too busy to inspect
    images. One statement, none if the caller passes `limits`.
    """
    prepared: list[Prepared] = []
    try:
        if uploads:
            _prepare(actor, uploads, conversation_id, limits or get_limits(), prepared)
        yield prepared
        for file in prepared:
            if not file.placed:
                file.discard()
    except BaseException as error:
        # A broken connection may have committed: then a row exists and needs its file. If not, the sweep removes the
        # orphaned file.
        outcome_unknown = getattr(error, "connection_invalidated", False)
        for file in prepared:
            if not (outcome_unknown and file.placed):
                file.discard()
        if isinstance(error, (StorageUnavailable, CheckUnavailable, OSError)):
            current_app.logger.error("files cannot be checked or kept: %s", error)
            raise Unavailable(_("Files cannot be saved right now. Nothing was sent; try again in a moment.")) from error
        raise


def _prepare(
    actor: Actor, uploads: Sequence[Upload], conversation_id: int, limits: Limits, prepared: list[Prepared]
) -> None:
    db.session.rollback()  # release the connection while inspecting bytes
    refusals: list[FileRefused] = []
    try:
        check_count(len(uploads), limits.files)
    except FileRefused as refusal:
        raise AttachmentsRefused(refusal) from refusal
    for upload in uploads:
        try:
            _prepare_one(actor, upload, conversation_id, limits.file_bytes, prepared)
        except FileRefused as refusal:
            refusals.append(refusal)
    if refusals:
        raise AttachmentsRefused(*refusals)


def _prepare_one(actor: Actor, upload: Upload, conversation_id: int, limit: int, prepared: list[Prepared]) -> None:
    name = clean_name(upload.filename)
    with temporary_copy() as (path, copy):
        size, sha256 = _copy(upload.stream, copy, limit)
        check_size(name, size, limit)
        limiter.hit("upload", actor.type, actor.id, cost=-(-size // 1024))
        kind = inspect_file(path, name, size)
        scanned = scan_file(path, name)
        key = new_key(conversation_id, kind.ext, now())
        kept = storage()
        staged = kept.stage(path, key)
        small = None
        try:
            if kind.thumbnail:
                small = kept.stage(BytesIO(kind.thumbnail.data), thumbnail_key(key))
        finally:
            prepared.append(Prepared(name, kind, size, sha256, key, scanned, staged, small))


def _copy(source: IO[bytes], target: IO[bytes], limit: int) -> tuple[int, str]:
    """Return size and SHA-256 of the copy. Stops one chunk past the limit, because the file is refused anyway."""
    digest, size = hashlib.sha256(), 0
    while size <= limit and (piece := source.read(_PIECE)):
        target.write(piece)
        digest.update(piece)
        size += len(piece)
    target.flush()
    return size, digest.hexdigest()


def scan_file(path: Path, name: str) -> bool:
    """Whether the file counts as scanned. True if no scanner is configured. Raises `FileRefused` or `Unavailable`."""
    configured = current_app.extensions["settings"]
    if configured.clamd_url is None:
        return True
    try:
        scan(path, configured.clamd_url)
    except FileRefused as refusal:
        raise refusal.about(name) from None
    except ScannerUnavailable as error:
        current_app.logger.error("scanner unavailable: %s", error)
        if configured.clamd_unreachable == "accept":
            return False
        raise Unavailable(_("Files cannot be checked for viruses right now. Try again in a moment.")) from error
    return True
