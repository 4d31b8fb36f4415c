"""What somebody changes about their own account."""

from __future__ import annotations

from flask_babel import lazy_gettext as _
from wtforms import BooleanField, EmailField, HiddenField, PasswordField, StringField

from messaging_app.accounts.passwords import NEW_MIN, PASSWORD_MAX
from messaging_app.models.second_factor import PASSKEY_NAME_MAX
from messaging_app.text import SUBJECT_MAX
from messaging_app.web.forms import Form

# No maxlength: a browser would cut what is pasted without a word.
NEW_PASSWORD = {"autocomplete": "new-password", "minlength": NEW_MIN, "required": True}
OWN_NAME = {"autocomplete": "name", "maxlength": SUBJECT_MAX, "required": True, "dir": "auto"}


class AppCodeForm(Form):
    """The code that shows that an authenticator app is set up."""

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
    """A new passkey: its name, and what a script got from the browser."""

    name = StringField(
        _("Name of a new passkey"),
        id="passkey-name",
        description=_("For example the device that holds it."),
        render_kw={"autocomplete": "off", "maxlength": PASSKEY_NAME_MAX, "required": True, "dir": "auto"},
    )
    credential = HiddenField(id="passkey-credential")


class ConfirmForm(Form):
    """One's own password, before something that needs it."""

    current_password = PasswordField(
        _("Current password"),
        render_kw={"autocomplete": "current-password", "required": True, "maxlength": PASSWORD_MAX},
    )


class NewPasswordForm(Form):
    """A password that somebody chooses."""

    password = PasswordField(_("Password"), description=_("Ten characters or more."), render_kw=NEW_PASSWORD)


class ResetForm(NewPasswordForm):
    """A new password in place of a forgotten one."""

    keep_tokens = BooleanField(
        _("Keep my API tokens"), description=_("Otherwise programs that act for you need new ones.")
    )


class PasswordForm(ResetForm):
    """A new password in place of one's own current one."""

    current_password = PasswordField(
        _("Current password"), render_kw={"autocomplete": "current-password", "required": True}
    )
    password = PasswordField(
        _("New password"),
        description=_("Ten characters or more. Four random words beat one clever one."),
        render_kw=NEW_PASSWORD,
    )


class ProfileForm(Form):
    """What to be called."""

    name = StringField(_("Your name"), description=_("As others will see it."), render_kw=OWN_NAME)


class EmailForm(Form):
    """Another address for oneself."""

    email = EmailField(_("New e-mail address"), render_kw={"autocomplete": "email", "required": True, "maxlength": 254})
    current_password = PasswordField(
        _("Current password"),
        id="email-password",
        render_kw={"autocomplete": "current-password", "required": True},
    )
