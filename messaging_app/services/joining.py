"""Joining by an invitation: what the page behind its link shows, and what accepting it does."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from flask_babel import lazy_gettext as _
from sqlalchemy import select

from messaging_app.accounts import links, local_sign_in
from messaging_app.accounts.passwords import check_new, hash_password
from messaging_app.actors import Actor
from messaging_app.db.engine import now, writing
from messaging_app.db.types import DbSession
from messaging_app.errors import NotAllowed
from messaging_app.extensions import db
from messaging_app.models import AccountLink, LinkKind, Store, User
from messaging_app.policies import ADMIN, STORE, RolePolicy
from messaging_app.queries.second_factor import has_factor
from messaging_app.services import audit, people
from messaging_app.services.invitation_places import about, facts, join, lock
from messaging_app.text import email_key


class Invitation(NamedTuple):
    """A living invitation as its page shows it. `has_password`: this person signs in with what they have."""

    id: int
    email: str
    email_key: str
    role: str
    expires_at: datetime
    invited_by: str
    store_id: int | None
    store: Store | None
    name: str
    has_password: bool

    @property
    def area(self) -> RolePolicy:
        """Where the person will work."""
        return STORE if self.store else ADMIN


class Joined(NamedTuple):
    """Somebody who accepted. `is_proven`: they chose their password just now, have no second factor, and may go in."""

    user_id: int
    store_id: int | None
    area: RolePolicy
    is_proven: bool


def open_invitation(token: str) -> Invitation:
    """What the page behind a link shows. Raises `LinkOver`, `NotFound`."""
    link = links.find(LinkKind.INVITATION, token)
    store = db.session.get(Store, link.store_id) if link.store_id is not None else None
    if store is not None and not store.active:
        raise links.LinkOver
    invited_by = db.session.scalar(select(User.name).where(User.id == link.created_by)) or ""
    user = db.session.scalar(select(User).where(User.email_key == link.email_key))
    return Invitation(
        link.id,
        link.email,
        link.email_key,
        link.role,
        link.expires_at,
        invited_by,
        link.store_id,
        store,
        user.name if user else "",
        bool(user and user.password_hash),
    )


def accept(token: str, name: str, password: str) -> Joined:
    """Use an invitation up: the person joins, with the name and password that they chose.

    Somebody who has an account by now only joins; their password stays as it is. Raises `LinkOver`, `NotFound`,
    `NotAllowed` where only providers sign people in, `Invalid` on fields `name` and `password`.
    """
    invitation = open_invitation(token)
    password_hash = None
    if not invitation.has_password:
        if local_sign_in.form_for(invitation.area.actor_type) != "open":
            raise NotAllowed(_("Sign in with your provider: that accepts the invitation."))
        people.checked_name(name)
        db.session.rollback()  # no connection is held while the password is worked on
        password_hash = hash_password(check_new(password))
    with writing(db.session) as session:
        store = lock(session, invitation.store_id)
        link = links.consume(session, LinkKind.INVITATION, token)
        user = session.scalar(select(User).where(User.email_key == link.email_key).with_for_update(key_share=True))
        if (user and not user.active) or (store and not store.active):
            raise links.LinkOver
        is_proven = user is None or not user.password_hash
        if user is None:
            if password_hash is None:
                raise links.LinkOver
            user = people.add_user(session, link.email, name, password_hash)
        elif is_proven:
            user.name, user.password_hash = people.checked_name(name), password_hash
        link.user_id = user.id
        actor = Actor(STORE.actor_type if store else ADMIN.actor_type, user.id, user.name, link.store_id)
        join(session, actor, user, store, link.role)
        audit.record(session, actor, "invitation.accepted", about(link, store), after=facts(link, store))
        may_enter = is_proven and not session.scalar(select(has_factor(user.id)))
        return Joined(user.id, link.store_id, STORE if store else ADMIN, may_enter)


def accept_all(session: DbSession, email: str, name: str) -> User | None:
    """Use up every living invitation to an address that its owner has proven. Joins the caller's transaction.

    Returns who joined, with `name` if they are new, or None if nobody invites this address or the account is
    deactivated.
    """
    key = email_key(email)
    mine = (AccountLink.kind == LinkKind.INVITATION) & (AccountLink.email_key == key)
    living = AccountLink.pending() & (AccountLink.expires_at > now())
    asked = session.scalars(select(AccountLink).where(mine, living).order_by(AccountLink.store_id)).all()
    places = {link.id: lock(session, link.store_id) for link in asked}
    user = session.scalar(select(User).where(User.email_key == key).with_for_update(key_share=True))
    open_ones = [link for link in asked if (store := places[link.id]) is None or store.active]
    if not open_ones or (user is not None and not user.active):
        return None
    user = user or people.add_user(session, open_ones[0].email, name, None)
    for link in open_ones:
        link, store = links.consume(session, LinkKind.INVITATION, links.token_of(link)), places[link.id]
        link.user_id = user.id
        actor = Actor(STORE.actor_type if store else ADMIN.actor_type, user.id, user.name, link.store_id)
        join(session, actor, user, store, link.role)
        audit.record(session, actor, "invitation.accepted", about(link, store), after=facts(link, store))
    return user
