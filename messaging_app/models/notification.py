"""An e-mail about new messages: one row from when it becomes due until it is sent, skipped or given up."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from messaging_app.db.types import Base
from messaging_app.models.outgoing import GIVEN_UP, STATES, WAITING, Outgoing


class Notification(Outgoing, Base):
    """One e-mail about new messages to one seat.

    `told_seq` and `told_note_id` are the last line and mention it covered when a server may have had it.
    """

    __tablename__ = "notifications"
    __table_args__ = (
        CheckConstraint(STATES, name="state"),
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

    conversation_id: Mapped[int] = mapped_column(ForeignKey("conversations.id"))
    participant_type: Mapped[str] = mapped_column(String(8))
    participant_id: Mapped[int]
    email_key: Mapped[str] = mapped_column(String(254))
    told_seq: Mapped[int | None]
    told_note_id: Mapped[int | None]
