"""Personal preferences (language, time zone, mail), and API tokens."""

from __future__ import annotations

from flask_babel import lazy_gettext as _
from wtforms import SelectChoice, SelectField, StringField
from wtforms.validators import AnyOf

from messaging_app.accounts.tokens import LIFETIMES
from messaging_app.formats.reader import languages, time_zones
from messaging_app.models.api_token import NAME_MAX
from messaging_app.services.undo import SECONDS
from messaging_app.web.forms import Form

YES_NO = (SelectChoice("true", _("Yes")), SelectChoice("false", _("No")))


class PreferencesForm(Form):
    """Personal preferences. An empty language or time zone follows the browser."""

    language = SelectField(
        _("Language and region"),
        description=_("Also used for dates, times and numbers."),
        validate_choice=False,
    )
    time_zone = SelectField(
        _("Time zone"), description=_("For all times on pages and in e-mails."), validate_choice=False
    )
    mail = SelectField(
        _("E-mail about new messages"),
        choices=YES_NO,
        description=_(
            "Only for messages that you have not read within a few minutes. Each conversation also has its own switch."
        ),
    )

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        as_browser = SelectChoice("", _("Same as my browser"))
        self.language.choices = [as_browser, *(SelectChoice(*entry) for entry in languages().items())]
        self.time_zone.choices = [as_browser] + [
            SelectChoice(zone, zone.replace("_", " "), {}, area)
            for area, zones in time_zones().items()
            for zone in zones
        ]


class TeamPreferencesForm(PreferencesForm):
    """Preferences of a team member for all of their conversations."""

    opens_with = SelectField(
        _("The inbox opens with"),
        choices=(SelectChoice("open", _("Open")), SelectChoice("waiting", _("Waiting for us"))),
    )
    opens_next = SelectField(
        _("Open the next waiting conversation"),
        choices=YES_NO,
        description=_("After you close or snooze a conversation, or mark it “No reply needed”."),
    )
    undo_send_seconds = SelectField(
        _("Undo send"),
        choices=[
            SelectChoice(str(seconds), _("%(seconds)s seconds", seconds=seconds) if seconds else _("Off"))
            for seconds in SECONDS
        ],
        description=_("Your messages wait this long before they are sent, so that you can undo sending."),
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
