"""Invitations, shared by the pages of a store's staff and of the admins."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from flask import Response, request
from flask_babel import gettext as _

from messaging_app.accounts.limits import RateLimited
from messaging_app.actors import Actor
from messaging_app.errors import Invalid
from messaging_app.services import invitations
from messaging_app.services.invitations import Outcome, Pending
from messaging_app.web.forms.joining import InviteForm
from messaging_app.web.htmx import see_other
from messaging_app.web.views.console import Done, number_of


@dataclass(frozen=True, slots=True)
class Place:
    """The target of invitations: a store's staff, or the admins without a store. `at` is the URL of the page."""

    at: str
    roles: Sequence[str]
    store_id: int | None = None
    may_invite: bool = True


@dataclass(frozen=True, slots=True)
class Inviting:
    """A page's section on invitations: the form, pending invitations, and the results of the last submission."""

    place: Place
    form: InviteForm
    pending: list[Pending]
    outcomes: list[Outcome]


Page: TypeAlias = Callable[[Inviting, int], Response]


def part(actor: Actor, place: Place, form: InviteForm | None = None, outcomes: Sequence[Outcome] = ()) -> Inviting:
    """Return the section's data."""
    form = form or InviteForm(place.roles, formdata=None)
    return Inviting(place, form, invitations.list_pending(actor, place.store_id), list(outcomes))


def invite(actor: Actor, place: Place, page: Page) -> Response:
    """Invite the addresses in the form. A refusal keeps the input."""
    form = InviteForm(place.roles)
    try:
        outcomes = invitations.invite(actor, form.emails.data or "", form.role.data or "", place.store_id)
    except (Invalid, RateLimited) as refusal:
        form.refuse(refusal)
        return page(part(actor, place, form), refusal.status)
    return _answer(actor, place, outcomes, "invited", page)


def resend(actor: Actor, place: Place, link_id: int, page: Page) -> Response:
    """Send a pending invitation again."""
    return _answer(actor, place, [invitations.resend(actor, link_id, place.store_id)], "resent", page)


def withdraw(actor: Actor, place: Place, link_id: int) -> Response:
    """Withdraw a pending invitation."""
    invitations.withdraw(actor, link_id, place.store_id)
    return see_other(f"{place.at}?done=withdrawn&invitation={link_id}")


def restore(actor: Actor, place: Place, link_id: int) -> Response:
    """Restore a withdrawn invitation; its link works again."""
    invitations.restore(actor, link_id, place.store_id)
    return see_other(f"{place.at}?done=restored")


def done(place: Place) -> Done | None:
    """Return the notice about an action named in the query."""
    said = {
        "invited": _("Invited. Everyone gets a link by e-mail."),
        "resent": _("Sent again. The earlier link no longer works."),
        "withdrawn": _("Withdrawn. The link no longer works."),
        "restored": _("The invitation is back, and its link works again."),
    }
    text, link = said.get(request.args.get("done", "")), number_of(request.args.get("invitation", ""))
    undo = f"{place.at}/invitations/{link}/restore" if link and place.may_invite else ""
    return Done(text, undo) if text else None


def _answer(actor: Actor, place: Place, outcomes: list[Outcome], what: str, page: Page) -> Response:
    """Redirect to the list, unless there are results that only this response can show, such as a link."""
    if all(outcome.what == "invited" and not outcome.link for outcome in outcomes):
        return see_other(f"{place.at}?done={what}")
    return page(part(actor, place, outcomes=outcomes), 200)
