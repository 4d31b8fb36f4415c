"""Forms for stores."""

from __future__ import annotations

from flask_babel import lazy_gettext as _
from wtforms import (
    BooleanField,
    FileField,
    HiddenField,
    RadioField,
    SelectChoice,
    SelectField,
    StringField,
    TextAreaField,
)

from messaging_app.services.settings import MAY_START_NAMES
from messaging_app.services.store_changes import HOURS_MAX, OPENING_MAX
from messaging_app.text import SUBJECT_MAX
from messaging_app.web.forms import Form

COLOURS = (
    SelectChoice("indigo", _("Indigo")),
    SelectChoice("clay", _("Clay")),
    SelectChoice("amber", _("Amber")),
    SelectChoice("leaf", _("Leaf")),
    SelectChoice("sea", _("Sea")),
    SelectChoice("plum", _("Plum")),
)


class StoreForm(Form):
    """A store's name, appearance and texts. `version` is the one that the form showed."""

    version = HiddenField()
    name = StringField(
        _("Name"),
        id="store-name",
        description=_("Shown to customers and in every e-mail."),
        render_kw={"maxlength": SUBJECT_MAX, "required": True, "dir": "auto"},
    )
    logo = FileField(
        _("Logo"),
        id="store-logo",
        description=_("A square PNG, JPEG or WebP, up to 256 kB."),
        render_kw={"accept": "image/png,image/jpeg,image/webp"},
    )
    drop_logo = BooleanField(_("Remove the logo"), id="store-drop-logo")
    accent = RadioField(_("Accent"), choices=COLOURS, default="indigo", validate_choice=False)
    opening_line = TextAreaField(
        _("Opening line for customers"),
        id="store-opening-line",
        description=_("Greets customers on their account page and above an empty inbox."),
        render_kw={"maxlength": OPENING_MAX, "rows": 3, "dir": "auto"},
    )
    hours = StringField(
        _("Opening hours and how soon you answer"),
        id="store-hours",
        description=_("Shown when customers write to you, for example: Mon–Sat 7–18. We usually answer within a day."),
        render_kw={"maxlength": HOURS_MAX, "dir": "auto"},
    )
    staff_see_only_assigned = BooleanField(
        _("Staff see only what is assigned to them or to nobody"),
        id="store-staff-see-only-assigned",
        description=_("Owners see everything."),
    )
    customers_may_start = SelectField(
        _("Customers can begin conversations"),
        id="store-customers-may-start",
        description=_("Within the limits set by the platform."),
        choices=[SelectChoice(value, name) for value, name in MAY_START_NAMES.items()],
        default="always",
        validate_choice=False,
    )


class NewStoreForm(StoreForm):
    """A new store, with its code."""

    code = StringField(
        _("Code"),
        id="store-code",
        description=_("Part of its customers’ sign-in address. It cannot be changed later."),
        render_kw={"maxlength": 64, "required": True, "autocapitalize": "none", "spellcheck": "false"},
    )
    active = SelectField(
        _("State"), choices=(SelectChoice("true", _("Active")), SelectChoice("false", _("Inactive"))), default="true"
    )
