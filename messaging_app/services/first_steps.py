"""The first steps of a new installation, shown to admins while their inbox is empty."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from flask_babel import lazy_gettext as _
from sqlalchemy import exists, func, select

from messaging_app.actors import Actor, ActorType
from messaging_app.extensions import db
from messaging_app.models import AccountLink, ApiToken, LinkKind, Store, StoreMembership, User
from messaging_app.models.platform import OWNER


@dataclass(frozen=True, slots=True)
class Step:
    """One step. `address` is the page to do it on, `act` the label of the button that leads there."""

    title: str
    why: str
    address: str
    act: str
    done: bool


class _Done(NamedTuple):
    """What there is already. `store_id` is the first active store's."""

    store_id: int | None
    owner: bool
    colleague: bool
    token: bool


def list_steps(actor: Actor) -> list[Step]:
    """Return the steps in their usual order; empty once all are done, and for everybody but admins.

    One statement. Inviting counts as done when the invitation is sent.
    """
    if actor.type != ActorType.ADMIN:
        return []
    done = _find_done(actor)
    steps = [
        Step(_("Set up the first admin"), _("That’s done: you can sign in."), "", "", True),
        Step(
            _("Add a store"),
            _("Its staff and customers write to each other here."),
            "/admin/stores/new",
            _("Add store"),
            done.store_id is not None,
        ),
        Step(
            _("Invite its owner"),
            _("They get a link by mail and can then invite their own staff."),
            f"/admin/stores/{done.store_id}/staff" if done.store_id is not None else "",
            _("Invite owner"),
            done.owner,
        ),
        Step(
            _("Invite a colleague"),
            _("With a second admin, losing a phone doesn’t lock you out."),
            "/admin/admins",
            _("Invite admin"),
            done.colleague,
        ),
        Step(
            _("Connect your shop"),
            _("With an API token, your shop’s server can read and send messages."),
            "/admin/tokens",
            _("Create token"),
            done.token,
        ),
    ]
    return [] if all(step.done for step in steps) else steps


def _find_done(actor: Actor) -> _Done:
    sent = (AccountLink.kind == LinkKind.INVITATION) & AccountLink.void_at.is_(None)
    store_id, owner, asked, colleague, token = db.session.execute(
        select(
            select(func.min(Store.id)).where(Store.active).scalar_subquery(),
            exists(select(StoreMembership.user_id).where(StoreMembership.role == OWNER, StoreMembership.active)),
            exists(select(AccountLink.id).where(sent, AccountLink.role == OWNER)),
            exists(select(User.id).where(User.is_admin, User.id != actor.id))
            | exists(select(AccountLink.id).where(sent, AccountLink.role == "admin")),
            exists(select(ApiToken.id).where(ApiToken.actor_type == ActorType.ADMIN, ApiToken.revoked_at.is_(None))),
        )
    ).one()
    return _Done(store_id, bool(owner or asked), bool(colleague), bool(token))
