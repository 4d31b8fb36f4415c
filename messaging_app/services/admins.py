"""The platform's admins: list, remove and reinstate. Invitations are in `invitations.py`.

Changes that could leave the platform without an admin lock all admins first, so that of two who remove each other in
parallel one is refused.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from messaging_app.accounts import sessions, tokens
from messaging_app.actors import Actor, ActorType
from messaging_app.db.engine import writing
from messaging_app.db.types import DbSession
from messaging_app.directory.leaving import give_back
from messaging_app.errors import LastAdmin, NotFound
from messaging_app.extensions import db
from messaging_app.models import ApiToken, AuditEntry, SignInSession, User
from messaging_app.policies import ADMIN
from messaging_app.queries import console as queries
from messaging_app.queries.console import AdminRow, Asked
from messaging_app.services import audit, people
from messaging_app.services.console import check_asked, is_found, require_right, require_sight
from messaging_app.text import search_key


@dataclass(frozen=True, slots=True)
class Leaving:
    """What removing an admin ends."""

    admin: AdminRow
    sessions: int
    tokens: int


def list_admins(actor: Actor, asked: Asked) -> list[AdminRow]:
    """Return the admins by name; with `status` inactive those whose account is deactivated."""
    require_sight(actor, "admins")
    check_asked(asked)
    rows = [row for row in queries.admins(db.session()) if is_found(asked.q, row.name, row.email)]
    if asked.status:
        rows = [row for row in rows if row.active is (asked.status == "active")]
    if asked.sort == "newest" and not asked.q:
        return sorted(rows, key=lambda row: row.user_id, reverse=True)
    return sorted(rows, key=lambda row: (search_key(row.name), row.user_id), reverse=asked.sort == "-name")


def export_admins(actor: Actor, asked: Asked) -> list[tuple[object, ...]]:
    """Return the same list as rows of a file, starting with the header."""
    require_right(actor, "admins")
    rows = list_admins(actor, asked)
    with writing(db.session) as session:
        audit.record(session, actor, "export.made", audit.Object("list", "admins", "admins"), after=asked.as_facts())
    heading = ("name", "email", "active", "last_seen", "created_at")
    return [heading, *((row.name, row.email, row.active, row.seen_at, row.created_at) for row in rows)]


def effects_of_removing(actor: Actor, user_id: int) -> Leaving:
    """Return what removing an admin would end. Raises `LastAdmin` if they cannot be removed."""
    require_right(actor, "admins")
    admins = {row.user_id: row for row in queries.admins(db.session())}
    if user_id not in admins:
        raise NotFound
    if not any(row.active for number, row in admins.items() if number != user_id):
        raise LastAdmin
    of_token = (ApiToken.actor_type == ActorType.ADMIN) & (ApiToken.person_id == user_id)
    ends = sessions.count_living(ADMIN, SignInSession.person_id == user_id)
    return Leaving(admins[user_id], ends, tokens.count_living(of_token))


def remove_admin(actor: Actor, user_id: int) -> None:
    """Remove a user's admin role; they stay on the staff of stores. Idempotent. Raises `LastAdmin`."""
    require_right(actor, "admins")
    with writing(db.session) as session:
        end_admin(session, actor, user_id)


def end_admin(session: Session, actor: audit.Author, user_id: int) -> None:
    """Do the same in the caller's transaction, without checking rights. Raises `LastAdmin`."""
    active = hold_admins(session)
    user = _user(session, user_id)
    if not user.is_admin:
        return
    if not active - {user_id}:
        raise LastAdmin
    user.is_admin = False
    session.flush()
    ended = sessions.end_sessions_of(ActorType.ADMIN, user_id)
    stopped = tokens.end_tokens_of(session, (ActorType.ADMIN,), (user_id,))
    give_back(session.connection(), [user_id])
    after = {"admin": False, "sessions_ended": ended, "tokens_ended": stopped}
    audit.record(session, actor, "admin.removed", people.about(user), {"admin": True}, after)


def bring_back(actor: Actor, user_id: int) -> None:
    """Make a removed or deactivated admin an admin again. Idempotent.

    Raises `NotFound` for users who were never admins.
    """
    require_right(actor, "admins")
    with writing(db.session) as session:
        hold_admins(session)
        user = _user(session, user_id)
        if not user.is_admin and not _was_removed(session, user_id):
            raise NotFound
        people.reactivate(session, actor, user)
        people.make_admin(session, actor, user)


def has_other_admin(session: DbSession, user_id: int) -> bool:
    """Whether there is another active admin. One statement."""
    others = select(User.id).where(User.is_admin, User.active, User.id != user_id)
    return bool(session.scalar(select(exists(others))))


def hold_admins(session: DbSession) -> set[int]:
    """Lock all admins until the transaction ends, and return the ids of the active ones."""
    held = select(User.id, User.active).where(User.is_admin).order_by(User.id).with_for_update(key_share=True)
    return {number for number, active in session.execute(held) if active}


def _user(session: Session, user_id: int) -> User:
    user = session.get(User, user_id, populate_existing=True)
    if user is None:
        raise NotFound
    return user


def _was_removed(session: Session, user_id: int) -> bool:
    """Whether the audit trail says that this user was an admin and was removed."""
    entry = AuditEntry
    query = select(entry.action).where(entry.object_type == "user", entry.object_id == str(user_id))
    query = query.where(entry.action.in_(("admin.removed", "admin.added")))
    return session.scalar(query.order_by(entry.id.desc()).limit(1)) == "admin.removed"
