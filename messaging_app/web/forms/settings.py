"""The form for the platform's settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from flask_babel import lazy_gettext as _
from wtforms import RadioField, SelectChoice, SelectField, StringField

from messaging_app.services.settings import SETTINGS, Setting
from messaging_app.web.forms import Form

if TYPE_CHECKING:
    from wtforms.fields import Field

ON_OFF = (SelectChoice("true", _("On")), SelectChoice("false", _("Off")))


def settings_form(values: dict[str, str]) -> Form:
    """Return a form with a field for every platform setting, filled with `values` or with the submitted data."""
    fields = {key: _setting_field(setting) for key, setting in SETTINGS.items()}
    form: Form = type("SettingsForm", (Form,), fields)(data=values)
    return form


def _choices(names: Mapping[str, str]) -> list[SelectChoice]:
    return [SelectChoice(value, name) for value, name in names.items()]


def _setting_field(setting: Setting) -> Field:
    if setting.is_switch:
        return RadioField(setting.label, choices=ON_OFF, description=setting.help)
    if setting.choices:
        return SelectField(
            setting.label, choices=_choices(setting.choices), description=setting.help, validate_choice=False
        )
    if setting.is_list:
        return StringField(setting.label, description=setting.help, render_kw={"required": True, "autocomplete": "off"})
    limits = {"min": setting.minimum, "max": setting.maximum, "required": True, "type": "number"}
    return StringField(setting.label, description=setting.help, render_kw=limits)
