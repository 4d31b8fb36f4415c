"""A run of the doctor: asked for on a page and made by a worker, or made by the command."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from messaging_app.db.types import Base

PENDING = text("ended_at IS NULL")


class DoctorRun(Base):
    """One run. `lines` are the lines of its report; `entries` is how long the audit trail was when it began.

    `started_at` is None until a worker takes it. `error` says why it ended without a report.
    """

    __tablename__ = "doctor_runs"
    __table_args__ = (Index("ix_doctor_runs_pending", "id", sqlite_where=PENDING, postgresql_where=PENDING),)

    id: Mapped[int] = mapped_column(primary_key=True)
    asked_by: Mapped[str] = mapped_column(String(200))
    asked_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    broken: Mapped[bool | None]
    lines: Mapped[str] = mapped_column(Text, default="")
    entries: Mapped[int | None]
    error: Mapped[str | None] = mapped_column(String(300))
