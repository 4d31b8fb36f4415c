"""Grants and revokes roles by an identity provider's groups, as configured by the operator.

Only changes between two sign-ins count. A role removed here stays removed while the user stays in the group, and a role
granted here is never revoked by the provider.
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
    """Grant `user` the roles that their groups have gained since the last sign-in, and revoke those they have lost.

    Joins the caller's transaction. The last admin and a store's last owner stay; the next sign-in tries again.
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
    """Return the role per store code, and under None that of admins. Owner takes precedence over staff."""
    found: dict[str | None, str] = {}
    for code, role in grants:
        if found.get(code) != OWNER:
            found[code] = role
    return found


def _give(session: Session, author: audit.Who, user: User, code: str | None, role: str) -> str | None:
    """Grant a role and return it, or None if there is no such store."""
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
    """Revoke a role, or reduce it to `after`. Returns the role that the user's groups give them now."""
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
