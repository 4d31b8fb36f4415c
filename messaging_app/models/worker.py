"""When a worker last finished a round, so that the web processes can report whether e-mail is being sent."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from messaging_app.db.types import Base


class WorkerBeat(Base):
    """One kind of work, and when any worker last finished a round of it."""

    __tablename__ = "worker_beats"

    name: Mapped[str] = mapped_column(String(32), primary_key=True)
    at: Mapped[datetime]
