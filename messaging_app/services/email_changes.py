"""Changing one's own e-mail address: requested with the password, effective once confirmed from the new address."""

from __future__ import annotations

from typing import NamedTuple

from flask_babel import lazy_gettext as _
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from messaging_app.accounts import email_links, links
from messaging_app.accounts.limits import limiter
from messaging_app.actors import Actor, ActorType
from messaging_app.db.engine import now, writing
from messaging_app.db.types import DbSession
from messaging_app.errors import FieldError, Invalid, Refusal
from messaging_app.extensions import db
from messaging_app.mail import account
from messaging_app.models import AccountLink, Customer, LinkKind, Store, User
from messaging_app.policies import ROLES, RolePolicy, policy_of
from messaging_app.services import audit, passwords, people, profiles
from messaging_app.text import email_key


class AddressTaken(Refusal):
    """Another account has the address by now. Shown only to the reader of that address's mail."""

    status = 409
    code = "email_taken"
    sentence = _("Another account already uses this address. Nothing was changed.")


class Change(NamedTuple):
    """A change to be confirmed, as the page behind the link shows it."""

    email: str
    name: str
    area: RolePolicy
    store: Store | None


def get_asked(actor: Actor) -> str | None:
    """Return the new address that the actor has not confirmed yet, or None. One statement."""
    theirs = AccountLink.customer_id if actor.type == ActorType.CUSTOMER else AccountLink.user_id
    living = AccountLink.pending() & (AccountLink.expires_at > now())
    return db.session.scalar(
        select(AccountLink.email).where(theirs == actor.id, AccountLink.kind == LinkKind.CONFIRM, living)
    )


def ask(actor: Actor, email: str, current_password: str) -> None:
    """Mail a link to the new address and a notice to the current one. Behaves the same if the address is taken.

    Raises `Invalid` on fields `email` and `current_password`, `RateLimited` after five in an hour.
    """
    email = people.checked_email(email)
    if not account.is_on():
        sentence = _("E-mail is switched off, so a new address cannot be confirmed. Ask the platform's administrator.")
        raise Invalid(FieldError("email", "mail_off", sentence))
    passwords.check_own(actor, current_password)
    limiter.hit("email_change", actor.type, actor.id)
    role = policy_of(actor)
    customer = role.actor_type == ActorType.CUSTOMER
    store_id = actor.store_id if customer else None
    with writing(db.session) as session:
        person = people.lock(session, actor)
        if person.email == email:
            raise Invalid(FieldError("email", "same", _("This is already your address.")))
        link = links.make(
            session,
            LinkKind.CONFIRM,
            email,
            role=role.name,
            user_id=None if customer else actor.id,
            customer_id=actor.id if customer else None,
            store_id=store_id,
        )
        account.post(
            session, "email_confirm", email, link_id=link.id, store_id=store_id, role=role.name, asker=person.name
        )
        account.post(
            session, "email_change_asked", person.email, person.name, store_id=store_id, role=role.name, new=email
        )
        audit.record(
            session, actor, "email.change_asked", people.about(person), {"email": person.email}, {"email": email}
        )


def open_change(token: str) -> Change:
    """Return what the page behind a link shows. Raises `LinkOver`, `NotFound`."""
    link = links.find(LinkKind.CONFIRM, token)
    return _change(db.session, link, links.person_of(db.session, link))


def confirm(token: str) -> Change:
    """Consume a link: set the new address, notify the old one, and void links that were mailed to it.

    Raises `LinkOver`, `NotFound`, `AddressTaken`.
    """
    try:
        with writing(db.session) as session:
            person = links.person_of(session, links.find(LinkKind.CONFIRM, token), lock=True)
            link = links.consume(session, LinkKind.CONFIRM, token)
            found = _change(session, link, person)
            assert person is not None, "_change raises otherwise"
            if email_links.is_taken(session, link):
                raise AddressTaken
            before, person.email, person.email_key = person.email, link.email, email_key(link.email)
            profiles.keep_findable(session, person)
            passwords.void_links(session, person, LinkKind.RESET)
            account.post(
                session,
                "email_changed",
                before,
                person.name,
                store_id=link.store_id,
                role=link.role,
                new=person.email,
            )
            about = people.about(person)
            audit.record(session, None, "email.changed", about, {"email": before}, {"email": person.email})
            return found
    except IntegrityError as error:  # another account took the address a moment ago
        raise AddressTaken from error


def _change(session: DbSession, link: AccountLink, person: User | Customer | None) -> Change:
    """Return what a link changes. Raises `LinkOver` if the person or the store is no longer active."""
    store = session.get(Store, link.store_id) if link.store_id is not None else None
    if person is None or not person.active or (store is not None and not store.active):
        raise links.LinkOver
    return Change(link.email, person.name, ROLES[link.role], store)
