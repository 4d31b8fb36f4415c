"""Sign-in by e-mail and password. Known and unknown addresses take the same time and get the same response."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Executable, select

from messaging_app.accounts import local_sign_in
from messaging_app.accounts.passwords import verify_password
from messaging_app.actors import ActorType
from messaging_app.extensions import db
from messaging_app.models import Customer, Store, User
from messaging_app.models.scope import active_person
from messaging_app.queries.second_factor import has_factor
from messaging_app.text import email_key


@dataclass(frozen=True, slots=True)
class Person:
    """An authenticated user or customer, and the store they sign in to."""

    id: int
    store_id: int | None
    has_factor: bool = False


def authenticate(actor_type: ActorType, email: str, password: str, store_id: int | None) -> Person | None:
    """Return the person, or None if the credentials are wrong.

    While admins and staff must use an identity provider, only the emergency admin's password is accepted.
    `store_id` is the customer's store; for staff, the preferred store, used if the user is a member of it.
    """
    key = storable(email_key(email))
    query: Executable
    if actor_type == ActorType.CUSTOMER:
        query = select(Customer.id, Customer.password_hash).where(
            Customer.store_id == store_id, Customer.email_key == key, Customer.active
        )
    else:
        is_open = local_sign_in.is_open_to(actor_type).label("is_open")
        query = select(User.id, User.password_hash, is_open).where(User.email_key == key, User.active)
    found = db.session.execute(query).one_or_none()
    db.session.rollback()  # release the connection while hashing
    right = verify_password(password, found.password_hash if found else None)
    if not right or found is None:
        return None
    if actor_type == ActorType.CUSTOMER:
        return Person(found.id, store_id)
    return place_of(actor_type, found.id, store_id) if found.is_open else None


def place_of(actor_type: ActorType, user_id: int, store_id: int | None = None) -> Person | None:
    """Return a user as they may sign in to a role, or None. Staff get store `store_id` if they are a member of it."""
    if actor_type == ActorType.ADMIN:
        admin = select(User.id, has_factor(user_id).label("has_factor"))
        found = db.session.execute(admin.where(active_person(actor_type, user_id))).one_or_none()
        return Person(user_id, None, bool(found.has_factor)) if found else None
    theirs = select(Store.id, has_factor(user_id).label("has_factor"))
    theirs = theirs.where(active_person(actor_type, user_id, Store.id)).order_by(Store.sort_name, Store.id)
    stores = {row.id: bool(row.has_factor) for row in db.session.execute(theirs)}
    if not stores:
        return None
    current = store_id if store_id in stores else next(iter(stores))
    return Person(user_id, current, stores[current])


def store_by_code(code: str) -> Store | None:
    """Return the active store with this code, in any case, or None."""
    typed = storable(code.strip())
    found = db.session.scalars(select(Store).where(Store.code.in_((typed, typed.lower())), Store.active)).all()
    return next((store for store in found if store.code == typed), found[0] if found else None)


def storable(text: str) -> str:
    """Replace NUL, which PostgreSQL rejects, with a character that no e-mail or code contains."""
    return text.replace("\0", "\ufffd")
