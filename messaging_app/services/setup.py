"""First start: a code printed by a command on the server lets its holder create the first admin."""

from __future__ import annotations

import secrets

from flask import current_app
from flask_babel import lazy_gettext as _
from sqlalchemy import exists, or_, select

from messaging_app.accounts import links
from messaging_app.accounts.passwords import check_new, hash_password
from messaging_app.actors import Actor, ActorType
from messaging_app.db.engine import writing
from messaging_app.errors import FieldError, Invalid, NotFound, Refusal
from messaging_app.extensions import db
from messaging_app.models import AuditHead, Customer, LinkKind, User
from messaging_app.services import audit, people
from messaging_app.text import email_key

LETTERS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"  # no look-alikes
CODE_LENGTH = 16  # five bits each
PLACE = audit.Object("platform", "setup")


class AlreadySetUp(Refusal):
    """There already is an admin, who can invite others."""

    status = 409
    code = "already_set_up"
    sentence = _("There is already an admin. Sign in as one to invite others.")


def has_people() -> bool:
    """Whether there is any user or customer. They are never deleted, so a yes is cached for the life of the process."""
    known = current_app.extensions.get("has_people", False)
    if not known:
        known = current_app.extensions["has_people"] = bool(
            db.session.scalar(select(or_(exists(select(User.id)), exists(select(Customer.id)))))
        )
    return bool(known)


def has_admin() -> bool:
    """Whether an admin can sign in. One statement."""
    return bool(db.session.scalar(select(exists(select(User.id).where(User.is_admin, User.active)))))


def make_code() -> str:
    """Return a code to create the first admin, valid for an hour; it replaces any earlier one. Raises `AlreadySetUp`."""
    if has_admin():
        raise AlreadySetUp
    code = "".join(secrets.choice(LETTERS) for _letter in range(CODE_LENGTH))
    with writing(db.session) as session:
        session.execute(
            select(AuditHead.id).with_for_update()
        )  # one at a time: otherwise two created in parallel would both be valid
        links.make(session, LinkKind.SETUP, "", role="admin", token=code)
        audit.record(session, None, "setup.code_made", PLACE)
    return "-".join(code[at : at + 4] for at in range(0, CODE_LENGTH, 4))


def finish(code: str, email: str, name: str, password: str) -> int:
    """Create the first admin and return their id. Raises `NotFound` if there already is one, and `Invalid`."""
    if has_admin():
        raise NotFound
    typed = "".join(letter for letter in code.upper() if letter.isalnum())
    try:
        links.find(LinkKind.SETUP, typed)
    except Refusal:
        raise _wrong_code() from None
    email = people.checked_email(email)
    people.checked_name(name)
    check_new(password)
    db.session.rollback()  # hold no connection while hashing
    password_hash = hash_password(password)
    with writing(db.session) as session:
        try:
            links.consume(session, LinkKind.SETUP, typed)
        except Refusal:
            raise _wrong_code() from None
        if has_admin():
            raise NotFound
        if session.scalar(select(User.id).where(User.email_key == email_key(email))) is not None:
            raise Invalid(FieldError("email", "taken", _("This address is already in use. Use another one.")))
        user = people.add_user(session, email, name, password_hash)
        actor = Actor(ActorType.ADMIN, user.id, user.name)
        people.make_admin(session, actor, user)
        audit.record(session, actor, "setup.finished", PLACE)
        return user.id


def _wrong_code() -> Invalid:
    sentence = _("This code is wrong, was used, or is older than an hour. Print a new one on your server.")
    return Invalid(FieldError("code", "invalid", sentence))
