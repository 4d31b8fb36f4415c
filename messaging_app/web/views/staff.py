"""A store's staff: the same pages for admins and for the store itself."""

from __future__ import annotations

from flask import Response, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from messaging_app.actors import Actor
from messaging_app.errors import LastOwner
from messaging_app.policies import CONSOLE, policy_of
from messaging_app.queries.console import Asked, MemberRow
from messaging_app.services import staff, stores
from messaging_app.services.invitations import STORE_ROLES
from messaging_app.text.markup import with_name
from messaging_app.web.forms.joining import RoleForm
from messaging_app.web.htmx import is_htmx, rendered, see_other
from messaging_app.web.views import inviting, user_accounts
from messaging_app.web.views.console import Done, ListAddress, as_csv, number_of, what_is_asked
from messaging_app.web.views.questions import Question, ask, can_be_undone, stops_tokens


def list_staff(actor: Actor, store_id: int | None = None) -> ResponseReturnValue:
    """List the store's staff."""
    return _page(actor, _of(actor, store_id), what_is_asked())


def export_staff(actor: Actor, store_id: int | None = None) -> ResponseReturnValue:
    """Export the list as CSV."""
    return as_csv("staff", staff.export_staff(actor, _of(actor, store_id), what_is_asked()))


def invite_staff(actor: Actor, store_id: int | None = None) -> ResponseReturnValue:
    """Invite people to join the store's staff."""
    number = _of(actor, store_id)
    return inviting.invite(actor, place_of(actor, number), _inviting_page(actor, number))


def resend_to_staff(actor: Actor, link_id: int, store_id: int | None = None) -> ResponseReturnValue:
    """Send an invitation again."""
    number = _of(actor, store_id)
    return inviting.resend(actor, place_of(actor, number), link_id, _inviting_page(actor, number))


def withdraw_from_staff(actor: Actor, link_id: int, store_id: int | None = None) -> ResponseReturnValue:
    """Withdraw an invitation."""
    return inviting.withdraw(actor, place_of(actor, _of(actor, store_id)), link_id)


def restore_to_staff(actor: Actor, link_id: int, store_id: int | None = None) -> ResponseReturnValue:
    """Undo the withdrawal of an invitation."""
    return inviting.restore(actor, place_of(actor, _of(actor, store_id)), link_id)


def change_role(actor: Actor, user_id: int, store_id: int | None = None) -> ResponseReturnValue:
    """Change a member's role."""
    number = _of(actor, store_id)
    before = staff.get_member(actor, number, user_id).role
    try:
        staff.change_role(actor, number, user_id, RoleForm().role.data or "")
    except LastOwner as refusal:
        return _page(actor, number, Asked(), refusal)
    return see_other(f"{at(actor, number)}?done=role&person={user_id}&was={before}")


def ask_remove_member(actor: Actor, user_id: int, store_id: int | None = None) -> ResponseReturnValue:
    """Ask for confirmation, listing what removing a member would end."""
    number = _of(actor, store_id)
    try:
        leaving = staff.effects_of_removing(actor, number, user_id)
    except LastOwner as refusal:
        return _page(actor, number, Asked(), refusal)
    here, count = at(actor, number), leaving.sessions
    ends = ngettext("Ends %(num)s session at this store.", "Ends %(num)s sessions at this store.", count)
    return ask(
        Question(
            with_name(_("Remove %(name)s?"), leaving.member.name),
            f"{here}/{user_id}/remove",
            here,
            _("Staff"),
            _("Keep"),
            _("Remove"),
            ends=[("logout", ends), *stops_tokens(leaving.tokens)],
            keeps=[("messages", _("Keeps everything they wrote.")), can_be_undone()],
        )
    )


def remove_member(actor: Actor, user_id: int, store_id: int | None = None) -> ResponseReturnValue:
    """Remove a member from the store's staff."""
    number = _of(actor, store_id)
    try:
        staff.remove_member(actor, number, user_id)
    except LastOwner as refusal:
        return _page(actor, number, Asked(), refusal)
    return see_other(f"{at(actor, number)}?done=removed&person={user_id}")


def bring_back(actor: Actor, user_id: int, store_id: int | None = None) -> ResponseReturnValue:
    """Reinstate a removed member."""
    number = _of(actor, store_id)
    staff.bring_back(actor, number, user_id)
    return see_other(f"{at(actor, number)}?done=back&person={user_id}")


def at(actor: Actor, store_id: int) -> str:
    """Return the URL of a store's staff for this actor."""
    return CONSOLE["staff"].at[policy_of(actor).name].replace("<id:store_id>", str(store_id))


def place_of(actor: Actor, store_id: int) -> inviting.Place:
    """Return the target of invitations to a store. Offers owner first while the store has none."""
    roles = STORE_ROLES[::-1] if staff.has_owner(store_id) else STORE_ROLES
    may_invite = CONSOLE["staff"].is_changed_by(actor) and stores.get_store(actor, store_id).active
    return inviting.Place(at(actor, store_id), roles, store_id, may_invite)


def _inviting_page(actor: Actor, store_id: int) -> inviting.Page:
    return lambda shown, status: _page(actor, store_id, Asked(), status=status, shown=shown)


def _of(actor: Actor, store_id: int | None) -> int:
    """Return the store in the URL, or the current store of staff."""
    number = store_id or actor.store_id
    assert number is not None, "an address without a store is only mounted for its staff"
    return number


def _page(
    actor: Actor,
    store_id: int,
    asked: Asked,
    refusal: LastOwner | None = None,
    status: int = 200,
    shown: inviting.Inviting | None = None,
) -> Response:
    is_part = is_htmx() and not (refusal or shown)
    store = stores.get_store(actor, store_id)
    place = None if is_part else place_of(actor, store_id)
    return rendered(
        "staff/_list.html" if is_part else "staff/index.html",
        refusal.status if refusal else status,
        members=staff.list_staff(actor, store_id, asked),
        store=store,
        asked=asked,
        at=ListAddress(at(actor, store_id), asked),
        may_change=CONSOLE["staff"].is_changed_by(actor),
        accounts_at=CONSOLE["admins"].at["admin"] if CONSOLE["admins"].is_changed_by(actor) else "",
        refusal=refusal,
        inviting=place and (shown or inviting.part(actor, place)),
        done=None if place is None or refusal or shown else inviting.done(place) or _done(actor, store_id),
    )


def _done(actor: Actor, store_id: int) -> Done | None:
    """Return the notice about an action named in the query, if the member's state agrees."""
    what, person = request.args.get("done"), number_of(request.args.get("person", ""))
    if person is None:
        return None
    member: MemberRow = staff.get_member(actor, store_id, person)
    here = f"{at(actor, store_id)}/{member.user_id}"
    if CONSOLE["admins"].is_changed_by(actor) and what in ("deactivated", "reactivated"):
        return user_accounts.done(actor, what, person, member.name, member.active, store_id)
    if what == "removed" and not member.active:
        return Done(_("%(name)s was removed and signed out.", name=member.name), f"{here}/return")
    if what == "factor" and not member.has_factor:
        return Done(_("The second factor of %(name)s was reset.", name=member.name))
    if what == "back" and member.active:
        return Done(_("%(name)s is back.", name=member.name))
    if what == "role" and member.active:
        was = request.args.get("was", "")
        text = _("%(name)s is now an owner.") if member.is_owner else _("%(name)s is now staff.")
        undo = f"{here}/role" if was in staff.ROLES and was != member.role else ""
        return Done(text % {"name": member.name}, undo, (("role", was),))
    return None
