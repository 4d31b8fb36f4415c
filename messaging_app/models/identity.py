"""Users' identities at identity providers."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from messaging_app.db.engine import now
from messaging_app.db.types import Base


class Identity(Base):
    """One identity of a user: `subject` as `issuer` names it, whatever the e-mail address there (rule 32).

    `granted` is a JSON list of the roles that the person's groups gave at the last sign-in, as the table writes them.
    """

    __tablename__ = "identities"
    __table_args__ = (UniqueConstraint("issuer", "subject"), Index(None, "user_id"))

    id: Mapped[int] = mapped_column(primary_key=True)
    issuer: Mapped[str] = mapped_column(String(255))
    subject: Mapped[str] = mapped_column(String(255))
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    granted: Mapped[str] = mapped_column(Text, default="[]")
    created_at: Mapped[datetime] = mapped_column(default=now)
