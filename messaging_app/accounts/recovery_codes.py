"""Recovery codes: ten at a time, shown once, each good for one sign-in."""

from __future__ import annotations

import hmac
import secrets

from flask import current_app
from sqlalchemy import delete, func, select, update

from messaging_app.db.engine import now
from messaging_app.db.types import DbSession
from messaging_app.extensions import db
from messaging_app.models import RecoveryCode

HOW_MANY = 10
FEW = 2  # with this many codes left, users are asked to create new ones
LETTERS = "23456789bcdfghjkmnpqrtvwxyz"  # no look-alikes, and no vowels, which could form words
LENGTH = 8  # 38 bits are enough: attempts are limited, and the digest is keyed with the server's secret


def replace(session: DbSession, user_id: int) -> list[str]:
    """Replace a user's codes in the caller's transaction and return the new ones."""
    remove(session, user_id)
    codes: set[str] = set()
    while len(codes) < HOW_MANY:
        codes.add("".join(secrets.choice(LETTERS) for _letter in range(LENGTH)))
    session.add_all(RecoveryCode(user_id=user_id, code_hash=_digest(user_id, code)) for code in codes)
    return [f"{code[:4]}-{code[4:]}" for code in codes]


def remove(session: DbSession, user_id: int) -> None:
    """Delete a user's codes in the caller's transaction."""
    session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user_id))


def consume(session: DbSession, user_id: int, code: str) -> bool:
    """Consume a code in the caller's transaction and return whether it was valid. Of two parallel calls one succeeds."""
    used = session.scalar(
        update(RecoveryCode)
        .where(
            RecoveryCode.user_id == user_id,
            RecoveryCode.code_hash == _digest(user_id, code),
            RecoveryCode.used_at.is_(None),
        )
        .values(used_at=now())
        .returning(RecoveryCode.id)
        .execution_options(synchronize_session=False)
    )
    return used is not None


def left(user_id: int) -> int:
    """Return how many unused codes a user has. One statement."""
    unused = (RecoveryCode.user_id == user_id) & RecoveryCode.used_at.is_(None)
    return db.session.scalar(select(func.count()).select_from(RecoveryCode).where(unused)) or 0


def _digest(user_id: int, code: str) -> str:
    key = str(current_app.config["SECRET_KEY"]).encode()
    return hmac.digest(key, f"recovery code {user_id} {code}".encode(), "sha256").hex()
