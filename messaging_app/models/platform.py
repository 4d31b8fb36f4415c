"""Stores, the users and customers who sign in, and the settings an admin may change."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint, false, text, true
from sqlalchemy.orm import Mapped, mapped_column

from messaging_app.db.engine import now
from messaging_app.db.types import Base
from messaging_app.text import search_words

# Settings that decide who sees what.
CUSTOMERS_SEE_PLATFORM = "customers_see_platform_conversations"
CONTEXT_KINDS = "context_kinds"
CUSTOMERS_MAY_START = "customers_may_start"
STARTS_PER_DAY = "customer_starts_per_day"
REPLY_REOPENS_DAYS = "reply_reopens_days"
STORES_MAY_WRITE = "stores_may_write_to_platform"
REASON_REQUIRED_STORES = "reason_required_for_stores"
REASON_REQUIRED_CUSTOMERS = "reason_required_for_customers"
NEVER, ABOUT_ORDER, ALWAYS = MAY_START = ("never", "about_order", "always")  # the strictest first
CUSTOMERS_MAY_HAVE_TOKENS = "customers_may_have_tokens"
STAFF_SEE_ONLY_ASSIGNED = "staff_see_only_assigned"
# Settings that decide how people sign in.
SECOND_FACTOR_ADMINS = "second_factor_required_admins"
SECOND_FACTOR_OWNERS = "second_factor_required_owners"
LOCAL_SIGN_IN = "local_sign_in"
OWNER, STAFF = "owner", "staff"  # roles at a store; an import may bring others, which count as staff
ACCENTS = ("clay", "amber", "leaf", "sea", "plum")
SortKey = String(255).with_variant(String(255, collation="C"), "postgresql")  # byte order: index ranges and prefixes


def _of_inactive(table: str) -> tuple[Index, Index]:
    """Indexes of the few that are inactive, by name and by number, for the console's lists of them."""
    sqlite, postgresql = text("active = 0"), text("NOT active")
    return (
        Index(f"ix_{table}_inactive", "sort_name", "id", sqlite_where=sqlite, postgresql_where=postgresql),
        Index(f"ix_{table}_inactive_id", "id", sqlite_where=sqlite, postgresql_where=postgresql),
    )


class Store(Base):
    """A tenant of the marketplace. The accent is the name of one in the style sheets; None means indigo."""

    __tablename__ = "stores"
    __table_args__ = (Index(None, "sort_name", "id"), *_of_inactive("stores"))

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    sort_name: Mapped[str] = mapped_column(SortKey)
    active: Mapped[bool] = mapped_column(default=True)
    accent: Mapped[str | None] = mapped_column(String(16))
    logo: Mapped[str | None] = mapped_column(String(64))  # "<hash>.<ext>" under logos/<code>- in storage
    opening_line: Mapped[str] = mapped_column(String(500), server_default="")  # greets its customers
    hours: Mapped[str] = mapped_column(String(200), server_default="")  # when it is open, how soon it answers
    staff_see_only_assigned: Mapped[bool] = mapped_column(server_default=false())
    customers_may_start: Mapped[str] = mapped_column(String(12), server_default=ALWAYS)
    created_at: Mapped[datetime] = mapped_column(default=now)


class User(Base):
    """A user who signs in as platform admin, as staff of one or more stores, or both."""

    __tablename__ = "users"
    __table_args__ = (
        Index("ix_users_admins", "id", sqlite_where=text("is_admin = 1"), postgresql_where=text("is_admin")),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(254))
    email_key: Mapped[str] = mapped_column(String(254), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    password_hash: Mapped[str | None] = mapped_column(String(255))
    is_admin: Mapped[bool] = mapped_column(default=False)
    active: Mapped[bool] = mapped_column(default=True)
    # the user's own switch for all e-mail
    mail_enabled: Mapped[bool] = mapped_column(default=True, server_default=true())
    locale: Mapped[str | None] = mapped_column(String(32))  # None: the browser's, and so for the time zone
    time_zone: Mapped[str | None] = mapped_column(String(64))
    opens_with: Mapped[str] = mapped_column(String(8), server_default="open")  # the list of the inbox: open, waiting
    opens_next: Mapped[bool] = mapped_column(server_default=true())  # the next waiting one, after closing
    undo_send_seconds: Mapped[int] = mapped_column(server_default="0")  # delay of undo send; 0: off
    created_at: Mapped[datetime] = mapped_column(default=now)


class StoreMembership(Base):
    """Makes a user a member of a store's staff."""

    __tablename__ = "store_memberships"
    __table_args__ = (Index(None, "user_id"),)

    store_id: Mapped[int] = mapped_column(ForeignKey("stores.id"), primary_key=True, autoincrement=False)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True, autoincrement=False)
    role: Mapped[str] = mapped_column(String(32), default=STAFF)
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime] = mapped_column(default=now)


class Customer(Base):
    """A customer of one store. The same person at another store is another customer."""

    __tablename__ = "customers"
    __table_args__ = (
        UniqueConstraint("store_id", "email_key"),
        UniqueConstraint("store_id", "external_id"),
        Index(None, "sort_name", "id"),
        Index(None, "store_id", "sort_name", "id"),
        *_of_inactive("customers"),
        Index(
            "ix_customers_inactive_of_store",
            "store_id",
            "sort_name",
            "id",
            sqlite_where=text("active = 0"),
            postgresql_where=text("NOT active"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    store_id: Mapped[int] = mapped_column(ForeignKey("stores.id"))
    external_id: Mapped[str | None] = mapped_column(String(100))
    email: Mapped[str] = mapped_column(String(254))
    email_key: Mapped[str] = mapped_column(String(254))
    name: Mapped[str] = mapped_column(String(200))
    sort_name: Mapped[str] = mapped_column(SortKey)
    password_hash: Mapped[str | None] = mapped_column(String(255))
    active: Mapped[bool] = mapped_column(default=True)
    mail_enabled: Mapped[bool] = mapped_column(default=True, server_default=true())
    locale: Mapped[str | None] = mapped_column(String(32))  # None: the browser's, and so for the time zone
    time_zone: Mapped[str | None] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(default=now)


class RecipientTerm(Base):
    """One search word for a store or a customer, maintained by the directory import.

    A prefix search over words is then one index range on both databases, regardless of the number of customers.
    """

    __tablename__ = "recipient_terms"
    __table_args__ = (
        Index("ix_recipient_terms_all", "recipient_type", "term", "recipient_id"),
        Index("ix_recipient_terms_store", "recipient_type", "store_id", "term", "recipient_id"),
    )

    recipient_type: Mapped[str] = mapped_column(String(8), primary_key=True)
    recipient_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    term: Mapped[str] = mapped_column(SortKey, primary_key=True)
    store_id: Mapped[int] = mapped_column(ForeignKey("stores.id"))

    @staticmethod
    def words(name: str, *others: str) -> set[str]:
        """Return the distinct words as they are stored, each at most 100 characters; see `search_words`."""
        return {word[:100] for word in search_words(name, *others)}


class PlatformSetting(Base):
    """A setting that an admin changed. Settings without a row have their default (see `services/settings.py`).

    `updated_at` is when the value last became another one.
    """

    __tablename__ = "platform_settings"

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    value: Mapped[str] = mapped_column(Text)
    updated_at: Mapped[datetime] = mapped_column(default=now, onupdate=now)
