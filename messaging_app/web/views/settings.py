"""The platform's settings, for admins: by category, checked, in force at once."""

from __future__ import annotations

from itertools import groupby

from flask import Response, request
from flask.typing import ResponseReturnValue

from messaging_app.actors import Actor
from messaging_app.errors import Invalid
from messaging_app.services.settings import SETTINGS, list_settings, set_settings
from messaging_app.web.htmx import rendered, see_other


def show(_actor: Actor) -> ResponseReturnValue:
    """Every setting with its help and the value in force."""
    return _page({key: str(value).lower() for key, value in list_settings().items()}, saved="saved" in request.args)


def save(_actor: Actor) -> ResponseReturnValue:
    """Keep what the form says, all or none; a refusal keeps what was entered."""
    entered = {key: request.form[key] for key in SETTINGS if key in request.form}
    try:
        set_settings(entered)
    except Invalid as refusal:
        values = {key: str(value).lower() for key, value in list_settings().items()} | entered
        errors = {key: SETTINGS[key].rule(SETTINGS[key].label) for key in refusal.by_field()}
        return _page(values, errors, status=refusal.status)
    return see_other("/admin/settings?saved")


def _page(
    values: dict[str, str], errors: dict[str, str] | None = None, *, saved: bool = False, status: int = 200
) -> Response:
    categories = groupby(sorted(SETTINGS.values(), key=lambda s: s.category), key=lambda s: s.category)
    return rendered(
        "settings/settings.html",
        status,
        categories=[(name, list(members)) for name, members in categories],
        values=values,
        errors=errors or {},
        saved=saved,
    )
