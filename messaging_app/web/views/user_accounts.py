"""Deactivating and reactivating a user's account, by admins. `?store_id=` is the store whose list to return to."""

from __future__ import annotations

from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from messaging_app.actors import Actor
from messaging_app.policies import CONSOLE, policy_of
from messaging_app.services import user_accounts
from messaging_app.text.markup import with_name
from messaging_app.web.htmx import see_other, whole_number
from messaging_app.web.views.console import Done
from messaging_app.web.views.questions import Question, ask, can_be_undone, stops_tokens


def ask_deactivate_user(actor: Actor, user_id: int) -> ResponseReturnValue:
    """Ask for confirmation, listing what deactivating would end and keep."""
    effects = user_accounts.effects_of_deactivating(actor, user_id)
    ends = ngettext("Ends %(num)s session.", "Ends %(num)s sessions.", effects.sessions)
    keeps = _("Keeps everything they wrote.")
    if effects.stores:
        keeps = ngettext(
            "Keeps everything they wrote, and their role at %(num)s store.",
            "Keeps everything they wrote, and their roles at %(num)s stores.",
            effects.stores,
        )
    return ask(
        Question(
            with_name(_("Deactivate the account of %(name)s?"), effects.user.name),
            address(actor, user_id, "deactivate"),
            _list_of(actor),
            _("Staff") if whole_number("store_id") else _("Admins"),
            _("Keep active"),
            _("Deactivate"),
            ends=[("logout", ends), *stops_tokens(effects.tokens)],
            keeps=[
                ("messages", keeps),
                can_be_undone(_("Can be undone: reactivating lets them sign in again.")),
            ],
        )
    )


def deactivate_user(actor: Actor, user_id: int) -> ResponseReturnValue:
    """Deactivate a user."""
    user_accounts.deactivate_user(actor, user_id)
    return see_other(f"{_list_of(actor)}?done=deactivated&person={user_id}")


def reactivate_user(actor: Actor, user_id: int) -> ResponseReturnValue:
    """Reactivate a user."""
    user_accounts.reactivate_user(actor, user_id)
    return see_other(f"{_list_of(actor)}?done=reactivated&person={user_id}")


def done(actor: Actor, what: str | None, user_id: int, name: str, is_active: bool, store_id: int | None) -> Done | None:
    """Return the notice about an action on an account, if its state agrees, for the list that shows the user."""
    if what == "deactivated" and not is_active:
        text = _("%(name)s was deactivated and signed out.", name=name)
        return Done(text, address(actor, user_id, "reactivate", store_id))
    if what == "reactivated" and is_active:
        return Done(_("%(name)s can sign in again.", name=name))
    return None


def address(actor: Actor, user_id: int, act: str, store_id: int | None = None) -> str:
    """Return the URL of an action on an account."""
    number = store_id or whole_number("store_id")
    query = f"?store_id={number}" if number else ""
    return f"{CONSOLE['admins'].at[policy_of(actor).name]}/{user_id}/{act}{query}"


def _list_of(actor: Actor) -> str:
    number = whole_number("store_id")
    if number is None:
        return CONSOLE["admins"].at[policy_of(actor).name]
    return CONSOLE["staff"].at[policy_of(actor).name].replace("<id:store_id>", str(number))
