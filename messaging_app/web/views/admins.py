"""The platform's admins: list, invite, remove and reinstate."""

from __future__ import annotations

from flask import Response, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from messaging_app.actors import Actor
from messaging_app.errors import LastAdmin
from messaging_app.policies import CONSOLE
from messaging_app.queries.console import Asked
from messaging_app.services import admins
from messaging_app.services.invitations import ADMIN_ROLE
from messaging_app.text.markup import with_name
from messaging_app.web.htmx import is_htmx, rendered, see_other
from messaging_app.web.views import inviting, user_accounts
from messaging_app.web.views.console import Done, ListAddress, as_csv, number_of, what_is_asked
from messaging_app.web.views.questions import Question, ask, can_be_undone, stops_tokens

AT = CONSOLE["admins"].at["admin"]
PLACE = inviting.Place(AT, (ADMIN_ROLE,))


def list_admins(actor: Actor) -> ResponseReturnValue:
    """List the admins."""
    return _page(actor, what_is_asked())


def export_admins(actor: Actor) -> ResponseReturnValue:
    """Export the list as CSV."""
    return as_csv("admins", admins.export_admins(actor, what_is_asked()))


def invite_admins(actor: Actor) -> ResponseReturnValue:
    """Invite people to become admins."""
    return inviting.invite(actor, PLACE, _inviting_page(actor))


def resend_to_admin(actor: Actor, link_id: int) -> ResponseReturnValue:
    """Send an invitation again."""
    return inviting.resend(actor, PLACE, link_id, _inviting_page(actor))


def withdraw_from_admin(actor: Actor, link_id: int) -> ResponseReturnValue:
    """Withdraw an invitation."""
    return inviting.withdraw(actor, PLACE, link_id)


def restore_to_admin(actor: Actor, link_id: int) -> ResponseReturnValue:
    """Undo the withdrawal of an invitation."""
    return inviting.restore(actor, PLACE, link_id)


def ask_remove_admin(actor: Actor, user_id: int) -> ResponseReturnValue:
    """Ask for confirmation, listing what removing an admin would end."""
    try:
        leaving = admins.effects_of_removing(actor, user_id)
    except LastAdmin as refusal:
        return _page(actor, Asked(), refusal)
    ends = ngettext("Ends %(num)s session as an admin.", "Ends %(num)s sessions as an admin.", leaving.sessions)
    return ask(
        Question(
            with_name(_("Remove %(name)s?"), leaving.admin.name),
            f"{AT}/{user_id}/remove",
            AT,
            _("Admins"),
            _("Keep"),
            _("Remove"),
            ends=[("logout", ends), *stops_tokens(leaving.tokens)],
            keeps=[
                ("messages", _("Keeps everything they wrote, and their roles at stores.")),
                can_be_undone(),
            ],
        )
    )


def remove_admin(actor: Actor, user_id: int) -> ResponseReturnValue:
    """Remove an admin."""
    try:
        admins.remove_admin(actor, user_id)
    except LastAdmin as refusal:
        return _page(actor, Asked(), refusal)
    return see_other(f"{AT}?done=removed&person={user_id}")


def bring_admin_back(actor: Actor, user_id: int) -> ResponseReturnValue:
    """Undo the removal of an admin."""
    admins.bring_back(actor, user_id)
    return see_other(f"{AT}?done=back")


def _inviting_page(actor: Actor) -> inviting.Page:
    return lambda shown, status: _page(actor, Asked(), status=status, shown=shown)


def _page(
    actor: Actor,
    asked: Asked,
    refusal: LastAdmin | None = None,
    status: int = 200,
    shown: inviting.Inviting | None = None,
) -> Response:
    is_part = is_htmx() and not (refusal or shown)
    return rendered(
        "admins/_list.html" if is_part else "admins/index.html",
        refusal.status if refusal else status,
        admins=admins.list_admins(actor, asked),
        asked=asked,
        at=ListAddress(AT, asked),
        may_change=CONSOLE["admins"].is_changed_by(actor),
        refusal=refusal,
        inviting=None if is_part else shown or inviting.part(actor, PLACE),
        done=None if refusal or shown else inviting.done(PLACE) or _done(actor),
    )


def _done(actor: Actor) -> Done | None:
    """Return the notice about an action that has just been done, as named in the query."""
    what, person = request.args.get("done"), number_of(request.args.get("person", ""))
    if what == "removed" and person:
        return Done(_("Removed and signed out."), f"{AT}/{person}/return")
    if what == "factor":
        return Done(_("The second factor was reset."))
    if what in ("deactivated", "reactivated") and person:
        admin = next((row for row in admins.list_admins(actor, Asked()) if row.user_id == person), None)
        return admin and user_accounts.done(actor, what, person, admin.name, admin.active, None)
    return Done(_("They are an admin again.")) if what == "back" else None
