"""What somebody chooses for themselves: language, times, mail, and tokens for programs."""

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
    """What somebody chooses for themselves. An empty language or time zone is the browser's."""

    language = SelectField(
        _("Language and region"),
        description=_("Also decides how dates, times and numbers look."),
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
    undo_send_seconds = SelectField(
        _("Undo send"),
        choices=[
            SelectChoice(str(seconds), _("%(seconds)s seconds", seconds=seconds) if seconds else _("Off"))
            for seconds in SECONDS
        ],
        description=_("Your messages wait this long before they are sent, so that you can take them back."),
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
