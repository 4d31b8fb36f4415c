"""Resetting a user's lost second factor, by an admin: confirmed first, recorded, and mailed to the user."""

from __future__ import annotations

from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from messaging_app.actors import Actor
from messaging_app.policies import CONSOLE, policy_of
from messaging_app.services import second_factor
from messaging_app.text.markup import with_name
from messaging_app.web.htmx import see_other
from messaging_app.web.views.questions import Effect, Question, ask


def ask_reset_factor(actor: Actor, user_id: int) -> ResponseReturnValue:
    """Ask for confirmation, listing what the reset would end and keep."""
    lost = second_factor.resettable(actor, user_id)
    ends: list[Effect] = []
    if lost.factors.app_since:
        ends.append(("device-mobile", _("Ends the authenticator app.")))
    if lost.factors.passkeys:
        count = len(lost.factors.passkeys)
        ends.append(("fingerprint", ngettext("Ends %(num)s passkey.", "Ends %(num)s passkeys.", count)))
    ends.append(("key", _("Cancels the recovery codes. Make sure the request really comes from this person.")))
    return ask(
        Question(
            with_name(_("Reset the second factor of %(name)s?"), lost.user.name),
            f"{_at(actor)}/{user_id}/reset-factor",
            _back(actor, lost),
            _("People"),
            _("Keep"),
            _("Reset"),
            ends=ends,
            keeps=[
                ("lock", _("Keeps the password, which is enough until they set up a new one.")),
                ("mail", _("They get an e-mail about it.")),
            ],
        )
    )


def reset_factor(actor: Actor, user_id: int) -> ResponseReturnValue:
    """Remove all factors of a user."""
    lost = second_factor.resettable(actor, user_id)
    second_factor.reset(actor, user_id)
    return see_other(f"{_back(actor, lost)}?done=factor&person={user_id}")


def _at(actor: Actor) -> str:
    return CONSOLE["admins"].at[policy_of(actor).name]


def _back(actor: Actor, lost: second_factor.Lost) -> str:
    """Return the URL of the list that shows the user."""
    if lost.store_id is None:
        return _at(actor)
    return CONSOLE["staff"].at[policy_of(actor).name].replace("<id:store_id>", str(lost.store_id))
