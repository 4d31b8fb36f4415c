"""Passkeys of users: add, remove and sign in. A passkey counts as both factors."""

from __future__ import annotations

from flask_babel import lazy_gettext as _
from sqlalchemy import func, select, update

from messaging_app.accounts import passkeys, second_step
from messaging_app.accounts.passkeys import WrongAnswer
from messaging_app.actors import Actor
from messaging_app.db.engine import now, writing
from messaging_app.errors import FieldError, Invalid, NotFound, Refusal
from messaging_app.extensions import db
from messaging_app.models import Passkey
from messaging_app.models.second_factor import PASSKEY_NAME_MAX
from messaging_app.services import second_factor
from messaging_app.text import shows_something

MOST_PASSKEYS = 20


class PasskeyRefused(Refusal):
    """The browser's response matches no passkey."""

    status = 422
    code = "passkey_refused"
    sentence = _("This passkey did not work, or it took too long. Try again.")


def creation_options(actor: Actor, email: str) -> str:
    """Return the options for the actor's browser to create a passkey, as JSON. One statement."""
    known = db.session.scalars(select(Passkey.credential_id).where(Passkey.user_id == actor.id)).all()
    return passkeys.creation_options(actor.id, email, actor.name, known)


def add(actor: Actor, name: str, answer: str) -> list[str]:
    """Store a passkey from the browser's response. Returns new recovery codes if it is the first factor.

    Raises `Invalid` on fields `name` and `credential`.
    """
    name = clean_name(name)
    try:
        made = passkeys.check_new(actor.id, answer)
    except WrongAnswer:
        sentence = _("That did not work, or took too long. Try again.")
        raise Invalid(FieldError("credential", "wrong", sentence)) from None
    with writing(db.session) as session:
        user = second_factor.lock(session, actor)
        have = session.scalar(select(func.count()).select_from(Passkey).where(Passkey.user_id == user.id)) or 0
        if have >= MOST_PASSKEYS:
            sentence = _(
                "You have reached the limit of %(max)s passkeys. Remove one you no longer use.", max=MOST_PASSKEYS
            )
            raise Invalid(FieldError("credential", "too_many", sentence))
        if session.scalar(select(Passkey.id).where(Passkey.credential_id == made.credential_id)) is not None:
            raise Invalid(FieldError("credential", "known", _("You have already added this passkey.")))
        first = not second_step.has_factor(user.id)
        session.add(Passkey(user_id=user.id, name=name, **made._asdict()))
        session.flush()
        return second_factor.added(session, actor, user, "passkey", name, first=first)


def own(actor: Actor, passkey_id: int) -> Passkey:
    """Return one of the actor's passkeys. Raises `NotFound` for any other."""
    found = db.session.scalar(select(Passkey).where(Passkey.id == passkey_id, Passkey.user_id == actor.id))
    if found is None:
        raise NotFound
    return found


def remove(actor: Actor, passkey_id: int, password: str) -> None:
    """Remove one of the actor's passkeys. Raises `Invalid` on field `current_password`, `RateLimited`, `NotFound`."""
    own(actor, passkey_id)
    second_factor.check_password(actor, password)
    with writing(db.session) as session:
        user = second_factor.lock(session, actor)
        passkey = own(actor, passkey_id)
        name = passkey.name
        session.delete(passkey)
        session.flush()
        second_factor.removed(session, actor, user, "passkey", name)


def recognise(answer: str) -> int | None:
    """Return the id of the user who signed this response, or None if it is wrong, too old or was used before."""
    try:
        row = Passkey
        query = select(row.id, row.user_id, row.public_key, row.sign_count)
        found = db.session.execute(query.where(row.credential_id == passkeys.credential_in(answer))).one_or_none()
        if found is None:
            return None
        sign_count, asked_at = passkeys.check(answer, found.public_key, found.sign_count)
    except WrongAnswer:
        return None
    with writing(db.session) as session:
        # Newer than the last use: a response is accepted once, even from authenticators without a sign counter.
        unused = row.last_used_at.is_(None) | (row.last_used_at < asked_at)
        same = (row.id == found.id) & (row.sign_count == found.sign_count) & unused
        return session.scalar(
            update(row).where(same).values(sign_count=sign_count, last_used_at=now()).returning(row.user_id)
        )


def clean_name(raw: str) -> str:
    """Return a passkey's name as stored. Raises `Invalid` on field `name`."""
    name = " ".join(raw.split())
    if not (shows_something(name) and name.isprintable()):
        raise Invalid(FieldError("name", "required", _("Enter a name, so that you know later which passkey this is.")))
    if len(name) > PASSKEY_NAME_MAX:
        sentence = _("A name can have at most %(max)s characters.", max=PASSKEY_NAME_MAX)
        raise Invalid(FieldError("name", "too_long", sentence))
    return name
