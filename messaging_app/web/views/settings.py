"""The platform settings, for admins: by category, validated, effective at once."""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby

from flask import Response, request
from flask.typing import ResponseReturnValue

from messaging_app.actors import Actor
from messaging_app.errors import Invalid
from messaging_app.services.settings import SETTINGS, list_settings, set_settings
from messaging_app.web.forms import Form, settings_form
from messaging_app.web.htmx import rendered, see_other


def show(_actor: Actor) -> ResponseReturnValue:
    """Every setting with its help text and current value."""
    return _page(settings_form(_in_force()), saved="saved" in request.args)


def save(actor: Actor) -> ResponseReturnValue:
    """Store the form's values, all or none. A refusal keeps the input."""
    entered = {key: request.form[key] for key in SETTINGS if key in request.form}
    try:
        set_settings(actor, entered)
    except Invalid as refusal:
        form = settings_form(_in_force())
        form.refuse(Invalid(*(replace(error, message=_rule(error.field)) for error in refusal.errors)))
        return _page(form, status=refusal.status)
    return see_other("/admin/settings?saved")


def _rule(key: str) -> str:
    return SETTINGS[key].rule(SETTINGS[key].label)


def _in_force() -> dict[str, str]:
    return {key: str(value).lower() for key, value in list_settings().items()}


def _page(form: Form, *, saved: bool = False, status: int = 200) -> Response:
    categories = groupby(sorted(SETTINGS.values(), key=lambda s: s.category), key=lambda s: s.category)
    listed = [(name, list(members)) for name, members in categories]
    return rendered("settings/settings.html", status, categories=listed, form=form, saved=saved)
