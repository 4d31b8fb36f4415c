"""What the groups of an identity provider give and take: the roles that the operator's table names.

Only what changes between two sign-ins counts. A role that somebody here took away stays away while the person stays in
the group, and one that was given here by hand is not the provider's to take.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from flask import current_app
from sqlalchemy import select
from sqlalchemy.orm import Session

from messaging_app.errors import LastAdmin, LastOwner
from messaging_app.models import Identity, Store, StoreMembership, User
from messaging_app.models.platform import OWNER
from messaging_app.oidc.settings import Grant
from messaging_app.services import admins, audit, people, staff
from messaging_app.services.stores import lock_store


def follow(session: Session, provider: str, user: User, identity: Identity, grants: frozenset[Grant]) -> None:
    """Give `user` what their groups give since the last sign-in, and take what they no longer give.

    Joins the caller's transaction. The last admin and a store's last owner stay; it is tried again the next time.
    """
    had, wanted = _by_place(map(Grant.parse, json.loads(identity.granted))), _by_place(grants)
    author = audit.Who("provider", None, f"identity provider {provider}", "")
    kept = {}
    for code in sorted(had | wanted, key=lambda code: code or ""):
        before, after = had.get(code), wanted.get(code)
        if before == after:
            now = after
        elif after == OWNER or before is None:
            now = _give(session, author, user, code, after or "") or before
        else:
            now = _take(session, author, user, code, before, after)
        if now is not None:
            kept[code] = now
    identity.granted = json.dumps([str(Grant(code, role)) for code, role in kept.items()])
    session.flush()


def _by_place(grants: Iterable[Grant]) -> dict[str | None, str]:
    """The role in each store, and under None that of admins. Who is owner and staff is owner."""
    found: dict[str | None, str] = {}
    for code, role in grants:
        if found.get(code) != OWNER:
            found[code] = role
    return found


def _give(session: Session, author: audit.Who, user: User, code: str | None, role: str) -> str | None:
    """Give a role and return it, or None where there is no such store."""
    if code is None:
        people.make_admin(session, author, user)
        return role
    store_id = session.scalar(select(Store.id).where(Store.code == code, Store.active))
    if store_id is None:
        current_app.logger.warning("a group gives a role in the store %s, which is not there", code)
        return None
    if not people.join_store(session, author, user, lock_store(session, store_id), role) and role == OWNER:
        staff.set_role(session, author, store_id, user.id, role)
    return role


def _take(
    session: Session, author: audit.Who, user: User, code: str | None, before: str, after: str | None
) -> str | None:
    """Take a role, or leave the lesser `after` of it; return what the person has from their groups now."""
    try:
        if code is None:
            admins.end_admin(session, author, user.id)
            return None
        own = (Store.code == code) & (StoreMembership.user_id == user.id) & (StoreMembership.role == before)
        place = select(Store.id).join(StoreMembership, StoreMembership.store_id == Store.id)
        store_id = session.scalar(place.where(own, StoreMembership.active))
        if store_id is not None and after is None:
            staff.end_membership(session, author, store_id, user.id)
        elif store_id is not None:
            staff.set_role(session, author, store_id, user.id, after or "")
        return after
    except (LastAdmin, LastOwner) as refusal:
        current_app.logger.warning("a role stays although no group gives it any more: %s", refusal.code)
        return before
