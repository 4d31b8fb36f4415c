"""The platform settings, for admins: by category, validated, effective at once."""

from __future__ import annotations

from dataclasses import replace

from flask import Response, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_babel import lazy_gettext as _

from messaging_app.actors import Actor
from messaging_app.errors import Invalid
from messaging_app.services.setting_changes import last_changes
from messaging_app.services.settings import SETTINGS, ChangedMeanwhile, Setting, as_text, list_settings, set_settings
from messaging_app.web.forms import Form
from messaging_app.web.forms.settings import settings_form
from messaging_app.web.htmx import rendered, see_other
from messaging_app.web.views.console import Done

# Heading and description by category. Other categories follow, with their name only.
CATEGORIES = {
    "messaging": (_("Messaging"), _("What a message may contain and who sees it.")),
    "accounts": (_("Accounts"), _("How people sign in, and what they may do with their account.")),
}


def show(_actor: Actor) -> ResponseReturnValue:
    """Every setting with its help text, current value and last change."""
    return _page(settings_form(_in_force()), done=Done(gettext("Saved.")) if "saved" in request.args else None)


def save(actor: Actor) -> ResponseReturnValue:
    """Store the form's values, all or none. A refusal keeps the input."""
    entered = {key: request.form[key] for key in SETTINGS if key in request.form}
    shown = {key: request.form[f"shown-{key}"] for key in entered if f"shown-{key}" in request.form}
    try:
        set_settings(actor, entered, shown)
    except ChangedMeanwhile as refusal:
        in_force = _in_force()
        form = settings_form(in_force)
        for key in shown:
            if entered[key] == shown[key]:  # unchanged: saving again must not undo somebody else's change
                form[key].data = in_force[key]
        return _page(form, refusal.status, theirs=refusal.now)
    except Invalid as refusal:
        form = settings_form(_in_force())
        form.refuse(Invalid(*(replace(error, message=_rule(error.field)) for error in refusal.errors)))
        return _page(form, refusal.status, shown=shown)
    return see_other("/admin/settings?saved")


def _rule(key: str) -> str:
    return SETTINGS[key].rule(SETTINGS[key].label)


def _in_force() -> dict[str, str]:
    return {key: as_text(value) for key, value in list_settings().items()}


def _page(
    form: Form,
    status: int = 200,
    *,
    done: Done | None = None,
    theirs: dict[str, str] | None = None,
    shown: dict[str, str] | None = None,
) -> Response:
    """Render the page. `theirs` are values saved by somebody else in the meantime, `shown` what the form had shown."""
    by_category: dict[str, list[Setting]] = {name: [] for name in CATEGORIES}
    for setting in SETTINGS.values():
        by_category.setdefault(setting.category, []).append(setting)
    return rendered(
        "settings/settings.html",
        status,
        categories=[(name, *CATEGORIES.get(name, (name, "")), members) for name, members in by_category.items()],
        form=form,
        changes=last_changes(),
        shown=_in_force() | (shown or {}),
        theirs=theirs or {},
        done=done,
    )
