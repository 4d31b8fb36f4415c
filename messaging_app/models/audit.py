"""The audit trail: who changed what for whom, each entry chained to the one before by its hash."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from messaging_app.db.types import Base


class AuditEntry(Base):
    """One change to people, rights or settings. Written once, never changed, never deleted.

    Names and addresses are kept as they were. `before` and `after` are JSON objects of what changed, without secrets
    and without what people wrote. `hash` covers all columns and the hash of the entry before.
    """

    __tablename__ = "audit_entries"
    __table_args__ = (
        Index(None, "action", "id"),
        Index(None, "actor_email", "id"),
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
    """The end of the chain, in one row: whoever adds an entry locks it, so entries follow one another without a fork.

    It also tells where the trail ends, so that entries cut off at the end are missed.
    """

    __tablename__ = "audit_head"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    last_id: Mapped[int] = mapped_column(default=0)
    hash: Mapped[str] = mapped_column(String(64), default="")
