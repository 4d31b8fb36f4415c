"""The columns that every kind of e-mail in the outbox has."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

WAITING = "state = 'due'"
GIVEN_UP = "state = 'failed'"
STATES = "state IN ('due', 'sent', 'skipped', 'failed')"


class NotificationState(StrEnum):
    """The state of an e-mail. `SKIPPED`: at sending time there was nothing new, or no one to send it to."""

    DUE = "due"
    SENT = "sent"
    SKIPPED = "skipped"
    FAILED = "failed"


class Outgoing:
    """One e-mail. Its content is read when it is sent; the row only ensures that it is sent.

    `message_id` is the Message-ID, the same for every attempt, so that duplicates are recognised. `next_at` is when to
    try next; while a worker is sending, it is when that worker is presumed dead. `claim` identifies the worker that may
    send it. `hand_overs` counts how often a server received the whole e-mail and may have accepted it.
    """

    id: Mapped[int] = mapped_column(primary_key=True)
    message_id: Mapped[str] = mapped_column(String(255), unique=True)
    state: Mapped[str] = mapped_column(String(8), default=NotificationState.DUE)
    attempts: Mapped[int] = mapped_column(default=0)
    claim: Mapped[str | None] = mapped_column(String(32))
    hand_overs: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]
    next_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]
    last_error: Mapped[str | None] = mapped_column(String(300))
