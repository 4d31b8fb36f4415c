"""A store's staff: list, change role, remove and reinstate, by admins and by the store's owners.

Changes that could leave a store without an owner lock the store's row first, so that of two owners who remove each other
in parallel one is refused.
"""

from __future__ import annotations

from dataclasses import dataclass

from flask_babel import lazy_gettext as _
from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session, aliased

from messaging_app.accounts import sessions, tokens
from messaging_app.actors import Actor, ActorType
from messaging_app.db.engine import writing
from messaging_app.db.types import DbSession
from messaging_app.directory import seats
from messaging_app.directory.leaving import give_back
from messaging_app.errors import FieldError, Invalid, LastOwner, NotFound
from messaging_app.extensions import db
from messaging_app.models import ApiToken, SignInSession, Store, StoreMembership, User
from messaging_app.models.platform import OWNER, STAFF
from messaging_app.policies import STORE
from messaging_app.queries import console as queries
from messaging_app.queries.console import Asked, MemberRow
from messaging_app.services import audit, people
from messaging_app.services.console import check_asked, is_found, require_right, require_sight
from messaging_app.services.stores import get_store, lock_store
from messaging_app.text import search_key

ROLES = (OWNER, STAFF)


@dataclass(frozen=True, slots=True)
class Leaving:
    """What removing somebody from a store ends."""

    member: MemberRow
    sessions: int
    tokens: int


def list_staff(actor: Actor, store_id: int, asked: Asked) -> list[MemberRow]:
    """Return a store's staff by name; with `status` inactive the former staff."""
    require_sight(actor, "staff", store_id)
    check_asked(asked)
    rows = queries.members_of(db.session(), store_id)
    wanted = [
        row for row in rows if row.active is (asked.status != "inactive") and is_found(asked.q, row.name, row.email)
    ]
    return sorted(wanted, key=lambda row: (search_key(row.name), row.user_id), reverse=asked.sort == "-name")


def export_staff(actor: Actor, store_id: int, asked: Asked) -> list[tuple[object, ...]]:
    """Return the same list as rows of a file, starting with the header."""
    require_right(actor, "staff", store_id)
    rows, store = list_staff(actor, store_id, asked), get_store(actor, store_id)
    about = audit.Object("list", "staff", store.name)
    with writing(db.session) as session:
        audit.record(session, actor, "export.made", about, after=asked.as_facts())
    heading = ("name", "email", "role", "active", "last_seen")
    return [heading, *((row.name, row.email, row.role, row.active, row.seen_at) for row in rows)]


def has_owner(store_id: int) -> bool:
    """Whether a store has an active owner."""
    return _other_owners(db.session(), store_id, 0) > 0


def get_member(actor: Actor, store_id: int, user_id: int) -> MemberRow:
    """Return a current or former member of a store's staff. Raises `NotFound`."""
    require_sight(actor, "staff", store_id)
    found = next((row for row in queries.members_of(db.session(), store_id) if row.user_id == user_id), None)
    if found is None:
        raise NotFound
    return found


def effects_of_removing(actor: Actor, store_id: int, user_id: int) -> Leaving:
    """Return what removing somebody would end. Raises `LastOwner` if they cannot be removed."""
    require_right(actor, "staff", store_id)
    member = get_member(actor, store_id, user_id)
    if member.active and member.is_owner and _other_owners(db.session(), store_id, user_id) == 0:
        raise LastOwner
    own = (SignInSession.store_id == store_id) & (SignInSession.person_id == user_id)
    of_token = (ApiToken.actor_type == ActorType.STORE) & (ApiToken.person_id == user_id)
    return Leaving(
        member,
        sessions.count_living(STORE, own),
        tokens.count_living(of_token, ApiToken.store_id == store_id),
    )


def change_role(actor: Actor, store_id: int, user_id: int, role: str) -> None:
    """Make a member owner or staff. Raises `LastOwner`, and `Invalid` on field `role`."""
    require_right(actor, "staff", store_id)
    if role not in ROLES:
        raise Invalid(FieldError("role", "invalid", _("The role must be owner or staff.")))
    with writing(db.session) as session:
        set_role(session, actor, store_id, user_id, role)


def set_role(session: Session, actor: audit.Author, store_id: int, user_id: int, role: str) -> None:
    """Do the same in the caller's transaction, without checking rights. Raises `LastOwner`, `NotFound`."""
    member, user = _held(session, store_id, user_id)
    if not member.active:
        raise NotFound
    if member.role == role:
        return
    _check_owners(session, member, user)
    before, member.role = member.role, role
    session.flush()
    code = {"store": lock_store(session, store_id).code}
    audit.record(
        session, actor, "membership.role_changed", people.about(user), code | {"role": before}, code | {"role": role}
    )


def remove_member(actor: Actor, store_id: int, user_id: int) -> None:
    """Remove a member from a store, sign them out of it and end their tokens for it. Idempotent.

    Raises `LastOwner`.
    """
    require_right(actor, "staff", store_id)
    with writing(db.session) as session:
        end_membership(session, actor, store_id, user_id)


def end_membership(session: Session, actor: audit.Author, store_id: int, user_id: int) -> None:
    """Do the same in the caller's transaction, without checking rights. Raises `LastOwner`."""
    member, user = _held(session, store_id, user_id)
    if not member.active:
        return
    _check_owners(session, member, user)
    member.active = False
    session.flush()
    sessions.end_sessions_of(ActorType.STORE, user_id, store_id)
    tokens.end_tokens_of(session, (ActorType.STORE,), (user_id,), store_id)
    give_back(session.connection(), [user_id])
    store = lock_store(session, store_id)
    audit.record(session, actor, "membership.removed", people.about(user), {"store": store.code, "role": member.role})


def bring_back(actor: Actor, store_id: int, user_id: int) -> None:
    """Reinstate a removed member in their former role, with nothing unread. Idempotent.

    An admin also reactivates their account if necessary. Raises `NotAllowed` if an owner would have to.
    """
    require_right(actor, "staff", store_id)
    with writing(db.session) as session:
        member, user = _held(session, store_id, user_id)
        people.reactivate(session, actor, user)
        if member.active:
            return
        member.active = True
        session.flush()
        seats.staff_return(session.connection(), [(store_id, user_id)])
        after = {"store": lock_store(session, store_id).code, "role": member.role}
        audit.record(session, actor, "membership.added", people.about(user), after=after)


def hold_stores_of(session: DbSession, user_id: int) -> None:
    """Lock the stores that a user owns, so that nobody can remove another owner in the meantime."""
    member = StoreMembership
    owned = select(member.store_id).where(member.user_id == user_id, member.role == OWNER, member.active)
    session.execute(
        select(Store.id).where(Store.id.in_(owned)).order_by(Store.id).with_for_update(key_share=True)
    ).all()


def stores_without_owner_but(session: DbSession, user_id: int) -> list[str]:
    """Return the names of the stores whose only active owner is this user. One statement."""
    member, other = StoreMembership, aliased(StoreMembership)
    others = select(other.user_id).join(User, User.id == other.user_id)
    others = others.where(other.store_id == member.store_id, other.user_id != user_id)
    others = others.where(other.role == OWNER, other.active, User.active)
    query = select(Store.name).join(member, member.store_id == Store.id)
    query = query.where(member.user_id == user_id, member.role == OWNER, member.active, ~exists(others))
    return list(session.scalars(query.order_by(Store.sort_name)))


def _held(session: Session, store_id: int, user_id: int) -> tuple[StoreMembership, User]:
    """Return a membership of a store's staff and its user, both locked."""
    lock_store(session, store_id)
    member = session.get(StoreMembership, (store_id, user_id))
    user = session.get(User, user_id)
    if member is None or user is None:
        raise NotFound
    return member, user


def _check_owners(session: Session, member: StoreMembership, user: User) -> None:
    if member.role == OWNER and user.active and _other_owners(session, member.store_id, member.user_id) == 0:
        raise LastOwner


def _other_owners(session: Session, store_id: int, user_id: int) -> int:
    member = StoreMembership
    query = (
        select(func.count())
        .select_from(member)
        .join(User, User.id == member.user_id)
        .where(member.store_id == store_id, member.user_id != user_id)
        .where(member.role == OWNER, member.active, User.active)
    )
    return session.scalar(query) or 0
