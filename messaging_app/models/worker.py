"""When a worker last finished a round, so that whoever watches the web processes sees that mail would go out."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from messaging_app.db.types import Base


class WorkerBeat(Base):
    """One kind of work and the end of its last round, by whichever worker."""

    __tablename__ = "worker_beats"

    name: Mapped[str] = mapped_column(String(32), primary_key=True)
    at: Mapped[datetime]
