"""Failed sign-ins in the audit trail: few enough to read, and at the same cost whether or not an account exists."""

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

NOTED = (1, 5, 10)  # which failures of one account in 15 minutes; the tenth is the last before the pause


def account_key(role: RolePolicy, email: str, store_id: int | None) -> tuple[object, ...]:
    """Return the key under which attempts on one account are counted."""
    return (role.name, store_id or 0, email_key(email)[:254])


def record_failure(role: RolePolicy, email: str, store_id: int | None, address: str) -> None:
    """Record a wrong password, or an unknown e-mail, which is not stored: people type passwords into that field too.

    Records the 1st, 5th and 10th failure of an account in 15 minutes, at most 30 an hour from one address and 1,000 in
    all; the log tells of the others. Nothing here depends on whether the account exists, except the entry's words.
    """
    (name, key), *_others = devices.counters(role, account_key(role, email, store_id), address)
    failures = _worth_noting(address, name, *key)
    if not failures:
        return
    with writing(db.session) as session:
        about = _account(session, role, email, store_id) or audit.Object("address", role.name)
        audit.record(session, None, "sign_in.failed", about, after={"role": str(role.actor_type), "failures": failures})


def record_wrong_code(role: RolePolicy, user_id: int, address: str) -> None:
    """Record a wrong code after a right password, as often as wrong passwords."""
    failures = _worth_noting(address, "sign_in_code", user_id)
    if failures:
        facts: dict[str, audit.Value] = {"role": str(role.actor_type), "step": "code", "failures": failures}
        with writing(db.session) as session:
            about = audit.about_person(session, role.actor_type, user_id)
            audit.record(session, None, "sign_in.failed", about, after=facts)


def _worth_noting(address: str, limit: str, *key: object) -> int:
    """Return which failure of an account this is, or 0 if it is not to be recorded."""
    window = limiter.window(limit, *key)
    failures = window.limit - window.left if window else 1
    return failures if failures in NOTED and _has_room(address) else 0


def record_refusal(role: RolePolicy, provider: str, about: audit.Object, reason: str, address: str) -> None:
    """Record that a provider named somebody (`about`) who was not let in, at most as often as other failures."""
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
