"""Deactivating and reactivating the accounts of admins and staff, by admins.

A deactivated user keeps all memberships but cannot sign in anywhere. Changes that would leave the platform without an
admin, or a store without an owner, are refused, also in parallel: stores are locked first, then the admins.
"""

from __future__ import annotations

from dataclasses import dataclass

from flask_babel import lazy_gettext as _
from sqlalchemy import func, select

from messaging_app.accounts import sessions, tokens
from messaging_app.actors import Actor, ActorType
from messaging_app.db.engine import writing
from messaging_app.db.types import DbSession
from messaging_app.directory.leaving import give_back
from messaging_app.errors import LastAdmin, LastOwner, NotFound
from messaging_app.extensions import db
from messaging_app.models import ApiToken, SignInSession, StoreMembership, User
from messaging_app.policies import ADMIN, STORE
from messaging_app.services import admins, audit, people, staff
from messaging_app.services.console import require_right

ROLES = (ActorType.ADMIN, ActorType.STORE)


@dataclass(frozen=True, slots=True)
class Effects:
    """What deactivating a user ends, and how many memberships of stores they keep."""

    user: User
    sessions: int
    tokens: int
    stores: int


def effects_of_deactivating(actor: Actor, user_id: int) -> Effects:
    """Return what deactivating this user would end and keep. Raises `LastAdmin`, `LastOwner`, `NotFound` for oneself."""
    require_right(actor, "admins")
    user = db.session.get(User, user_id)
    if user is None or user.id == actor.id:
        raise NotFound
    _check(db.session(), user)
    mine = SignInSession.person_id == user_id
    places = select(func.count()).where(StoreMembership.user_id == user_id, StoreMembership.active)
    return Effects(
        user,
        sum(sessions.count_living(role, mine) for role in (ADMIN, STORE)),
        tokens.count_living(ApiToken.actor_type.in_(ROLES), ApiToken.person_id == user_id),
        db.session.scalar(places) or 0,
    )


def deactivate_user(actor: Actor, user_id: int) -> None:
    """Sign a user out everywhere and block further sign-ins. Idempotent.

    Raises `LastAdmin`, `LastOwner`, and `NotFound` for oneself, since nobody could undo it.
    """
    require_right(actor, "admins")
    with writing(db.session) as session:
        staff.hold_stores_of(session, user_id)
        admins.hold_admins(session)
        user = session.get(User, user_id, with_for_update={"key_share": True}, populate_existing=True)
        if user is None or user.id == actor.id:
            raise NotFound
        if not user.active:
            return
        _check(session, user)
        user.active = False
        session.flush()
        ended = sum(sessions.end_sessions_of(role, user_id) for role in ROLES)
        stopped = tokens.end_tokens_of(session, ROLES, (user_id,))
        give_back(session.connection(), [user_id])
        after = {"active": False, "sessions_ended": ended, "tokens_ended": stopped}
        audit.record(session, actor, "user.deactivated", people.about(user), {"active": True}, after)


def reactivate_user(actor: Actor, user_id: int) -> None:
    """Let a user sign in again to everything they had, with nothing unread. Idempotent."""
    require_right(actor, "admins")
    with writing(db.session) as session:
        user = session.get(User, user_id, with_for_update={"key_share": True}, populate_existing=True)
        if user is None:
            raise NotFound
        people.reactivate(session, actor, user)


def _check(session: DbSession, user: User) -> None:
    """Raise `LastAdmin` or `LastOwner` if this user cannot be deactivated."""
    if user.is_admin and not admins.has_other_admin(session, user.id):
        raise LastAdmin
    if without := staff.stores_without_owner_but(session, user.id):
        sentence = _(
            "%(name)s is the only owner of %(stores)s. Make somebody else an owner first.",
            name=user.name,
            stores=", ".join(without),
        )
        raise LastOwner(sentence)
