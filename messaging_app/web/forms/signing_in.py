"""Forms for signing in and for a forgotten password."""

from __future__ import annotations

from flask_babel import lazy_gettext as _
from wtforms import EmailField, HiddenField, PasswordField, StringField
from wtforms.validators import InputRequired, Length

from messaging_app.web.forms import Form


class SignInForm(Form):
    """E-mail and password."""

    email = EmailField(
        _("E-mail"), [InputRequired(), Length(max=254)], render_kw={"autocomplete": "username", "required": True}
    )
    password = PasswordField(_("Password"), [InputRequired(), Length(max=1024)])
    next = HiddenField()


class CodeForm(Form):
    """The second step of signing in."""

    code = StringField(
        _("Code"),
        description=_("The six digits in your authenticator app, or one of your recovery codes."),
        render_kw={
            "autocomplete": "one-time-code",
            "autocapitalize": "none",
            "spellcheck": "false",
            "maxlength": 40,
            "required": True,
            "dir": "ltr",
        },
    )
    next = HiddenField()


class PasskeyAnswerForm(Form):
    """Signing in with a passkey: the browser's response, filled in by a script."""

    credential = HiddenField(id="passkey-credential")
    next = HiddenField(id="passkey-next")


class ForgotForm(Form):
    """The e-mail of a forgotten password; at the storefront also the store."""

    email = EmailField(_("E-mail"), render_kw={"autocomplete": "username", "required": True, "maxlength": 254})
    store = StringField(
        _("Store code"),
        description=_("You can find it in your store’s web address and in its e-mails."),
        render_kw={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false", "required": True},
    )
