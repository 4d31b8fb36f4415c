"""Who works at a store: the same page for admins and for the store itself."""

from __future__ import annotations

from typing import Any

from flask import Response, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from messaging_app.actors import Actor
from messaging_app.errors import LastOwner
from messaging_app.policies import CONSOLE, policy_of
from messaging_app.queries.console import Asked, MemberRow
from messaging_app.services import staff, stores
from messaging_app.web.forms import RoleForm
from messaging_app.web.htmx import page_or_fragment, rendered, see_other
from messaging_app.web.views.console import Done, ListAddress, as_csv, what_is_asked


def list_staff(actor: Actor, store_id: int | None = None) -> ResponseReturnValue:
    """Everybody who works at the store."""
    return _page(actor, _of(actor, store_id), what_is_asked())


def export_staff(actor: Actor, store_id: int | None = None) -> ResponseReturnValue:
    """The same as a file."""
    return as_csv("staff", staff.export_staff(actor, _of(actor, store_id), what_is_asked()))


def change_role(actor: Actor, user_id: int, store_id: int | None = None) -> ResponseReturnValue:
    """Make somebody owner or staff."""
    number = _of(actor, store_id)
    before = staff.get_member(actor, number, user_id).role
    try:
        staff.change_role(actor, number, user_id, RoleForm().role.data or "")
    except LastOwner as refusal:
        return _page(actor, number, Asked(), refusal)
    return see_other(f"{at(actor, number)}?done=role&person={user_id}&was={before}")


def ask_remove_member(actor: Actor, user_id: int, store_id: int | None = None) -> ResponseReturnValue:
    """What taking somebody off would end, before it is done."""
    number = _of(actor, store_id)
    try:
        leaving = staff.effects_of_removing(actor, number, user_id)
    except LastOwner as refusal:
        return _page(actor, number, Asked(), refusal)
    store, here = stores.get_store(actor, number), at(actor, number)
    return page_or_fragment("staff/remove.html", "staff/_remove_dialog.html", leaving=leaving, store=store, at=here)


def remove_member(actor: Actor, user_id: int, store_id: int | None = None) -> ResponseReturnValue:
    """Take somebody off the store."""
    number = _of(actor, store_id)
    try:
        staff.remove_member(actor, number, user_id)
    except LastOwner as refusal:
        return _page(actor, number, Asked(), refusal)
    return see_other(f"{at(actor, number)}?done=removed&person={user_id}")


def bring_back(actor: Actor, user_id: int, store_id: int | None = None) -> ResponseReturnValue:
    """Put somebody back on the store's staff."""
    number = _of(actor, store_id)
    staff.bring_back(actor, number, user_id)
    return see_other(f"{at(actor, number)}?done=back&person={user_id}")


def at(actor: Actor, store_id: int) -> str:
    """The address of a store's staff for this actor."""
    return CONSOLE["staff"].at[policy_of(actor).name].replace("<id:store_id>", str(store_id))


def _of(actor: Actor, store_id: int | None) -> int:
    """The store that the address names, else the one in which staff are."""
    number = store_id or actor.store_id
    assert number is not None, "an address without a store is only mounted for its staff"
    return number


def _page(actor: Actor, store_id: int, asked: Asked, refusal: LastOwner | None = None) -> Response:
    members = staff.list_staff(actor, store_id, asked)
    here = ListAddress(at(actor, store_id), asked)
    store = stores.get_store(actor, store_id)
    context: dict[str, Any] = {"members": members, "store": store, "asked": asked, "at": here, "refusal": refusal}
    context["may_change"] = CONSOLE["staff"].is_changed_by(actor)
    if refusal:
        return rendered("staff/index.html", refusal.status, **context)
    return page_or_fragment("staff/index.html", "staff/_list.html", done=_done(actor, store_id), **context)


def _done(actor: Actor, store_id: int) -> Done | None:
    """What the address says has just been done to whom, as far as it is so."""
    what, person = request.args.get("done"), request.args.get("person", "")
    if not (person.isascii() and person.isdigit() and len(person) < 19):
        return None
    member: MemberRow = staff.get_member(actor, store_id, int(person))
    here = f"{at(actor, store_id)}/{member.user_id}"
    if what == "removed" and not member.active:
        return Done(_("%(name)s was removed and is signed out.", name=member.name), f"{here}/return")
    if what == "back" and member.active:
        return Done(_("%(name)s is back.", name=member.name))
    if what == "role" and member.active:
        was = request.args.get("was", "")
        text = _("%(name)s is an owner now.") if member.is_owner else _("%(name)s is staff now.")
        undo = f"{here}/role" if was in staff.ROLES and was != member.role else ""
        return Done(text % {"name": member.name}, undo, (("role", was),))
    return None
