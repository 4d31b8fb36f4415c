"""Resetting a forgotten password by a mailed link, without revealing which addresses have an account."""

from __future__ import annotations

from typing import NamedTuple

from messaging_app.accounts import failures, links
from messaging_app.accounts.limits import RateLimited, limiter
from messaging_app.accounts.passwords import check_new, hash_password
from messaging_app.db.engine import writing
from messaging_app.extensions import db
from messaging_app.mail import account
from messaging_app.models import LinkKind, Store, User
from messaging_app.policies import ROLES, RolePolicy
from messaging_app.queries.people import person_of
from messaging_app.services import audit, passwords, people
from messaging_app.text import email_key


class Reset(NamedTuple):
    """A valid link, as its page shows it."""

    email: str
    area: RolePolicy
    store: Store | None


def ask(area: RolePolicy, email: str, store_id: int | None, address: str) -> None:
    """Queue a link to this e-mail address. Behaves the same whether or not anybody has it.

    The worker decides (`accounts/reset_links.py`). After three requests per hour for one e-mail nothing more is queued.
    Raises `Invalid` if it is not an e-mail address, `RateLimited` after too many requests from one network `address`.
    """
    email = people.checked_email(email)
    limiter.hit("forgot_address", address)
    try:
        limiter.hit("forgot_account", area.name, store_id or 0, email_key(email))
    except RateLimited:
        return
    with writing(db.session) as session:
        account.post(session, "reset", email, store_id=store_id, role=area.name)
        audit.record(session, None, "password.reset_asked", audit.Object("address", area.name, email=email))


def open_reset(token: str) -> Reset:
    """What the page behind a link shows. Raises `LinkOver`, `NotFound`."""
    link = links.find(LinkKind.RESET, token)
    store = db.session.get(Store, link.store_id) if link.store_id is not None else None
    return Reset(link.email, ROLES[link.role], store)


def reset(token: str, password: str, *, keep_tokens: bool = False) -> Reset:
    """Consume a link: set the new password, end all sessions, and all API tokens unless `keep_tokens`.

    The second factor stays; the lock after wrong passwords is lifted. Raises `LinkOver`, `NotFound`, and `Invalid` on
    field `password`.
    """
    opened = open_reset(token)
    db.session.rollback()  # hold no connection while hashing
    password_hash = hash_password(check_new(password))
    with writing(db.session) as session:
        link = links.find(LinkKind.RESET, token)
        person = links.person_of(session, link, lock=True)
        link = links.consume(session, LinkKind.RESET, token)
        if person is None or not person.active:
            raise links.LinkOver
        passwords.replace(session, person, password_hash, keep_tokens=keep_tokens)
        user_id = person.id if isinstance(person, User) else None
        account.post(session, "password_changed", person.email, person.name, store_id=link.store_id, role=link.role)
        audit.record(session, None, "password.reset", people.about(person), after={"tokens_kept": keep_tokens})
    for _role, account_key in accounts_of(opened):
        limiter.forget("sign_in_account", *account_key)
    if user_id is not None:
        limiter.forget("sign_in_code", user_id)  # the password that came with those codes is no longer valid
    return opened


def accounts_of(opened: Reset) -> list[tuple[RolePolicy, tuple[object, ...]]]:
    """Return the roles that a link's password opens, each with the rate-limit key of its account."""
    kinds = passwords.kinds_of(person_of(opened.area.actor_type))
    store_id = opened.store.id if opened.store else None
    return [
        (role, failures.account_key(role, opened.email, store_id))
        for role in ROLES.values()
        if role.actor_type in kinds
    ]
