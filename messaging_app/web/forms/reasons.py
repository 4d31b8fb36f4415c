"""Forms for the platform's list of reasons."""

from __future__ import annotations

from flask_babel import lazy_gettext as _
from wtforms import HiddenField, SelectChoice, SelectMultipleField, StringField, TextAreaField
from wtforms.widgets import CheckboxInput, ListWidget

from messaging_app.models.reason import CODE_MAX, HINT_MAX, NAME_MAX
from messaging_app.web.forms import Form

PARTIES = (
    SelectChoice("customer", _("Customers")),
    SelectChoice("store", _("Stores")),
    SelectChoice("platform", _("The platform")),
)


class CheckboxesField(SelectMultipleField):
    """A choice of several from a few, as checkboxes."""

    widget = ListWidget(prefix_label=False)
    option_widget = CheckboxInput()


class ReasonForm(Form):
    """A reason. `version` is the one that the form showed; the view fills in the kinds to choose from."""

    version = HiddenField()
    name = StringField(
        _("Name"),
        id="reason-name",
        description=_("What people choose, such as “Something is missing or broken”."),
        render_kw={"maxlength": NAME_MAX, "required": True, "dir": "auto"},
    )
    sides = CheckboxesField(_("Who can begin with it"), choices=PARTIES, validate_choice=False)
    recipients = CheckboxesField(
        _("Only to"),
        choices=PARTIES,
        description=_("Leave all unticked for anyone."),
        validate_choice=False,
    )
    kinds = CheckboxesField(
        _("Only about"),
        description=_("Leave all unticked for anything, or nothing in particular."),
        validate_choice=False,
    )
    states = TextAreaField(
        _("Only in these states"),
        id="reason-states",
        description=_("Your shop’s words, such as Shipped, one per line. Leave empty for every state."),
        render_kw={"rows": 3, "dir": "auto"},
    )
    hint = TextAreaField(
        _("Hint"),
        id="reason-hint",
        description=_("Shown before sending. May answer the question without a message."),
        render_kw={"rows": 3, "maxlength": HINT_MAX, "dir": "auto"},
    )
    url = StringField(
        _("Link to your shop"),
        id="reason-url",
        description=_("Shown after the hint. Must begin with https:// or http://."),
        render_kw={"type": "url", "dir": "ltr", "autocomplete": "off"},
    )


class NewReasonForm(ReasonForm):
    """A new reason, with its code."""

    code = StringField(
        _("Code"),
        id="reason-code",
        description=_("Used by the API and in web addresses. It cannot be changed later."),
        render_kw={"maxlength": CODE_MAX, "required": True, "autocapitalize": "none", "spellcheck": "false"},
    )
