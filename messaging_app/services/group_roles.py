"""What the groups of an identity provider give: the roles that the operator's table names, once for each group."""

from __future__ import annotations

import json
from collections.abc import Iterable

from flask import current_app
from sqlalchemy import select
from sqlalchemy.orm import Session

from messaging_app.actors import Actor
from messaging_app.models import Identity, Store, StoreMembership, User
from messaging_app.models.platform import OWNER
from messaging_app.oidc.settings import Grant
from messaging_app.services import audit, people
from messaging_app.services.stores import lock_store


def follow(session: Session, actor: Actor, user: User, identity: Identity, grants: frozenset[Grant]) -> None:
    """Give `user` what their groups give since the last sign-in. Joins the caller's transaction.

    A role that was taken by hand meanwhile stays taken for as long as the person stays in the group.
    """
    before, wanted = _by_place(map(Grant.parse, json.loads(identity.granted))), _by_place(grants)
    kept = {}
    for code in sorted(wanted, key=lambda code: code or ""):
        role = wanted[code]
        if before.get(code) == role or _give(session, actor, user, code, role):
            kept[code] = role
    identity.granted = json.dumps([str(Grant(code, role)) for code, role in kept.items()])
    session.flush()


def _by_place(grants: Iterable[Grant]) -> dict[str | None, str]:
    """The role in each store, and under None that of admins. Who is owner and staff is owner."""
    found: dict[str | None, str] = {}
    for code, role in grants:
        if found.get(code) != OWNER:
            found[code] = role
    return found


def _give(session: Session, actor: Actor, user: User, code: str | None, role: str) -> bool:
    """Give one role; False where there is no such store."""
    if code is None:
        people.make_admin(session, actor, user)
        return True
    store_id = session.scalar(select(Store.id).where(Store.code == code, Store.active))
    if store_id is None:
        current_app.logger.warning("a group gives a role in the store %s, which is not there", code)
        return False
    store = lock_store(session, store_id)
    if people.join_store(session, actor, user, store, role):
        return True
    member = session.get_one(StoreMembership, (store_id, user.id))
    if role == OWNER and member.role != OWNER:
        before, member.role = member.role, role
        session.flush()
        names: dict[str, audit.Value] = {"store": code}
        audit.record(
            session,
            actor,
            "membership.role_changed",
            people.about(user),
            names | {"role": before},
            names | {"role": role},
        )
    return True
