"""The second step of signing in: a code from an authenticator app or a recovery code, each accepted once."""

from __future__ import annotations

import hmac
import re
import unicodedata
from typing import NamedTuple

from flask import current_app
from sqlalchemy import select, update

from messaging_app.accounts import recovery_codes, totp
from messaging_app.actors import Actor
from messaging_app.db.engine import now, writing
from messaging_app.extensions import db
from messaging_app.mail import account
from messaging_app.models import Authenticator, User
from messaging_app.policies import policy_of
from messaging_app.queries import second_factor as queries
from messaging_app.services import audit, people

_APP_CODE = re.compile(r"[0-9]{6}", re.ASCII)


class Accepted(NamedTuple):
    """A correct code. `left` is the number of remaining recovery codes if it was one of them."""

    left: int | None


def has_factor(user_id: int) -> bool:
    """Whether a user has a second factor. One statement."""
    return bool(db.session.scalar(select(queries.has_factor(user_id))))


def is_short_of_codes(accepted: Accepted | None) -> bool:
    """Whether a recovery code was just used and few are left."""
    return accepted is not None and accepted.left is not None and accepted.left <= recovery_codes.FEW


def mark_of(user_id: int) -> str:
    """Return a digest that changes with the user's password and reveals nothing about it. One statement."""
    password_hash = db.session.scalar(select(User.password_hash).where(User.id == user_id)) or ""
    key = str(current_app.config["SECRET_KEY"]).encode()
    return hmac.digest(key, f"password of {user_id} {password_hash}".encode(), "sha256").hex()


def accept(actor: Actor, code: str) -> Accepted | None:
    """Consume a code of `actor`, who is signing in. Returns None if it is wrong or was used before."""
    typed = clean(code)
    if not is_app_code(typed):
        return _accept_recovery_code(actor, typed)
    mine = (Authenticator.user_id == actor.id) & Authenticator.ended_at.is_(None)
    found = db.session.execute(select(Authenticator.id, Authenticator.seed).where(mine)).one_or_none()
    step = totp.step_of(totp.secret_of(found.seed), typed, now()) if found else None
    if found is None or step is None:
        return None
    with writing(db.session) as session:
        later = (Authenticator.id == found.id) & Authenticator.ended_at.is_(None) & (Authenticator.last_step < step)
        accepted = session.scalar(update(Authenticator).where(later).values(last_step=step).returning(Authenticator.id))
    return Accepted(None) if accepted is not None else None


def clean(code: str) -> str:
    """Normalise a code: lower case and ASCII digits, without separators."""
    digits = (str(unicodedata.decimal(letter)) if letter.isdecimal() else letter for letter in code[:100].lower())
    return "".join(letter for letter in digits if letter.isalnum())


def is_app_code(typed: str) -> bool:
    """Whether a normalised code has the format of an authenticator app's."""
    return bool(_APP_CODE.fullmatch(typed))


def _accept_recovery_code(actor: Actor, typed: str) -> Accepted | None:
    with writing(db.session) as session:
        if not recovery_codes.consume(session, actor.id, typed):
            return None
        user = session.get_one(User, actor.id)
        actor = actor._replace(name=user.name)
        left = recovery_codes.left(actor.id)
        role = policy_of(actor).name
        account.post(session, "second_factor", user.email, user.name, role=role, change="code_used", left=str(left))
        audit.record(session, actor, "recovery_code.used", people.about(user), after={"left": left})
        return Accepted(left)
