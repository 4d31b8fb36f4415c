"""What people choose for themselves: language, time zone, mail."""

from __future__ import annotations

from flask import request
from flask.typing import ResponseReturnValue

from messaging_app.actors import Actor
from messaging_app.errors import Invalid
from messaging_app.policies import policy_of
from messaging_app.services import preferences as service
from messaging_app.web.forms import PreferencesForm
from messaging_app.web.htmx import rendered, see_other, signed_in


def preferences(actor: Actor) -> ResponseReturnValue:
    """The page with the choices as they are."""
    mail = str(service.wants_mail(actor)).lower()
    form = PreferencesForm(
        mail=mail, language=signed_in.locale or "", time_zone=signed_in.time_zone or "", formdata=None
    )
    return rendered("preferences.html", form=form, saved="saved" in request.args)


def save_preferences(actor: Actor) -> ResponseReturnValue:
    """Keep what was chosen; a field that is left out stays as it is."""
    form = PreferencesForm(language=signed_in.locale or "", time_zone=signed_in.time_zone or "")
    if not form.validate():
        return rendered("preferences.html", 422, form=form)
    try:
        service.save(actor, mail=form.mail.data == "true", language=form.language.data, time_zone=form.time_zone.data)
    except Invalid as refusal:
        form.refuse(refusal)
        return rendered("preferences.html", refusal.status, form=form)
    return see_other(f"{policy_of(actor).home}/preferences?saved")
