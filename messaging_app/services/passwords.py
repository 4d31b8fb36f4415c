"""Changing one's own password, and the consequences of every new password."""

from __future__ import annotations

from collections.abc import Sequence

from flask_babel import lazy_gettext as _
from sqlalchemy import func, select, update

from messaging_app.accounts import tokens
from messaging_app.accounts.limits import limiter
from messaging_app.accounts.passwords import check_new, hash_password, verify_password
from messaging_app.accounts.sessions import end_sessions_of
from messaging_app.actors import Actor, ActorType
from messaging_app.db.engine import now, writing
from messaging_app.db.types import DbSession
from messaging_app.errors import FieldError, Invalid
from messaging_app.extensions import db
from messaging_app.mail import account
from messaging_app.models import AccountLink, ApiToken, Customer, LinkKind, User
from messaging_app.policies import policy_of
from messaging_app.queries.people import person_of
from messaging_app.services import audit, people


def has_password(actor: Actor) -> bool:
    """Whether `actor` signs in with a password. One statement."""
    person = person_of(actor.type)
    return bool(db.session.scalar(select(person.password_hash).where(person.id == actor.id)))


def count_tokens(actor: Actor) -> int:
    """How many active API tokens a new password of `actor` would end. One statement."""
    row, kinds = ApiToken, kinds_of(person_of(actor.type))
    theirs = row.actor_type.in_(kinds) & (row.person_id == actor.id) & row.living_at(now())
    return db.session.scalar(select(func.count()).select_from(row).where(theirs)) or 0


def check_own(actor: Actor, password: str, field: str = "current_password") -> None:
    """Raise `Invalid` on `field` unless `password` is the actor's own, and `RateLimited` after ten wrong ones.

    Reads and hashes outside of any transaction.
    """
    person = person_of(actor.type)
    stored = db.session.scalar(select(person.password_hash).where(person.id == actor.id))
    db.session.rollback()  # hold no connection while hashing
    limiter.hit("own_password", actor.type, actor.id)
    if not verify_password(password, stored):
        if not stored:
            sentence = _("You have no password yet. Set one with “Forgot your password?” on the sign-in page.")
            raise Invalid(FieldError(field, "none", sentence))
        raise Invalid(FieldError(field, "wrong", _("That is not your current password.")))
    limiter.give_back("own_password", actor.type, actor.id)


def change_password(actor: Actor, session_id: int, current: str, password: str, *, keep_tokens: bool = False) -> None:
    """Replace the actor's password. Ends all of their sessions except `session_id`.

    Raises `Invalid` on fields `current_password` and `password`, `RateLimited`.
    """
    check_own(actor, current)
    password_hash = hash_password(check_new(password))
    with writing(db.session) as session:
        person = people.lock(session, actor)
        replace(session, person, password_hash, keep_tokens=keep_tokens, keep_session=session_id)
        role = policy_of(actor).name
        account.post(session, "password_changed", person.email, person.name, store_id=actor.store_id, role=role)
        audit.record(session, actor, "password.changed", people.about(person), after={"tokens_kept": keep_tokens})


def replace(
    session: DbSession,
    person: User | Customer,
    password_hash: str,
    *,
    keep_tokens: bool,
    keep_session: int | None = None,
) -> None:
    """Set a new password for a locked person, in the caller's transaction.

    Ends their sessions except `keep_session`, their API tokens unless `keep_tokens`, and voids links mailed to them.
    """
    person.password_hash = password_hash
    kinds = kinds_of(type(person))
    for kind in kinds:
        end_sessions_of(kind, person.id, keep=keep_session)
    if not keep_tokens:
        tokens.end_tokens_of(session, kinds, [person.id])
    void_links(session, person, LinkKind.RESET, LinkKind.CONFIRM)


def void_links(session: DbSession, person: User | Customer, *kinds: LinkKind) -> None:
    """Void a person's unused links of these kinds, in the caller's transaction."""
    theirs = AccountLink.customer_id if isinstance(person, Customer) else AccountLink.user_id
    unused = (theirs == person.id) & AccountLink.kind.in_(kinds) & AccountLink.pending()
    session.execute(
        update(AccountLink).where(unused).values(void_at=now()).execution_options(synchronize_session=False)
    )


def kinds_of(model: type[User] | type[Customer]) -> Sequence[ActorType]:
    """Return the roles in which people of this model sign in, all with the same password."""
    return (ActorType.CUSTOMER,) if model is Customer else (ActorType.ADMIN, ActorType.STORE)
