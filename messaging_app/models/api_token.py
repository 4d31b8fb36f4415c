"""A token that lets a program act as a user or customer, in one role and (except for admins) one store."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, ForeignKey, Index, String, and_, or_
from sqlalchemy.orm import Mapped, mapped_column

from messaging_app.db.engine import now
from messaging_app.db.types import Base

NAME_MAX = 100


class ApiToken(Base):
    """One token. The program holds the token itself; the row holds its digest and its last characters as a hint.

    `person_id` refers to `users.id`, or to `customers.id` for a customer. Rows are never deleted: an ended token
    records when it ended. `expires_at` is None for a token that does not expire.
    """

    __tablename__ = "api_tokens"
    __table_args__ = (Index(None, "actor_type", "person_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    hint: Mapped[str] = mapped_column(String(8))
    name: Mapped[str] = mapped_column(String(NAME_MAX))
    actor_type: Mapped[str] = mapped_column(String(8))
    person_id: Mapped[int]
    store_id: Mapped[int | None] = mapped_column(ForeignKey("stores.id"))
    created_at: Mapped[datetime] = mapped_column(default=now)
    last_used_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]

    @classmethod
    def living_at(cls, moment: ColumnElement[datetime] | datetime) -> ColumnElement[bool]:
        """The condition for tokens that have not ended at `moment`."""
        return and_(cls.revoked_at.is_(None), or_(cls.expires_at.is_(None), cls.expires_at > moment))
