"""A mail about new messages: one row from the moment it is due until it is sent, pointless or given up."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from messaging_app.db.types import Base

WAITING = "state = 'due'"
GIVEN_UP = "state = 'failed'"


class NotificationState(StrEnum):
    """Where a mail stands. `SKIPPED`: when it was to be sent, there was nothing left to say or nobody to say it to."""

    DUE = "due"
    SENT = "sent"
    SKIPPED = "skipped"
    FAILED = "failed"


class Notification(Base):
    """One mail to one seat. What it says is read when it is sent; the row only makes sure that it is.

    `message_id` is the mail's Message-ID, the same at every attempt, so that one which was sent twice is recognised.
    `next_at` is when it is to be tried; while a worker sends it, when that worker is taken for dead. `claim` names the
    worker's right to it. `hand_overs` counts how often a server had the whole mail and may have taken it, and `told_seq`
    is the last line that the mail then told of.
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
