"""The page of personal preferences: language, time zone, mail, and for teams the inbox."""

from __future__ import annotations

from flask import request
from flask.typing import ResponseReturnValue

from messaging_app.actors import Actor
from messaging_app.errors import Invalid
from messaging_app.policies import policy_of
from messaging_app.services import preferences as service
from messaging_app.web.forms.preferences import PreferencesForm, TeamPreferencesForm
from messaging_app.web.htmx import rendered, see_other, signed_in


def preferences(actor: Actor) -> ResponseReturnValue:
    """Show the preferences."""
    form = _form_of(actor)(data=_current(actor), formdata=None)
    return rendered("preferences.html", form=form, saved="saved" in request.args)


def save_preferences(actor: Actor) -> ResponseReturnValue:
    """Save the preferences. Fields that are left out do not change."""
    current = _current(actor)
    form = _form_of(actor)(data=current if current.keys() & request.form.keys() else None)
    if not form.validate():
        return rendered("preferences.html", 422, form=form)
    try:
        service.save(
            actor,
            mail=form.mail.data == "true",
            language=form.language.data,
            time_zone=form.time_zone.data,
            opens_with=form.opens_with.data if isinstance(form, TeamPreferencesForm) else None,
            opens_next=form.opens_next.data == "true" if isinstance(form, TeamPreferencesForm) else None,
            undo_send_seconds=int(form.undo_send_seconds.data) if isinstance(form, TeamPreferencesForm) else None,
        )
    except Invalid as refusal:
        form.refuse(refusal)
        return rendered("preferences.html", refusal.status, form=form)
    return see_other(f"{policy_of(actor).home}/preferences?saved")


def _current(actor: Actor) -> dict[str, str]:
    own = {"language": signed_in.locale or "", "time_zone": signed_in.time_zone or ""}
    return own | {"mail": str(service.wants_mail(actor)).lower()} | service.how_inbox_opens(actor)


def _form_of(actor: Actor) -> type[PreferencesForm]:
    return TeamPreferencesForm if policy_of(actor).has_team else PreferencesForm
