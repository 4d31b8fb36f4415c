"""Second factors of users: authenticator apps, passkeys and recovery codes."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, LargeBinary, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from messaging_app.db.engine import now
from messaging_app.db.types import Base

LIVING = text("ended_at IS NULL")
PASSKEY_NAME_MAX = 100


class Authenticator(Base):
    """An authenticator app that a user turned on; a user has at most one that has not ended.

    The secret is not stored: it is derived from `seed` and the server's secret key. `secret_hash` shows whether that key
    has changed. A code is valid only for a 30-second step after `last_step`, so none is accepted twice.
    """

    __tablename__ = "authenticators"
    __table_args__ = (
        Index("ux_authenticators_living", "user_id", unique=True, sqlite_where=LIVING, postgresql_where=LIVING),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    seed: Mapped[str] = mapped_column(String(64))
    secret_hash: Mapped[str] = mapped_column(String(64))
    last_step: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(default=now)
    ended_at: Mapped[datetime | None]


class RecoveryCode(Base):
    """A code that replaces a lost factor for one sign-in. The row holds only its keyed digest."""

    __tablename__ = "recovery_codes"
    __table_args__ = (UniqueConstraint("user_id", "code_hash"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    code_hash: Mapped[str] = mapped_column(String(64))
    used_at: Mapped[datetime | None]


class Passkey(Base):
    """A passkey of a user. `credential_id` is base64url, `public_key` as the authenticator gave it (COSE)."""

    __tablename__ = "passkeys"
    __table_args__ = (Index(None, "user_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    credential_id: Mapped[str] = mapped_column(String(1400), unique=True)
    public_key: Mapped[bytes] = mapped_column(LargeBinary)
    sign_count: Mapped[int]
    name: Mapped[str] = mapped_column(String(PASSKEY_NAME_MAX))
    created_at: Mapped[datetime] = mapped_column(default=now)
    last_used_at: Mapped[datetime | None]
