"""Attachments: checked and stored before the message's transaction, removed only after their row is marked.

`messaging_app/files` decides what a file may be, `messaging_app/storage` where its bytes are stored.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import IO, Protocol

from flask import current_app
from flask_babel import gettext as _
from sqlalchemy import insert, select, text
from sqlalchemy.orm import Session

from messaging_app.accounts.limits import limiter
from messaging_app.actors import Actor, ActorType
from messaging_app.db.engine import now, writing
from messaging_app.db.types import AnyRow, Fields
from messaging_app.errors import FieldError, Invalid, NotAllowed, NotFound, Unavailable
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
from messaging_app.models import Conversation, Message, MessageAttachment, Note, NoteAttachment
from messaging_app.ops import metrics
from messaging_app.search import indexing
from messaging_app.services import announcements, audit, settings
from messaging_app.storage import Staged, Storage, StorageUnavailable, new_key, thumbnail_key

MEGABYTE = 1_048_576
REASON_MAX = 500
LIMIT_KEYS = ("message_attachment_max_size_mb", "message_attachment_max_files")
OVERHEAD = MEGABYTE  # text, form fields and multipart boundaries
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


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits that admins set: bytes per file, files per message."""

    file_bytes: int
    files: int

    @property
    def request_bytes(self) -> int:
        """The largest request that can hold a message with the maximum files, its text and its form."""
        return self.file_bytes * self.files + OVERHEAD


class Attachable(Protocol):
    """A file that can become part of a message."""

    @property
    def filename(self) -> str: ...
    @property
    def sha256(self) -> str: ...
    def place(self) -> Fields:
        """Store it under its key, and return its row without its place in a conversation."""


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


@dataclass(frozen=True, slots=True)
class Stored:
    """A file that is in storage under its key already, with its row to be."""

    row: Fields

    @property
    def filename(self) -> str:
        """The shown name."""
        return str(self.row["filename"])

    @property
    def sha256(self) -> str:
        """The digest of its bytes."""
        return str(self.row["sha256"])

    def place(self) -> Fields:
        """Return its row."""
        return self.row


def storage() -> Storage:
    """Return this application's storage."""
    kept: Storage = current_app.extensions["storage"]
    return kept


def get_max_file_size_bytes() -> int:
    """Return the largest accepted file size in bytes. A change by an admin takes effect at once. One statement."""
    return int(settings.get_setting("message_attachment_max_size_mb")) * MEGABYTE


def get_limits() -> Limits:
    """Return the current limits. One statement."""
    return limits_of(settings.list_settings().get)


def limits_of(value: Callable[[str], object]) -> Limits:
    """Return the limits from stored settings. `value` returns what is stored under a key, or None."""
    megabytes, files = (
        int(settings.parse_or_default(key, None if value(key) is None else str(value(key)))) for key in LIMIT_KEYS
    )
    return Limits(megabytes * MEGABYTE, files)


@contextmanager
def validate_and_store(
    actor: Actor, uploads: Sequence[Upload], conversation_id: int, limits: Limits | None = None
) -> Iterator[list[Prepared]]:
    """Check every file and write it to storage, as a context around one message's transaction.

    Inside the block, `commit` attaches the files. Files that are not attached at its end are deleted, as are all files
    if the block raises. Raises `AttachmentsRefused` listing every bad file, `RateLimited` above the hourly volume, and
    `Unavailable` if the storage or a required scanner is unreachable or the machine is too busy to inspect images. One
    statement, none if the caller passes `limits`.
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


def commit(session: Session, files: Iterable[Attachable], message_id: int, conversation_id: int, seq: int) -> None:
    """Attach files to a message and write their rows, inside the message's transaction. One statement."""
    place: Fields = {"message_id": message_id, "conversation_id": conversation_id, "seq": seq}
    if rows := [file.place() | place for file in files]:
        session.execute(insert(MessageAttachment).values(rows))


def commit_to_note(session: Session, files: Iterable[Attachable], note_id: int) -> None:
    """Attach files to a note, as `commit` does to a message. One statement."""
    of_note: Fields = {"note_id": note_id}
    if rows := [file.place() | of_note for file in files]:
        session.execute(insert(NoteAttachment).values(rows))


def reserve_conversation_id() -> int:
    """Reserve an id for a new conversation, so that its files have their key before the row exists.

    On SQLite this is a separate short write; on PostgreSQL it is the sequence's next value.
    """
    with writing(db.session) as session:
        if session.get_bind().dialect.name == "postgresql":
            return int(session.scalar(text("SELECT nextval(pg_get_serial_sequence('conversations', 'id'))")) or 0)
        bump = text("UPDATE sqlite_sequence SET seq = seq + 1 WHERE name = 'conversations' RETURNING seq")
        reserved = session.scalar(bump)
        if reserved is None:  # SQLite creates the row with the table's first insert
            session.execute(text("INSERT INTO sqlite_sequence (name, seq) VALUES ('conversations', 1)"))
            reserved = 1
        return int(reserved)


def get_attachment(actor: Actor, conversation_id: int, attachment_id: int) -> AnyRow:
    """Return a file of a conversation that `actor` sees. Checks both ids together.

    Raises `NotFound`, also if the file was removed.
    """
    found = _find(actor, conversation_id, attachment_id)
    if found is None or found.removed_at is not None:
        raise NotFound
    return found


def get_note_attachment(actor: Actor, conversation_id: int, attachment_id: int) -> AnyRow:
    """Return a file of a note of the actor's own side. Checks both ids together.

    Raises `NotFound`, also for notes of the other side.
    """
    found = db.session.execute(
        select(*NoteAttachment.__table__.c)
        .join(Note, Note.id == NoteAttachment.note_id)
        .join(Conversation, Conversation.id == Note.conversation_id)
        .where(
            NoteAttachment.id == attachment_id,
            NoteAttachment.removed_at.is_(None),
            Note.conversation_id == conversation_id,
            Note.side == actor.type,
            Conversation.visible_to(actor),
        )
    ).one_or_none()
    if found is None:
        raise NotFound
    return found


def delete_attachment(actor: Actor, conversation_id: int, attachment_id: int, reason: str = "") -> None:
    """Remove a file with its bytes and thumbnail. Allowed for its sender and for admins who see it.

    Marks the row first: even if the bytes cannot be deleted now, the file is no longer accessible, and the doctor
    deletes it later. Removing a file again is allowed. Raises `NotFound`, `NotAllowed`, or `Invalid` for a reason over
    500 characters.
    """
    reason = reason.strip()
    if len(reason) > REASON_MAX or "\0" in reason:
        sentence = _("A reason can have at most %(max)s characters.", max=REASON_MAX)
        raise Invalid(FieldError("reason", "too_long", sentence))
    found = _find(actor, conversation_id, attachment_id)
    if found is None:
        raise NotFound
    if actor.type != ActorType.ADMIN and (found.sender_type, found.sender_id) != (actor.type, actor.id):
        raise NotAllowed
    keys = [key for key in (found.key, found.thumbnail_key) if key]
    with writing(db.session) as session:
        if MessageAttachment.remove(session, actor, attachment_id, reason or None, now()):
            announcements.files_changed(actor, Conversation.count_removed_file(session, conversation_id))
            indexing.file_removed(session, attachment_id)
            if (found.sender_type, found.sender_id) != (actor.type, actor.id):
                sender = audit.about_person(session, ActorType(found.sender_type), found.sender_id)
                about = sender._replace(type="attachment", id=attachment_id)
                audit.record(session, actor, "attachment.removed", about, before={"conversation": conversation_id})
    for key in keys:
        try:
            storage().delete(key)
        except StorageUnavailable as error:
            current_app.logger.error("removed file %s is still in storage: %s", key, error)


def recently_removed(conversation_id: int, count: int) -> list[AnyRow]:
    """Return the `count` files of a conversation that were removed last. The caller has checked access."""
    file = MessageAttachment.__table__.c
    query = select(*file).where(file.conversation_id == conversation_id, file.removed_at.is_not(None))
    return list(db.session.execute(query.order_by(file.removed_at.desc()).limit(count)))


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


def _find(actor: Actor, conversation_id: int, attachment_id: int) -> AnyRow | None:
    return db.session.execute(
        select(
            *MessageAttachment.__table__.c,
            Message.sender_type,
            Message.sender_id,
        )
        .join(Message, Message.id == MessageAttachment.message_id)
        .join(Conversation, Conversation.id == MessageAttachment.conversation_id)
        .where(
            MessageAttachment.id == attachment_id,
            MessageAttachment.conversation_id == conversation_id,
            Conversation.id == conversation_id,
            Conversation.visible_to(actor),
        )
    ).one_or_none()
