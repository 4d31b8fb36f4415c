"""Adds users to the staff of a store or makes them admins. Each verb joins its caller's transaction and is recorded in
the audit trail.
"""

from __future__ import annotations

from flask_babel import lazy_gettext as _
from sqlalchemy import select

from messaging_app.actors import Actor, ActorType
from messaging_app.db.types import DbSession
from messaging_app.directory.seats import admins_return, staff_return, users_return
from messaging_app.directory.values import clean_email, clean_name
from messaging_app.errors import FieldError, Invalid, NotAllowed, NotFound
from messaging_app.models import Customer, Store, StoreMembership, User
from messaging_app.models.platform import OWNER
from messaging_app.services import audit
from messaging_app.text import email_key


def check_may_manage_staff(session: DbSession, actor: Actor, store_id: int) -> Store:
    """Return the store if `actor` may manage its staff: admins in any store, owners in their current one.

    Raises `NotFound` for another store, `NotAllowed` for staff who are not owners.
    """
    store = session.get(Store, store_id)
    if store is None or not (actor.type == ActorType.ADMIN or sees_staff(actor, store_id)):
        raise NotFound
    if actor.type == ActorType.STORE:
        own = (StoreMembership.store_id == store_id) & (StoreMembership.user_id == actor.id)
        role = session.scalar(select(StoreMembership.role).where(own, StoreMembership.active))
        if role != OWNER:
            raise NotAllowed
    return store


def sees_staff(actor: Actor, store_id: int) -> bool:
    """Whether `actor` may see a store's staff: admins and the staff themselves."""
    return actor.type == ActorType.ADMIN or (actor.type == ActorType.STORE and actor.store_id == store_id)


def add_user(session: DbSession, email: str, name: str, password_hash: str | None) -> User:
    """Create a user without a role; without a password if they sign in another way. Raises `Invalid` on field `name`."""
    user = User(email=email, email_key=email_key(email), name=checked_name(name), password_hash=password_hash)
    session.add(user)
    session.flush()
    return user


def checked_name(name: str) -> str:
    """Return `name` as stored. Raises `Invalid` on field `name`."""
    try:
        return clean_name(name)
    except ValueError:
        raise Invalid(FieldError("name", "invalid", _("Enter a name of 1 to 200 visible characters."))) from None


def checked_email(email: str) -> str:
    """Return `email` as stored. Raises `Invalid` on field `email`."""
    try:
        return clean_email(email)
    except ValueError:
        raise Invalid(FieldError("email", "invalid", _("Enter an e-mail address."))) from None


def join_store(session: DbSession, actor: audit.Author, user: User, store: Store, role: str) -> bool:
    """Add a user to the staff of a store. Returns False and changes nothing if they already are on it.

    For a returning member everything written in the meantime counts as read.
    """
    member = session.get(StoreMembership, (store.id, user.id), with_for_update=True)
    if member is not None and member.active:
        return False
    if member is None:
        session.add(StoreMembership(store_id=store.id, user_id=user.id, role=role))
        session.flush()
    else:
        member.role, member.active = role, True
        session.flush()
        staff_return(session.connection(), [(store.id, user.id)])
    audit.record(session, actor, "membership.added", about(user), after={"store": store.code, "role": role})
    return True


def make_admin(session: DbSession, actor: audit.Author, user: User) -> bool:
    """Make a user an admin. Returns False and changes nothing if they already are one."""
    if user.is_admin:
        return False
    user.is_admin = True
    session.flush()
    admins_return(session.connection(), [user.id])
    audit.record(session, actor, "admin.added", about(user))
    return True


def reactivate(session: DbSession, actor: Actor, user: User) -> None:
    """Reactivate a user, with nothing unread. Raises `NotAllowed` unless `actor` is an admin."""
    if user.active:
        return
    if actor.type != ActorType.ADMIN:
        raise NotAllowed(_("This account is deactivated. Only an admin can reactivate it."))
    user.active = True
    session.flush()
    users_return(session.connection(), [user.id])
    audit.record(session, actor, "user.reactivated", about(user), {"active": False}, {"active": True})


def lock(session: DbSession, actor: Actor) -> User | Customer:
    """Return the actor's own row, locked and refreshed. Raises `NotFound` if it no longer exists."""
    found: User | Customer | None
    if actor.type == ActorType.CUSTOMER:
        found = session.get(Customer, actor.id, with_for_update={"key_share": True}, populate_existing=True)
    else:
        found = session.get(User, actor.id, with_for_update={"key_share": True}, populate_existing=True)
    if found is None:
        raise NotFound
    return found


def about(person: User | Customer) -> audit.Object:
    """Return a user or customer as the object of an audit entry."""
    kind = "customer" if isinstance(person, Customer) else "user"
    return audit.Object(kind, person.id, person.name, person.email)
