"""Attachments: files that are part of a message or a note. They are removed only after their row is marked.

`uploads` checks and stores a file before it becomes one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from flask import current_app
from flask_babel import gettext as _
from sqlalchemy import insert, select, text
from sqlalchemy.orm import Session

from messaging_app.actors import Actor, ActorType
from messaging_app.db.engine import now, writing
from messaging_app.db.types import AnyRow, Fields
from messaging_app.errors import FieldError, Invalid, NotAllowed, NotFound
from messaging_app.extensions import db
from messaging_app.models import Conversation, Message, MessageAttachment, Note, NoteAttachment
from messaging_app.search import indexing
from messaging_app.services import announcements, audit
from messaging_app.storage import Storage, StorageUnavailable

REASON_MAX = 500


class Attachable(Protocol):
    """A file that can become part of a message."""

    @property
    def filename(self) -> str: ...
    @property
    def sha256(self) -> str: ...
    def place(self) -> Fields:
        """Store it under its key, and return its row without its place in a conversation."""


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

    Raises `NotFound`, also for notes of the other side and if the file was removed.
    """
    found = _find_of_note(actor, conversation_id, attachment_id)
    if found is None or found.removed_at is not None:
        raise NotFound
    return found


def _find_of_note(actor: Actor, conversation_id: int, attachment_id: int) -> AnyRow | None:
    return db.session.execute(
        select(*NoteAttachment.__table__.c, Note.side.label("sender_type"), Note.author_id.label("sender_id"))
        .join(Note, Note.id == NoteAttachment.note_id)
        .join(Conversation, Conversation.id == Note.conversation_id)
        .where(
            NoteAttachment.id == attachment_id,
            Note.conversation_id == conversation_id,
            Note.side == actor.type,
            Conversation.visible_to(actor),
        )
    ).one_or_none()


def delete_attachment(actor: Actor, conversation_id: int, attachment_id: int, reason: str = "") -> None:
    """Remove a file with its bytes and thumbnail. Allowed for its sender and for admins who see it.

    Marks the row first: even if the bytes cannot be deleted now, the file is no longer accessible, and the doctor
    deletes it later. Removing a file again is allowed. Raises `NotFound`, `NotAllowed`, or `Invalid` for a reason over
    500 characters.
    """
    why = _checked(reason)
    found = _removable(actor, _find(actor, conversation_id, attachment_id))
    with writing(db.session) as session:
        if MessageAttachment.remove(session, actor, attachment_id, why, now()):
            announcements.files_changed(actor, Conversation.count_removed_file(session, conversation_id))
            indexing.file_removed(session, attachment_id)
            _record_removal(session, actor, conversation_id, found)
    _delete_bytes(found)


def delete_note_attachment(actor: Actor, conversation_id: int, attachment_id: int, reason: str = "") -> AnyRow:
    """Remove a file of a note of the own side, as `delete_attachment`: allowed for the note's author and for admins.

    Returns its row, which says by whom and when. The other side learns nothing; pages that are open show it when they
    are loaded again.
    """
    why = _checked(reason)
    found = _removable(actor, _find_of_note(actor, conversation_id, attachment_id))
    with writing(db.session) as session:
        if NoteAttachment.remove(session, actor, attachment_id, why, now()):
            _record_removal(session, actor, conversation_id, found)
        removed = session.execute(select(*NoteAttachment.__table__.c).where(NoteAttachment.id == attachment_id)).one()
    _delete_bytes(found)
    return removed


def _checked(reason: str) -> str | None:
    reason = reason.strip()
    if len(reason) > REASON_MAX or "\0" in reason:
        sentence = _("A reason can have at most %(max)s characters.", max=REASON_MAX)
        raise Invalid(FieldError("reason", "too_long", sentence))
    return reason or None


def _removable(actor: Actor, found: AnyRow | None) -> AnyRow:
    if found is None:
        raise NotFound
    if actor.type != ActorType.ADMIN and (found.sender_type, found.sender_id) != (actor.type, actor.id):
        raise NotAllowed
    return found


def _record_removal(session: Session, actor: Actor, conversation_id: int, found: AnyRow) -> None:
    """A removal by somebody else than its sender is in the audit trail."""
    if (found.sender_type, found.sender_id) == (actor.type, actor.id):
        return
    sender = audit.about_person(session, ActorType(found.sender_type), found.sender_id)
    about = sender._replace(type="attachment", id=found.id)
    audit.record(session, actor, "attachment.removed", about, before={"conversation": conversation_id})


def _delete_bytes(found: AnyRow) -> None:
    for key in filter(None, (found.key, found.thumbnail_key)):
        try:
            storage().delete(key)
        except StorageUnavailable as error:
            current_app.logger.error("removed file %s is still in storage: %s", key, error)


def recently_removed(conversation_id: int, count: int) -> list[AnyRow]:
    """Return the `count` files of a conversation that were removed last. The caller has checked access."""
    file = MessageAttachment.__table__.c
    query = select(*file).where(file.conversation_id == conversation_id, file.removed_at.is_not(None))
    return list(db.session.execute(query.order_by(file.removed_at.desc()).limit(count)))


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
