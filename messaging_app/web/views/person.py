"""A user's own preferences: e-mail on or off for all conversations."""

from __future__ import annotations

from flask import request
from flask.typing import ResponseReturnValue

from messaging_app.actors import Actor
from messaging_app.mail.preferences import set_mail, wants_mail
from messaging_app.policies import policy_of
from messaging_app.web.forms import MailForm
from messaging_app.web.htmx import rendered, see_other


def preferences(actor: Actor) -> ResponseReturnValue:
    """The page with the switch."""
    form = MailForm(mail=str(wants_mail(actor)).lower())
    return rendered("preferences.html", form=form, saved="saved" in request.args)


def save_preferences(actor: Actor) -> ResponseReturnValue:
    """Set the switch to the form's value."""
    form = MailForm()
    if not form.validate():
        return rendered("preferences.html", 422, form=form)
    set_mail(actor, form.mail.data == "true")
    return see_other(f"{policy_of(actor).home}/preferences?saved")
