"""Forms for one's own account."""

from __future__ import annotations

from flask_babel import lazy_gettext as _
from wtforms import BooleanField, EmailField, HiddenField, PasswordField, StringField

from messaging_app.accounts.passwords import NEW_MIN, PASSWORD_MAX
from messaging_app.models.second_factor import PASSKEY_NAME_MAX
from messaging_app.text import SUBJECT_MAX
from messaging_app.web.forms import Form

# No maxlength: browsers silently cut pasted text.
NEW_PASSWORD = {"autocomplete": "new-password", "minlength": NEW_MIN, "required": True}
OWN_NAME = {"autocomplete": "name", "maxlength": SUBJECT_MAX, "required": True, "dir": "auto"}


class AppCodeForm(Form):
    """The code that proves that an authenticator app is set up."""

    code = StringField(
        _("Code"),
        id="app-code",
        render_kw={
            "autocomplete": "one-time-code",
            "inputmode": "numeric",
            "maxlength": 20,
            "required": True,
            "placeholder": "000000",
            "dir": "ltr",
        },
    )


class PasskeyForm(Form):
    """A new passkey: its name, and the browser's response, filled in by a script."""

    name = StringField(
        _("Name of a new passkey"),
        id="passkey-name",
        description=_("For example the device it is on."),
        render_kw={"autocomplete": "off", "maxlength": PASSKEY_NAME_MAX, "required": True, "dir": "auto"},
    )
    credential = HiddenField(id="passkey-credential")


class ConfirmForm(Form):
    """One's own password, to confirm a sensitive change."""

    current_password = PasswordField(
        _("Current password"),
        render_kw={"autocomplete": "current-password", "required": True, "maxlength": PASSWORD_MAX},
    )


class NewPasswordForm(Form):
    """A new password."""

    password = PasswordField(_("Password"), description=_("Ten characters or more."), render_kw=NEW_PASSWORD)


class ResetForm(NewPasswordForm):
    """A new password in place of a forgotten one."""

    keep_tokens = BooleanField(
        _("Keep my API tokens"), description=_("Otherwise programs that use them need new ones.")
    )


class PasswordForm(ResetForm):
    """A new password in place of one's own current one."""

    current_password = PasswordField(
        _("Current password"), render_kw={"autocomplete": "current-password", "required": True}
    )
    password = PasswordField(
        _("New password"),
        description=_("Ten characters or more. Four random words are better than one clever word."),
        render_kw=NEW_PASSWORD,
    )


class ProfileForm(Form):
    """One's own name."""

    name = StringField(_("Your name"), description=_("As others will see it."), render_kw=OWN_NAME)


class EmailForm(Form):
    """A new e-mail address for oneself."""

    email = EmailField(_("New e-mail address"), render_kw={"autocomplete": "email", "required": True, "maxlength": 254})
    current_password = PasswordField(
        _("Current password"),
        id="email-password",
        render_kw={"autocomplete": "current-password", "required": True},
    )
