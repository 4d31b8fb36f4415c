"""Where an invitation leads: onto a store's staff or among the platform's admins."""

from __future__ import annotations

from sqlalchemy import ColumnElement, select

from messaging_app.actors import Actor
from messaging_app.db.types import DbSession
from messaging_app.models import AccountLink, LinkKind, Store, User
from messaging_app.services import audit, people


def lock(session: DbSession, store_id: int | None) -> Store | None:
    """Hold what an invitation is about, so that two for one address follow one another: the store, or all admins.

    Always before the invitation itself, or two could wait for one another.
    """
    if store_id is not None:
        return session.get_one(Store, store_id, with_for_update={"key_share": True}, populate_existing=True)
    session.execute(select(User.id).where(User.is_admin).order_by(User.id).with_for_update(key_share=True)).all()
    return None


def join(session: DbSession, actor: Actor, user: User, store: Store | None, role: str) -> bool:
    """Give a user their place there. Returns whether they did not have it yet."""
    if store is None:
        return people.make_admin(session, actor, user)
    return people.join_store(session, actor, user, store, role)


def pending_at(store_id: int | None) -> tuple[ColumnElement[bool], ...]:
    """The conditions of the pending invitations of a store, or without one of admins."""
    return *all_at(store_id), AccountLink.pending()


def all_at(store_id: int | None) -> tuple[ColumnElement[bool], ...]:
    """The conditions of all invitations of a store, or without one of admins."""
    return AccountLink.kind == LinkKind.INVITATION, AccountLink.store_id.is_not_distinct_from(store_id)


def about(link: AccountLink, store: Store | None) -> audit.Object:
    """What the audit trail names as the object of an entry about an invitation."""
    return audit.Object("invitation", link.id, store.name if store else "", link.email)


def facts(link: AccountLink, store: Store | None) -> dict[str, audit.Value]:
    """What the audit trail keeps of an invitation."""
    return {"role": link.role, "store": store.code if store else None}
