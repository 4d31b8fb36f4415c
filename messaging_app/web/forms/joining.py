"""Forms for joining: invitations, the first admin, roles at a store."""

from __future__ import annotations

from collections.abc import Sequence

from flask_babel import lazy_gettext as _
from wtforms import EmailField, RadioField, SelectChoice, StringField, TextAreaField

from messaging_app.web.forms import Form
from messaging_app.web.forms.account import NewPasswordForm, ProfileForm

INVITED_ROLES = {"owner": _("Owner"), "staff": _("Staff"), "admin": _("Administrator")}


class AcceptForm(ProfileForm, NewPasswordForm):
    """Accepting an invitation: name and password."""


class SetupForm(AcceptForm):
    """The first admin."""

    code = StringField(
        _("One-time code"),
        render_kw={"autocomplete": "one-time-code", "autocapitalize": "none", "spellcheck": "false", "required": True},
    )
    email = EmailField(_("E-mail"), render_kw={"autocomplete": "username", "required": True, "maxlength": 254})


class InviteForm(Form):
    """Addresses to invite. `roles` are the choices, the most likely first; a single one hides the field."""

    emails = TextAreaField(
        _("E-mail addresses"),
        description=_("One per line, or separated by commas. Up to 50."),
        render_kw={"rows": 3, "required": True, "autocapitalize": "none", "spellcheck": "false", "dir": "ltr"},
    )
    role = RadioField(_("Role"), validate_choice=False)

    def __init__(self, roles: Sequence[str], *args: object, **kwargs: object) -> None:
        super().__init__(*args, role=roles[0], **kwargs)
        self.role.choices = [SelectChoice(role, INVITED_ROLES[role]) for role in roles]


class RoleForm(Form):
    """A member's role at a store."""

    role = StringField()
