"""Deactivating and reactivating stores, by admins."""

from __future__ import annotations

from dataclasses import dataclass

from messaging_app.accounts import sessions, tokens
from messaging_app.actors import Actor
from messaging_app.db.engine import writing
from messaging_app.directory import seats
from messaging_app.extensions import db
from messaging_app.models import ApiToken, SignInSession
from messaging_app.policies import STORE, STOREFRONT
from messaging_app.services import audit, invitations
from messaging_app.services.console import require_right
from messaging_app.services.stores import about, count_conversations, lock_store


@dataclass(frozen=True, slots=True)
class Effects:
    """What deactivating a store ends and keeps."""

    staff_sessions: int
    customer_sessions: int
    tokens: int
    invitations: int
    conversations: int


def effects_of_deactivating(actor: Actor, store_id: int) -> Effects:
    """Return what deactivating this store would end and keep."""
    require_right(actor, "stores")
    here = SignInSession.store_id == store_id
    return Effects(
        sessions.count_living(STORE, here),
        sessions.count_living(STOREFRONT, here),
        tokens.count_living(ApiToken.store_id == store_id),
        invitations.count_pending(db.session, store_id),
        count_conversations(actor, store_id),
    )


def deactivate_store(actor: Actor, store_id: int) -> None:
    """Deactivate a store: sign out its staff and customers, end their tokens, let nobody join. Idempotent."""
    require_right(actor, "stores")
    with writing(db.session) as session:
        store = lock_store(session, store_id)
        if not store.active:
            return
        store.active = False
        session.flush()
        ended = sessions.end_sessions_at(store_id)
        stopped = tokens.end_tokens_at(session, store_id)
        withdrawn = invitations.withdraw_all(session, store_id)
        after = {"active": False, "sessions_ended": ended, "tokens_ended": stopped, "invitations_withdrawn": withdrawn}
        audit.record(session, actor, "store.deactivated", about(store), {"active": True}, after)


def reactivate_store(actor: Actor, store_id: int) -> None:
    """Reactivate a store: its staff and customers can sign in again, with nothing unread. Idempotent."""
    require_right(actor, "stores")
    with writing(db.session) as session:
        store = lock_store(session, store_id)
        if store.active:
            return
        store.active = True
        session.flush()
        seats.store_returns(session.connection(), store_id)
        audit.record(session, actor, "store.reactivated", about(store), {"active": False}, {"active": True})
