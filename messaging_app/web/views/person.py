"""A person's own preferences: mail on or off, for all conversations at once."""

from __future__ import annotations

from flask import request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from messaging_app.actors import Actor
from messaging_app.errors import FieldError, Invalid
from messaging_app.mail.preferences import set_mail, wants_mail
from messaging_app.policies import policy_of
from messaging_app.web.htmx import rendered, see_other


def preferences(actor: Actor) -> ResponseReturnValue:
    """The page with the switch."""
    return rendered("preferences.html", on=wants_mail(actor), saved="saved" in request.args)


def save_preferences(actor: Actor) -> ResponseReturnValue:
    """Set the switch to what the form says: true or false."""
    wanted = request.form.get("mail")
    if wanted not in ("true", "false"):
        raise Invalid(FieldError("mail", "invalid", _("E-mail is either on or off.")))
    set_mail(actor, wanted == "true")
    return see_other(f"{policy_of(actor).home}/preferences?saved")
