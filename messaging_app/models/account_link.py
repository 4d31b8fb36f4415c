"""Mailed links, which prove that their reader owns an e-mail address, and the setup code."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import CheckConstraint, ColumnElement, ForeignKey, Index, String, and_
from sqlalchemy.orm import Mapped, mapped_column

from messaging_app.db.engine import now
from messaging_app.db.types import Base


class LinkKind(StrEnum):
    """The purpose of a link. `SETUP` is not a link but the code that creates the first admin."""

    INVITATION = "invitation"
    RESET = "reset"
    CONFIRM = "confirm"
    SETUP = "setup"


LIFETIMES = {
    LinkKind.INVITATION: timedelta(days=7),
    LinkKind.RESET: timedelta(hours=1),
    LinkKind.CONFIRM: timedelta(hours=1),
    LinkKind.SETUP: timedelta(hours=1),
}


class AccountLink(Base):
    """One link. It works once, until `expires_at`, unless it was withdrawn or a newer one was made (`void_at`).

    Only the digest of its token is stored. The token is made of `seed` with the server's secret key, so that a mail that
    is sent again holds the same link, and nobody gets in with a copy of the database. `user_id` or `customer_id` is whom
    it is about, where they have an account; `role` is the area (`admin`, `store`, `storefront`) or, of an invitation,
    what they are to be (`admin`, `owner`, `staff`).
    """

    __tablename__ = "account_links"
    __table_args__ = (
        CheckConstraint("kind IN ('invitation', 'reset', 'confirm', 'setup')", name="kind"),
        Index(None, "kind", "store_id", "email_key"),
        Index(None, "user_id", "kind", "created_at"),
        Index(None, "customer_id", "kind", "created_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    seed: Mapped[str] = mapped_column(String(32))
    email: Mapped[str] = mapped_column(String(254))
    email_key: Mapped[str] = mapped_column(String(254))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customers.id"))
    store_id: Mapped[int | None] = mapped_column(ForeignKey("stores.id"))
    role: Mapped[str] = mapped_column(String(16))
    created_at: Mapped[datetime] = mapped_column(default=now)
    created_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    void_at: Mapped[datetime | None]

    @classmethod
    def pending(cls) -> ColumnElement[bool]:
        """Neither used nor void; it may be too old."""
        return and_(cls.used_at.is_(None), cls.void_at.is_(None))

    @property
    def is_living(self) -> bool:
        """Whether it still opens something."""
        return self.used_at is None and self.void_at is None and self.expires_at > now()
