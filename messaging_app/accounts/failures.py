"""Failed sign-ins in the audit trail: limited in number, and at the same cost whether or not the account exists."""

from __future__ import annotations

from flask import current_app
from sqlalchemy import select

from messaging_app.accounts import devices
from messaging_app.accounts.limits import RateLimited, limiter
from messaging_app.accounts.sign_in import storable
from messaging_app.actors import ActorType
from messaging_app.db.engine import writing
from messaging_app.db.types import DbSession
from messaging_app.extensions import db
from messaging_app.models import Customer, User
from messaging_app.policies import RolePolicy
from messaging_app.services import audit
from messaging_app.text import email_key

NOTED = (1, 5, 10)  # the failures of one account within 15 minutes to record; the tenth is the last before the lock


def account_key(role: RolePolicy, email: str, store_id: int | None) -> tuple[object, ...]:
    """Return the rate-limit key of one account."""
    return (role.name, store_id or 0, email_key(email)[:254])


def record_failure(role: RolePolicy, email: str, store_id: int | None, address: str) -> None:
    """Record a wrong password, or an unknown e-mail, which is not stored: people type passwords into that field too.

    Records the 1st, 5th and 10th failure of an account within 15 minutes, at most 30 per hour from one address and 1,000
    in total; the rest go to the log. Only the wording of the entry depends on whether the account exists.
    """
    (name, key), *_others = devices.counters(role, account_key(role, email, store_id), address)
    failures = _worth_noting(address, name, *key)
    if not failures:
        return
    with writing(db.session) as session:
        about = _account(session, role, email, store_id) or audit.Object("address", role.name)
        audit.record(session, None, "sign_in.failed", about, after={"role": str(role.actor_type), "failures": failures})


def record_wrong_code(role: RolePolicy, user_id: int, address: str) -> None:
    """Record a wrong code after a correct password, limited like wrong passwords."""
    failures = _worth_noting(address, "sign_in_code", user_id)
    if failures:
        facts: dict[str, audit.Value] = {"role": str(role.actor_type), "step": "code", "failures": failures}
        with writing(db.session) as session:
            about = audit.about_person(session, role.actor_type, user_id)
            audit.record(session, None, "sign_in.failed", about, after=facts)


def _worth_noting(address: str, limit: str, *key: object) -> int:
    """Return the number of this failure (1, 5 or 10), or 0 if it should not be recorded."""
    window = limiter.window(limit, *key)
    failures = window.limit - window.left if window else 1
    return failures if failures in NOTED and _has_room(address) else 0


def record_refusal(role: RolePolicy, provider: str, about: audit.Object, reason: str, address: str) -> None:
    """Record that a provider's user (`about`) was refused, limited like other failures."""
    if _has_room(address):
        facts = {"role": str(role.actor_type), "provider": provider, "reason": reason}
        with writing(db.session) as session:
            audit.record(session, None, "sign_in.failed", about, after=facts)


def _has_room(address: str) -> bool:
    try:
        limiter.hit("failures_address", address)
        limiter.hit("failures")
    except RateLimited:
        current_app.logger.warning("a failed sign-in from %s is not in the audit trail: too many of them", address)
        return False
    return True


def _account(session: DbSession, role: RolePolicy, email: str, store_id: int | None) -> audit.Object | None:
    key = storable(email_key(email))
    if role.actor_type == ActorType.CUSTOMER:
        kind = "customer"
        query = select(Customer.id, Customer.name, Customer.email).where(
            Customer.email_key == key, Customer.store_id == store_id
        )
    else:
        kind = "user"
        query = select(User.id, User.name, User.email).where(User.email_key == key)
    found = session.execute(query).one_or_none()
    return audit.Object(kind, *found) if found else None
