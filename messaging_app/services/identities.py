"""Identities at providers, and how they are linked to users.

`issuer` and `subject` identify a person. The e-mail address only matches invitations; it never links an existing account
(rule 32). Users with an account connect their identity themselves, while signed in.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from flask_babel import lazy_gettext as _
from sqlalchemy import exists, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from messaging_app.accounts.links import LinkOver
from messaging_app.accounts.local_sign_in import may_sign_in_locally
from messaging_app.accounts.sign_in import Person, place_of
from messaging_app.actors import Actor, ActorType
from messaging_app.db.engine import writing
from messaging_app.directory.values import clean_email, clean_name
from messaging_app.errors import NotFound, Refusal
from messaging_app.extensions import db
from messaging_app.mail import account
from messaging_app.models import Identity, User
from messaging_app.oidc import providers
from messaging_app.oidc.answers import Profile
from messaging_app.policies import POLICIES, RolePolicy, policy_of
from messaging_app.services import audit, group_roles, joining, people
from messaging_app.text import email_key


class NotWelcome(Refusal):
    """The identity belongs to no user and was not invited."""

    status = 403
    code = "not_invited"
    sentence = _("You have no access with this account. Ask an administrator or your store's owner for an invitation.")
    unverified = _("Your provider has not verified your e-mail address, so your invitation cannot be found.")
    elsewhere = _("You have no access here with this account. Use the other sign-in.")
    deactivated = _("Your account here is deactivated.")


class NotConnected(Refusal):
    """There is an account with this e-mail address, but the address alone does not prove that it is this person's."""

    status = 409
    code = "not_connected"
    sentence = _(
        "There is already an account with your e-mail address. Sign in with its password, then connect your provider "
        "under Security."
    )


class ConnectedElsewhere(Refusal):
    """The identity is connected to another user, or this user has another identity at the provider."""

    status = 409
    code = "connected_elsewhere"
    sentence = _("This account at your provider is already connected to another account here.")
    another = _("You have already connected another account at this provider. Disconnect it first.")


class OnlyWayIn(Refusal):
    """Without this identity its user could not sign in."""

    status = 409
    code = "only_way_in"
    sentence = _("This is your only way to sign in. Set a password first.")


class Connected(NamedTuple):
    """A user's identity, as their account page shows it."""

    id: int
    issuer: str
    created_at: datetime


def sign_in(area: RolePolicy, provider: str, given: Profile) -> Person:
    """Return the person who signs in to `area` with an identity: its user, an invited one, or one admitted by groups.

    Raises `NotWelcome`, `NotConnected`.
    """
    try:
        places = _sign_in(area, provider, given)
    except (IntegrityError, NotConnected, LinkOver):
        # The same person may sign in twice in parallel, and the other request was first.
        places = _sign_in(area, provider, given)
    if not places:
        raise NotWelcome
    if area.actor_type not in places:
        raise NotWelcome(str(NotWelcome.elsewhere))
    return places[area.actor_type]


def _sign_in(area: RolePolicy, provider: str, given: Profile) -> dict[ActorType, Person]:
    """Return the user of an identity as a `Person` of every role that they have."""
    with writing(db.session) as session:
        identity = _find(session, given)
        is_known = identity is not None
        if identity is None:
            user = _invited(session, given)
            identity = _link(session, Actor(area.actor_type, user.id, user.name), user, provider, given)
        else:
            user = session.get_one(User, identity.user_id)
        if not user.active:
            raise NotWelcome(str(NotWelcome.deactivated))
        group_roles.follow(session, provider, user, identity, given.grants)
        kinds = [role.actor_type for role in POLICIES.values() if role.single_sign_on]
        places = {kind: person for kind in kinds if (person := place_of(kind, user.id))}
        if not (places or is_known):
            raise NotWelcome  # rolls everything back
        return places


def connect(actor: Actor, provider: str, given: Profile) -> None:
    """Connect an identity to the actor's account. Idempotent.

    Raises `ConnectedElsewhere`.
    """
    with writing(db.session) as session:
        user = session.get_one(User, actor.id, with_for_update={"key_share": True})
        identity = _find(session, given)
        if identity is not None and identity.user_id == user.id:
            return
        if identity is not None:
            raise ConnectedElsewhere
        if _has_identity_of(session, user, given.issuer):
            raise ConnectedElsewhere(str(ConnectedElsewhere.another))
        _link(session, actor, user, provider, given)
        _tell(session, actor, user, given.issuer, "connected")


def disconnect(actor: Actor, identity_id: int) -> None:
    """Disconnect one of the actor's identities. Raises `NotFound`, `OnlyWayIn`."""
    with writing(db.session) as session:
        user = session.get_one(User, actor.id, with_for_update={"key_share": True})
        own = session.scalars(select(Identity).where(Identity.user_id == user.id)).all()
        identity = next((found for found in own if found.id == identity_id), None)
        if identity is None:
            raise NotFound
        if len(own) == 1 and not (user.password_hash and may_sign_in_locally(actor.type, user.id)):
            raise OnlyWayIn
        session.delete(identity)
        session.flush()
        _tell(session, actor, user, identity.issuer, "disconnected")
        facts: dict[str, audit.Value] = {"issuer": identity.issuer, "subject": identity.subject}
        audit.record(session, actor, "identity.unlinked", people.about(user), before=facts)


def list_identities(actor: Actor) -> list[Connected]:
    """Return the actor's identities. One statement."""
    row = Identity
    query = select(row.id, row.issuer, row.created_at).where(row.user_id == actor.id).order_by(row.id)
    return [Connected(*found) for found in db.session.execute(query)]


def _find(session: Session, given: Profile) -> Identity | None:
    its_own = (Identity.issuer == given.issuer) & (Identity.subject == given.subject)
    return session.scalar(select(Identity).where(its_own).with_for_update())


def _has_identity_of(session: Session, user: User, issuer: str) -> bool:
    own = (Identity.user_id == user.id) & (Identity.issuer == issuer)
    return bool(session.scalar(select(exists(select(Identity.id).where(own)))))


def _invited(session: Session, given: Profile) -> User:
    """Return the user for an unknown identity: one whose invitations this accepts, or a new one admitted by groups."""
    if not given.email:
        raise NotWelcome(str(NotWelcome.unverified))
    try:
        email = clean_email(given.email)
    except ValueError:
        raise NotWelcome(str(NotWelcome.unverified)) from None
    name = _name_of(given, email)
    user = joining.accept_all(session, email, name)
    if user is not None:
        if _has_identity_of(session, user, given.issuer):
            raise NotConnected
        return user
    if session.scalar(select(User.id).where(User.email_key == email_key(email))) is not None:
        raise NotConnected
    if not given.grants:
        raise NotWelcome
    return people.add_user(session, email, name, None)


def _link(session: Session, actor: Actor, user: User, provider: str, given: Profile) -> Identity:
    identity = Identity(issuer=given.issuer, subject=given.subject, user_id=user.id)
    session.add(identity)
    session.flush()
    facts: dict[str, audit.Value] = {"provider": provider, "issuer": given.issuer, "subject": given.subject}
    audit.record(session, actor, "identity.linked", people.about(user), after=facts)
    return identity


def _tell(session: Session, actor: Actor, user: User, issuer: str, change: str) -> None:
    label = next((provider.label for provider in providers().values() if provider.issuer == issuer), issuer)
    role = policy_of(actor).name
    account.post(session, "identity", user.email, user.name, role=role, change=change, provider=label)


def _name_of(given: Profile, email: str) -> str:
    try:
        return clean_name(given.name)
    except ValueError:
        return email.partition("@")[0]
