"""The forms that users fill in. A form carries the input and shows errors; services validate it."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import (
    BooleanField,
    EmailField,
    FileField,
    HiddenField,
    PasswordField,
    RadioField,
    SearchField,
    SelectChoice,
    SelectField,
    StringField,
    TextAreaField,
)
from wtforms.validators import AnyOf, InputRequired, Length

from messaging_app.accounts.passwords import NEW_MIN, PASSWORD_MAX
from messaging_app.accounts.tokens import LIFETIMES
from messaging_app.errors import IdempotencyConflict, Invalid, Refusal
from messaging_app.formats import languages, time_zones
from messaging_app.models.api_token import NAME_MAX
from messaging_app.models.context import REFERENCE_MAX
from messaging_app.models.saved_reply import NAME_MAX as REPLY_NAME_MAX
from messaging_app.models.second_factor import PASSKEY_NAME_MAX
from messaging_app.services.settings import MAY_START_NAMES, SETTINGS, Setting
from messaging_app.services.store_changes import OPENING_MAX
from messaging_app.text import CONTENT_MAX, SUBJECT_MAX

if TYPE_CHECKING:
    from wtforms.fields import Field

    from messaging_app.web.views.thread import Line

TEXT = {"data-limit": CONTENT_MAX, "dir": "auto"}
# No maxlength: a browser would cut what is pasted without a word.
NEW_PASSWORD = {"autocomplete": "new-password", "minlength": NEW_MIN, "required": True}
OWN_NAME = {"autocomplete": "name", "maxlength": SUBJECT_MAX, "required": True, "dir": "auto"}
INVITED_ROLES = {"owner": _("Owner"), "staff": _("Staff"), "admin": _("Administrator")}
COLOURS = (
    SelectChoice("indigo", _("Indigo")),
    SelectChoice("clay", _("Clay")),
    SelectChoice("amber", _("Amber")),
    SelectChoice("leaf", _("Leaf")),
    SelectChoice("sea", _("Sea")),
    SelectChoice("plum", _("Plum")),
)
ON_OFF = (SelectChoice("true", _("On")), SelectChoice("false", _("Off")))
YES_NO = (SelectChoice("true", _("Yes")), SelectChoice("false", _("No")))


class Form(FlaskForm):
    """A form that shows a service's errors where they belong. `file_errors` are pairs of file name and sentence."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.file_errors: list[tuple[str, str]] = []

    def refuse(self, refusal: Refusal) -> None:
        """Show a refusal at its field, at its file, or above the form."""
        errors = refusal.errors if isinstance(refusal, Invalid) else ()
        for error in errors:
            if error.file:
                self.file_errors.append((error.file, error.message))
            elif error.field in self:
                self[error.field].errors = [*self[error.field].errors, error.message]
            else:
                self.form_errors.append(error.message)
        if not errors:
            self.form_errors.append(refusal.detail)


class KeyedForm(Form):
    """A form that is sent once: `idempotency_key` makes ten clicks one message."""

    idempotency_key = HiddenField()

    def refuse(self, refusal: Refusal) -> None:
        """Show a refusal. Replaces a used or invalid key, so that the next attempt works."""
        super().refuse(refusal)
        self.form_errors.extend(self.idempotency_key.errors)
        if isinstance(refusal, IdempotencyConflict) or self.idempotency_key.errors or not self.idempotency_key.data:
            self.idempotency_key.data = new_key()


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
        description=_("The six digits that your authenticator app shows, or one of your recovery codes."),
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


class PasskeyAnswerForm(Form):
    """Signing in with a passkey: what a script got from the browser."""

    credential = HiddenField(id="passkey-credential")
    next = HiddenField(id="passkey-next")


class ConfirmForm(Form):
    """One's own password, before something that needs it."""

    current_password = PasswordField(
        _("Current password"),
        render_kw={"autocomplete": "current-password", "required": True, "maxlength": PASSWORD_MAX},
    )


class ForgotForm(Form):
    """Whose password was forgotten; at the storefront also at which store."""

    email = EmailField(_("E-mail"), render_kw={"autocomplete": "username", "required": True, "maxlength": 254})
    store = StringField(
        _("Store code"),
        description=_("You find it in the address of your store and in its e-mails."),
        render_kw={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false", "required": True},
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


class AcceptForm(ProfileForm, NewPasswordForm):
    """Joining: what to be called, and a password."""


class SetupForm(AcceptForm):
    """The first admin."""

    code = StringField(
        _("One-time code"),
        render_kw={"autocomplete": "one-time-code", "autocapitalize": "none", "spellcheck": "false", "required": True},
    )
    email = EmailField(_("E-mail"), render_kw={"autocomplete": "username", "required": True, "maxlength": 254})


class InviteForm(Form):
    """Whom to invite. `roles` are the choices, the likeliest first; with one there is nothing to choose."""

    emails = TextAreaField(
        _("E-mail addresses"),
        description=_("One in a line, or with commas between them. Up to 50."),
        render_kw={"rows": 3, "required": True, "autocapitalize": "none", "spellcheck": "false", "dir": "ltr"},
    )
    role = RadioField(_("Role"), validate_choice=False)

    def __init__(self, roles: Sequence[str], *args: object, **kwargs: object) -> None:
        super().__init__(*args, role=roles[0], **kwargs)
        self.role.choices = [SelectChoice(role, INVITED_ROLES[role]) for role in roles]


class MessageForm(KeyedForm):
    """The composer. `after` is the seq of the last line on the page; `newer` is what others have written since.

    `open_instead` is the open conversation about the same matter, where this one is closed.
    """

    open_instead: int | None = None

    newer: Sequence[Line] = ()
    after = HiddenField()
    content = TextAreaField(_("Message"), render_kw=TEXT)


class NoteForm(KeyedForm):
    """A note for one's own side. The key tells the drafts of this browser apart."""

    content = TextAreaField(_("Note"), id="note-content", render_kw=TEXT)


class ComposeForm(KeyedForm):
    """A new conversation. Its template renders the list of recipients, and offers the kinds of contexts."""

    recipient_id = HiddenField()
    q = SearchField(_("To"), id="recipient-q")
    context_kind = SelectField(_("About"), id="compose-kind", validate_choice=False)
    context_reference = StringField(
        _("Number"),
        id="compose-reference",
        render_kw={"autocomplete": "off", "maxlength": REFERENCE_MAX, "dir": "auto"},
    )
    subject = StringField(_("Subject"), id="compose-subject", render_kw={"dir": "auto"})
    content = TextAreaField(_("Message"), id="compose-content", render_kw=TEXT)


class AskForm(KeyedForm):
    """A customer's question to their store. What it is about stands in hidden fields."""

    context_kind = HiddenField()
    context_reference = HiddenField()
    subject = StringField(_("Subject"), id="ask-subject", render_kw={"dir": "auto", "maxlength": SUBJECT_MAX})
    content = TextAreaField(_("Your message"), id="ask-content", render_kw=TEXT | {"rows": 5})


class PreferencesForm(Form):
    """What somebody chooses for themselves. An empty language or time zone is the browser's."""

    language = SelectField(
        _("Language and region"),
        description=_("Also decides how dates, times and numbers look."),
        validate_choice=False,
    )
    time_zone = SelectField(_("Time zone"), description=_("Of all times on pages and in mail."), validate_choice=False)
    mail = SelectField(
        _("E-mail about new messages"),
        choices=YES_NO,
        description=_(
            "Only for messages that you have not read within a few minutes. Each conversation also has its own switch."
        ),
    )

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        as_browser = SelectChoice("", _("As my browser says"))
        self.language.choices = [as_browser, *(SelectChoice(*entry) for entry in languages().items())]
        self.time_zone.choices = [as_browser] + [
            SelectChoice(zone, zone.replace("_", " "), {}, area)
            for area, zones in time_zones().items()
            for zone in zones
        ]


class TeamPreferencesForm(PreferencesForm):
    """What one member of a team wants for all their conversations."""

    opens_with = SelectField(
        _("The inbox opens with"),
        choices=(SelectChoice("open", _("Open")), SelectChoice("waiting", _("Waiting for us"))),
    )
    opens_next = SelectField(
        _("Open what waits next"),
        choices=YES_NO,
        description=_("After you close a conversation, snooze it or say that no reply is needed."),
    )


class TokenForm(Form):
    """A new API token. `days` is "" for one that is valid until revoked."""

    name = StringField(_("Name"), id="token-name", render_kw={"maxlength": NAME_MAX, "required": True})
    days = SelectField(
        _("Expires after"),
        id="token-days",
        default="90",
        choices=[
            *(SelectChoice(str(days), _("%(days)s days", days=days)) for days in LIFETIMES),
            SelectChoice("", _("Never expires")),
        ],
        validate_choice=False,
        validators=[AnyOf(["", *map(str, LIFETIMES)], _("Choose when it expires."))],
    )


class ReplyForm(Form):
    """A saved reply."""

    name = StringField(
        _("Name"), id="reply-name", render_kw={"maxlength": REPLY_NAME_MAX, "required": True, "dir": "auto"}
    )
    text = TextAreaField(
        _("Text"),
        id="reply-text",
        description=_(
            "{customer.first_name}, {store.name}, {me.first_name} and {order.reference} are filled in where it is used."
        ),
        render_kw={"dir": "auto", "rows": 8, "required": True},
    )


class RepliesFileForm(Form):
    """A CSV file of saved replies."""

    file = FileField(
        _("CSV file"),
        id="replies-file",
        description=_("Two columns, name and text, up to 1 MB. A name that is there already gets the new text."),
        render_kw={"accept": ".csv,text/csv", "required": True},
    )


class StoreForm(Form):
    """A store's name and look. `version` tells what the form showed."""

    version = HiddenField()
    name = StringField(
        _("Name"),
        id="store-name",
        description=_("Shown to customers and in every mail."),
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
    staff_see_only_assigned = BooleanField(
        _("Staff see only what is assigned to them or to nobody"),
        id="store-staff-see-only-assigned",
        description=_("Owners see everything."),
    )
    customers_may_start = SelectField(
        _("Customers can begin conversations"),
        id="store-customers-may-start",
        description=_("As far as the platform allows it."),
        choices=[SelectChoice(value, name) for value, name in MAY_START_NAMES.items()],
        default="always",
        validate_choice=False,
    )


class NewStoreForm(StoreForm):
    """A store that there is not yet."""

    code = StringField(
        _("Code"),
        id="store-code",
        description=_("Part of its customers’ sign-in address. It cannot be changed later."),
        render_kw={"maxlength": 64, "required": True, "autocapitalize": "none", "spellcheck": "false"},
    )
    active = SelectField(
        _("State"), choices=(SelectChoice("true", _("Active")), SelectChoice("false", _("Inactive"))), default="true"
    )


class RoleForm(Form):
    """What somebody is at a store."""

    role = StringField()


def settings_form(values: dict[str, str]) -> Form:
    """Return a form with a field for every platform setting, filled with `values` or with the submitted data."""
    fields = {key: _setting_field(setting) for key, setting in SETTINGS.items()}
    form: Form = type("SettingsForm", (Form,), fields)(data=values)
    return form


def new_key() -> str:
    """Return a new idempotency key."""
    return secrets.token_urlsafe(18)


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
