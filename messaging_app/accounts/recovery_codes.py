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
FEW = 2  # so many left are worth a word
LETTERS = "23456789bcdfghjkmnpqrtvwxyz"  # none that is taken for another, and no vowels that make words
LENGTH = 8  # 38 bits; wrong ones are counted, and the digest needs the server's key


def replace(session: DbSession, user_id: int) -> list[str]:
    """Make new codes in place of a user's old ones, within the caller's transaction, and return them."""
    remove(session, user_id)
    codes: set[str] = set()
    while len(codes) < HOW_MANY:
        codes.add("".join(secrets.choice(LETTERS) for _letter in range(LENGTH)))
    session.add_all(RecoveryCode(user_id=user_id, code_hash=_digest(user_id, code)) for code in codes)
    return [f"{code[:4]}-{code[4:]}" for code in codes]


def remove(session: DbSession, user_id: int) -> None:
    """Remove a user's codes, within the caller's transaction."""
    session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user_id))


def consume(session: DbSession, user_id: int, code: str) -> bool:
    """Use a code up within the caller's transaction: of two who try at once, one does."""
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
    """Return how many codes a user has not used. One statement."""
    unused = (RecoveryCode.user_id == user_id) & RecoveryCode.used_at.is_(None)
    return db.session.scalar(select(func.count()).select_from(RecoveryCode).where(unused)) or 0


def _digest(user_id: int, code: str) -> str:
    key = str(current_app.config["SECRET_KEY"]).encode()
    return hmac.digest(key, f"recovery code {user_id} {code}".encode(), "sha256").hex()
