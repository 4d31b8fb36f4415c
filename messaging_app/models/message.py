"""One line of a conversation: what somebody wrote, or an event such as closing."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from messaging_app.db.engine import Base

IDEMPOTENCY_KEY_MAX = 200


class MessageKind(StrEnum):
    """What a line is. Events take a `seq`, but are never unread."""

    MESSAGE = "message"
    EVENT = "event"


class Message(Base):
    """A line, numbered by `seq` without gaps within its conversation, never changed after it is written.

    `sender_name` is the name at the time of writing: later it must be provable what was said by whom. `digest` is a
    SHA-256 of address, text and files, kept with the idempotency key to tell a repeat from another message.
    """

    __tablename__ = "messages"
    __table_args__ = (
        UniqueConstraint("conversation_id", "seq"),
        CheckConstraint("kind IN ('message', 'event')", name="kind"),
        Index(
            "uq_messages_idempotency",
            "sender_type",
            "sender_id",
            "idempotency_key",
            unique=True,
            sqlite_where=text("idempotency_key IS NOT NULL"),
            postgresql_where=text("idempotency_key IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    conversation_id: Mapped[int] = mapped_column(ForeignKey("conversations.id"))
    seq: Mapped[int]
    kind: Mapped[str] = mapped_column(String(8), default=MessageKind.MESSAGE)
    event: Mapped[str | None] = mapped_column(String(8))  # a name in `events.EVENT_KINDS`
    sender_type: Mapped[str] = mapped_column(String(8))
    sender_id: Mapped[int]
    sender_name: Mapped[str] = mapped_column(String(200))
    content: Mapped[str] = mapped_column(Text)
    attachment_count: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]
    idempotency_key: Mapped[str | None] = mapped_column(String(IDEMPOTENCY_KEY_MAX))
    digest: Mapped[str | None] = mapped_column(String(64))
