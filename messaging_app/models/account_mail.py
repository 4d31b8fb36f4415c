"""A mail about an account: an invitation, a link to reset a password, or a notice of a change."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from messaging_app.db.types import Base
from messaging_app.models.outgoing import GIVEN_UP, STATES, WAITING, Outgoing


class AccountMail(Outgoing, Base):
    """One mail to one address. `kind` names its templates, `words` is a JSON object with their values.

    A mail that brings a link names its row: the link itself, which opens an account, is nowhere in the database.
    """

    __tablename__ = "account_mails"
    __table_args__ = (
        CheckConstraint(STATES, name="state"),
        Index("ix_account_mails_due", "next_at", sqlite_where=text(WAITING), postgresql_where=text(WAITING)),
        Index("ix_account_mails_failed", "id", sqlite_where=text(GIVEN_UP), postgresql_where=text(GIVEN_UP)),
    )

    kind: Mapped[str] = mapped_column(String(32))
    email: Mapped[str] = mapped_column(String(254))
    name: Mapped[str] = mapped_column(String(200))
    store_id: Mapped[int | None] = mapped_column(ForeignKey("stores.id"))
    link_id: Mapped[int | None] = mapped_column(ForeignKey("account_links.id"))
    words: Mapped[str] = mapped_column(Text)
