"""Sign-in sessions as rows, so that the server can end them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from messaging_app.db.engine import now
from messaging_app.db.types import Base


class SignInSession(Base):
    """One browser signed in to one role. The cookie holds the token; the row holds only its digest.

    `person_id` refers to `users.id`, or to `customers.id` for a customer. `store_id` is the current store of staff, or
    the customer's store. `time_zone` is the browser's latest; e-mails show times in it. `address` and `user_agent` are
    those of the last use. `provider` is the identity provider that knew them, None after a password or passkey.
    """

    __tablename__ = "sign_in_sessions"
    __table_args__ = (
        Index(None, "actor_type", "person_id"),
        Index(
            "ix_sign_in_sessions_of_store",
            "store_id",
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    actor_type: Mapped[str] = mapped_column(String(8))
    person_id: Mapped[int]
    store_id: Mapped[int | None] = mapped_column(ForeignKey("stores.id"))
    created_at: Mapped[datetime] = mapped_column(default=now)
    last_used_at: Mapped[datetime] = mapped_column(default=now)
    ended_at: Mapped[datetime | None]
    time_zone: Mapped[str | None] = mapped_column(String(64))
    address: Mapped[str | None] = mapped_column(String(45))
    user_agent: Mapped[str | None] = mapped_column(String(300))
    provider: Mapped[str | None] = mapped_column(String(32))
