"""A user's second factor (authenticator app and recovery codes): turn on, remove, and reset by another admin.

Every change is recorded in the audit trail and mailed to the user. Recovery codes exist as long as any factor does.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy import ColumnElement, delete, func, select, update

from messaging_app.accounts import recovery_codes, second_step, totp
from messaging_app.actors import Actor
from messaging_app.db.engine import now, writing
from messaging_app.db.types import DbSession
from messaging_app.errors import FieldError, Invalid, NotAllowed, NotFound, Refusal
from messaging_app.extensions import db
from messaging_app.mail import account
from messaging_app.models import Authenticator, Passkey, StoreMembership, User
from messaging_app.policies import ADMIN, STORE, policy_of
from messaging_app.services import audit, passwords, people
from messaging_app.services.console import require_right
from messaging_app.text import email_key


class OwnPasskey(NamedTuple):
    """A passkey as its owner sees it."""

    id: int
    name: str
    created_at: datetime
    last_used_at: datetime | None


class Factors(NamedTuple):
    """A user's second factors."""

    app_since: datetime | None
    codes_left: int
    passkeys: list[OwnPasskey]

    @property
    def is_on(self) -> bool:
        """Whether there is any second factor."""
        return self.app_since is not None or bool(self.passkeys)

    @property
    def has_few_codes(self) -> bool:
        """Whether few recovery codes are left."""
        return self.is_on and self.codes_left <= recovery_codes.FEW


class Lost(NamedTuple):
    """A user whose factor may be reset, and the store they work for; None for an admin."""

    user: User
    factors: Factors
    store_id: int | None


class AlreadyOn(Refusal):
    """The authenticator app is already on, perhaps turned on in another tab."""

    status = 409
    code = "already_on"
    sentence = _("Your authenticator app is already on. Remove it first to set up another one.")


def factors_of(user_id: int) -> Factors:
    """Return a user's factors. Three statements."""
    living = (Authenticator.user_id == user_id) & Authenticator.ended_at.is_(None)
    since = db.session.scalar(select(Authenticator.created_at).where(living))
    row = Passkey
    own = select(row.id, row.name, row.created_at, row.last_used_at).where(row.user_id == user_id).order_by(row.id)
    passkeys = [OwnPasskey(*found) for found in db.session.execute(own)]
    return Factors(since, recovery_codes.left(user_id), passkeys)


def offer(actor: Actor, session_id: int, email: str) -> totp.Offer:
    """Return the data to set up an app in this session. One statement."""
    return totp.offer(_seed(db.session, actor, session_id), email, gettext("Marketplace"))


def turn_on(actor: Actor, session_id: int, code: str) -> list[str]:
    """Turn on the offered authenticator app. `code` proves that it is set up, and cannot be used again to sign in.

    Returns new recovery codes; none if a passkey already has some. Raises `Invalid` on field `code`, `AlreadyOn`.
    """
    with writing(db.session) as session:
        user = lock(session, actor)
        seed = _seed(session, actor, session_id)
        secret = totp.secret_of(seed)
        step = totp.step_of(secret, second_step.clean(code), now())
        if session.scalar(select(Authenticator.id).where(_living(user.id))) is not None:
            raise AlreadyOn
        if step is None:
            sentence = _(
                "That is not the code your app shows now. Check that your phone’s clock is right and try again."
            )
            raise Invalid(FieldError("code", "wrong", sentence))
        first = not second_step.has_factor(user.id)
        row = Authenticator(user_id=user.id, seed=seed, secret_hash=totp.hash_of(secret), last_step=step)
        session.add(row)
        session.flush()
        return added(session, actor, user, "authenticator", first=first)


def added(
    session: DbSession, actor: Actor, user: User, factor: str, name: str | None = None, *, first: bool
) -> list[str]:
    """Finish adding a factor in the caller's transaction. Returns recovery codes for the `first` one."""
    codes = recovery_codes.replace(session, user.id) if first else []
    notify(session, actor, user, f"{factor}_added", name)
    audit.record(session, actor, "factor.added", people.about(user), after={"factor": factor, "name": name})
    return codes


def turn_off(actor: Actor, password: str) -> None:
    """Remove the authenticator app. Raises `Invalid` on field `current_password`, `RateLimited`, `NotFound`."""
    check_password(actor, password)
    with writing(db.session) as session:
        user = lock(session, actor)
        if not _end_app(session, user.id):
            raise NotFound
        removed(session, actor, user, "authenticator")


def removed(session: DbSession, actor: Actor, user: User, factor: str, name: str | None = None) -> None:
    """Finish removing a factor in the caller's transaction. With the last one the recovery codes are deleted."""
    if not second_step.has_factor(user.id):
        recovery_codes.remove(session, user.id)
    notify(session, actor, user, f"{factor}_removed", name)
    audit.record(session, actor, "factor.removed", people.about(user), before={"factor": factor, "name": name})


def make_codes(actor: Actor, password: str) -> list[str]:
    """Replace the actor's recovery codes and return the new ones.

    Raises `Invalid` on field `current_password`, `RateLimited`, and `NotFound` for users without a factor.
    """
    check_password(actor, password)
    with writing(db.session) as session:
        user = lock(session, actor)
        if not second_step.has_factor(user.id):
            raise NotFound
        codes = recovery_codes.replace(session, user.id)
        notify(session, actor, user, "codes_made")
        audit.record(session, actor, "recovery_codes.made", people.about(user), after={"codes": len(codes)})
        return codes


def resettable(actor: Actor, user_id: int) -> Lost:
    """Return a user whose factor `actor` may reset.

    Raises `NotFound` for users without one, and `NotAllowed` for one's own, which the account page removes.
    """
    require_right(actor, "admins")
    user, factors = db.session.get(User, user_id), factors_of(user_id)
    if user is None or not factors.is_on:
        raise NotFound
    if user.id == actor.id:
        raise NotAllowed
    theirs = select(func.min(StoreMembership.store_id)).where(StoreMembership.user_id == user_id)
    return Lost(user, factors, None if user.is_admin else db.session.scalar(theirs))


def reset(actor: Actor | None, user_id: int) -> None:
    """Remove all factors of a user who lost theirs. `actor` is another admin, or None on the command line.

    The user signs in with their password until they set up a new factor. Raises `NotFound`, `NotAllowed`.
    """
    with writing(db.session) as session:
        if actor is not None:
            resettable(actor, user_id)
        user = session.get_one(User, user_id, with_for_update={"key_share": True}, populate_existing=True)
        had = factors_of(user.id)
        if not had.is_on:
            raise NotFound
        _end_app(session, user.id)
        session.execute(delete(Passkey).where(Passkey.user_id == user.id))
        recovery_codes.remove(session, user.id)
        role, by = (ADMIN if user.is_admin else STORE).name, actor.name if actor else ""
        account.post(session, "second_factor", user.email, user.name, role=role, change="reset", by=by)
        before: dict[str, audit.Value] = {"authenticator": had.app_since is not None, "passkeys": len(had.passkeys)}
        audit.record(session, actor, "factor.reset", people.about(user), before=before)


def reset_by_email(email: str) -> None:
    """Reset the factor of the user with this e-mail, from the command line. Raises `Invalid` on field `email`."""
    user_id = db.session.scalar(select(User.id).where(User.email_key == email_key(email)))
    if user_id is None or not second_step.has_factor(user_id):
        raise Invalid(FieldError("email", "unknown", _("Nobody with this address has a second factor.")))
    reset(None, user_id)


def check_password(actor: Actor, password: str) -> None:
    """Check the actor's password before a change of factors, if they have one."""
    if passwords.has_password(actor):
        passwords.check_own(actor, password)


def lock(session: DbSession, actor: Actor) -> User:
    """Return the user behind `actor`, locked so that changes of their factors run one at a time."""
    return session.get_one(User, actor.id, with_for_update={"key_share": True}, populate_existing=True)


def notify(session: DbSession, actor: Actor, user: User, change: str, passkey: str | None = None) -> None:
    """Queue a mail to a user about a change, in the caller's transaction."""
    role = policy_of(actor).name
    account.post(session, "second_factor", user.email, user.name, role=role, change=change, passkey=passkey or "")


def _living(user_id: int) -> ColumnElement[bool]:
    return (Authenticator.user_id == user_id) & Authenticator.ended_at.is_(None)


def _seed(session: DbSession, actor: Actor, session_id: int) -> str:
    earlier = session.scalar(select(func.count()).select_from(Authenticator).where(Authenticator.user_id == actor.id))
    return totp.seed_for(actor.id, session_id, earlier or 0)


def _end_app(session: DbSession, user_id: int) -> bool:
    ended = update(Authenticator).where(_living(user_id)).values(ended_at=now()).returning(Authenticator.id)
    return session.scalar(ended) is not None
