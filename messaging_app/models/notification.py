"""An e-mail about new messages: one row from when it becomes due until it is sent, skipped or given up."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from messaging_app.db.types import Base

WAITING = "state = 'due'"
GIVEN_UP = "state = 'failed'"


class NotificationState(StrEnum):
    """The state of an e-mail. `SKIPPED`: at sending time there was nothing new, or no one to send it to."""

    DUE = "due"
    SENT = "sent"
    SKIPPED = "skipped"
    FAILED = "failed"


class Notification(Base):
    """One e-mail to one seat. Its content is read when it is sent; the row only ensures that it is sent.

    `message_id` is the Message-ID, the same for every attempt, so that duplicates are recognised. `next_at` is when to
    try next; while a worker is sending, it is when that worker is presumed dead. `claim` identifies the worker that may
    send it. `hand_overs` counts how often a server received the whole e-mail and may have accepted it; `told_seq` is
    the last line that e-mail covered.
    """

    __tablename__ = "notifications"
    __table_args__ = (
        CheckConstraint("state IN ('due', 'sent', 'skipped', 'failed')", name="state"),
        Index("ix_notifications_due", "next_at", sqlite_where=text(WAITING), postgresql_where=text(WAITING)),
        Index("ix_notifications_failed", "id", sqlite_where=text(GIVEN_UP), postgresql_where=text(GIVEN_UP)),
        Index(
            "uq_notifications_waiting",
            "conversation_id",
            "participant_type",
            "participant_id",
            unique=True,
            sqlite_where=text(WAITING),
            postgresql_where=text(WAITING),
        ),
        Index("ix_notifications_conversation", "conversation_id", "email_key"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    conversation_id: Mapped[int] = mapped_column(ForeignKey("conversations.id"))
    participant_type: Mapped[str] = mapped_column(String(8))
    participant_id: Mapped[int]
    email_key: Mapped[str] = mapped_column(String(254))
    message_id: Mapped[str] = mapped_column(String(255), unique=True)
    state: Mapped[str] = mapped_column(String(8), default=NotificationState.DUE)
    attempts: Mapped[int] = mapped_column(default=0)
    claim: Mapped[str | None] = mapped_column(String(32))
    hand_overs: Mapped[int] = mapped_column(default=0)
    told_seq: Mapped[int | None]
    created_at: Mapped[datetime]
    next_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]
    last_error: Mapped[str | None] = mapped_column(String(300))
