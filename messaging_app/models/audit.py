"""The audit trail: who changed what for whom. Each entry is chained to the previous one by its hash."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from messaging_app.db.types import Base


class AuditEntry(Base):
    """One change to users, rights or settings. Written once, never changed, never deleted.

    Names and addresses are stored as they were. `before` and `after` are JSON objects with the changed values, without
    secrets and without message text. `hash` covers all columns and the hash of the previous entry.
    """

    __tablename__ = "audit_entries"
    __table_args__ = (
        Index(None, "at", "id"),
        Index(None, "action", "id"),
        Index(None, "actor_email", "id"),
        Index(None, "object_type", "id"),
        Index(None, "object_type", "object_id", "id"),
        Index(None, "object_email", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    actor_type: Mapped[str] = mapped_column(String(8))  # admin, store, customer, command, nobody
    actor_id: Mapped[int | None]
    actor_name: Mapped[str] = mapped_column(String(200))
    actor_email: Mapped[str] = mapped_column(String(254))
    action: Mapped[str] = mapped_column(String(40))
    object_type: Mapped[str] = mapped_column(String(16))
    object_id: Mapped[str] = mapped_column(String(100))
    object_name: Mapped[str] = mapped_column(String(200))
    object_email: Mapped[str] = mapped_column(String(254))
    before: Mapped[str] = mapped_column(Text)
    after: Mapped[str] = mapped_column(Text)
    address: Mapped[str] = mapped_column(String(64))
    session_id: Mapped[int | None]
    request_id: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))


class AuditHead(Base):
    """The end of the chain, in one row. Adding an entry locks it, so that the chain cannot fork.

    It also records the last entry, so that truncation at the end is detected.
    """

    __tablename__ = "audit_head"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    last_id: Mapped[int] = mapped_column(default=0)
    hash: Mapped[str] = mapped_column(String(64), default="")
