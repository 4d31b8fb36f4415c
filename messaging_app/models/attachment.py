"""A file that was sent with a message or a note. Its bytes are in storage; its row is never deleted."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from messaging_app.actors import Actor
from messaging_app.db.types import Base


class StoredFile:
    """The columns of one file. `filename` is for display and never part of a path. Type and extension come from the bytes.

    `key` and `thumbnail_key` are storage keys. The row of a removed file stays and records who removed it, when and why.
    """

    id: Mapped[int] = mapped_column(primary_key=True)
    filename: Mapped[str] = mapped_column(String(255))
    mime_type: Mapped[str] = mapped_column(String(100))
    size: Mapped[int]
    sha256: Mapped[str] = mapped_column(String(64))
    key: Mapped[str] = mapped_column(String(255), unique=True)
    thumbnail_key: Mapped[str | None] = mapped_column(String(255))
    thumbnail_width: Mapped[int | None]
    thumbnail_height: Mapped[int | None]
    scanned: Mapped[bool] = mapped_column(default=True)  # False: accepted while the scanner was unreachable
    removed_at: Mapped[datetime | None]
    removed_by_type: Mapped[str | None] = mapped_column(String(8))
    removed_by_id: Mapped[int | None]
    removed_by_name: Mapped[str | None] = mapped_column(String(200))
    removed_reason: Mapped[str | None] = mapped_column(String(500))

    @classmethod
    def remove(cls, session: Session, actor: Actor, attachment_id: int, reason: str | None, at: datetime) -> bool:
        """Mark a file as removed. Returns False if it already was."""
        removed = update(cls).where(cls.id == attachment_id, cls.removed_at.is_(None))
        values = {
            "removed_at": at,
            "removed_by_type": actor.type,
            "removed_by_id": actor.id,
            "removed_by_name": actor.name,
            "removed_reason": reason,
        }
        return session.scalar(removed.values(values).returning(cls.id)) is not None


class MessageAttachment(StoredFile, Base):
    """A message's file. `conversation_id` and `seq` repeat its message's position, so a thread finds its files by range."""

    __tablename__ = "message_attachments"
    __table_args__ = (Index(None, "conversation_id", "seq"),)

    message_id: Mapped[int] = mapped_column(ForeignKey("messages.id"), index=True)
    conversation_id: Mapped[int] = mapped_column(ForeignKey("conversations.id"))
    seq: Mapped[int]

    @property
    def is_image(self) -> bool:
        """Whether browsers may show it inline."""
        return self.mime_type.startswith("image/")


class NoteAttachment(StoredFile, Base):
    """A note's file, in a table of its own like its note: what reads the files of messages never finds it."""

    __tablename__ = "note_attachments"

    note_id: Mapped[int] = mapped_column(ForeignKey("notes.id"), index=True)
