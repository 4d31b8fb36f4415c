"""Platform settings: typed, validated, stored in the database, effective at once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

from flask_babel import lazy_gettext as _
from sqlalchemy import select

from messaging_app.actors import Actor
from messaging_app.db.engine import now, writing
from messaging_app.db.types import table_of
from messaging_app.db.upsert import insert_for
from messaging_app.errors import FieldError, Invalid, Refusal
from messaging_app.extensions import db
from messaging_app.models import PlatformSetting
from messaging_app.models.platform import (
    ABOUT_ORDER,
    ALWAYS,
    CONTEXT_KINDS,
    CUSTOMERS_MAY_HAVE_TOKENS,
    CUSTOMERS_MAY_START,
    CUSTOMERS_SEE_PLATFORM,
    LOCAL_SIGN_IN,
    NEVER,
    REASON_REQUIRED_CUSTOMERS,
    REASON_REQUIRED_STORES,
    REPLY_REOPENS_DAYS,
    SECOND_FACTOR_ADMINS,
    SECOND_FACTOR_OWNERS,
    STAFF_SEE_ONLY_ASSIGNED,
    STARTS_PER_DAY,
    STORES_MAY_WRITE,
)
from messaging_app.services import audit

Value: TypeAlias = int | bool | str
WORDS_MAX = 20
MAY_START_NAMES = {NEVER: _("Never"), ABOUT_ORDER: _("About an order or the like"), ALWAYS: _("Always")}
_WORD = re.compile("[a-z][a-z0-9_-]{0,19}")


class ChangedMeanwhile(Refusal):
    """Somebody else changed the same settings: `now` holds their values as they are now."""

    status = 409
    code = "edited_meanwhile"
    sentence = _("Someone else changed this in the meantime. Your changes are kept but not saved yet.")

    def __init__(self, now: dict[str, str]) -> None:
        super().__init__()
        self.now = now


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting. Numbers have inclusive limits, switches are true or false, lists are words separated by commas.

    `choices` are the allowed values of a word, with their labels.
    """

    key: str
    default: Value
    label: str
    help: str
    minimum: int = 0
    maximum: int = 1
    category: str = "messaging"
    choices: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_switch(self) -> bool:
        """Whether this is true or false rather than a number."""
        return isinstance(self.default, bool)

    @property
    def is_list(self) -> bool:
        """Whether this is a list of words."""
        return isinstance(self.default, str) and not self.choices

    def rule(self, name: str) -> str:
        """Return the sentence that describes valid values, with `name` for the setting."""
        if self.is_switch:
            return str(_("%(name)s must be true or false.", name=name))
        if self.choices:
            return str(_("%(name)s must be one of %(choices)s.", name=name, choices=", ".join(self.choices)))
        if self.is_list:
            told = _("%(name)s: 1 to %(most)s words of a to z, 0 to 9, - and _, at most 20 characters each.")
            return str(told) % {"name": name, "most": WORDS_MAX}
        limits = {"minimum": self.minimum, "maximum": self.maximum}
        return str(_("%(name)s must be a whole number from %(minimum)s to %(maximum)s.", name=name, **limits))

    def parse(self, text: str) -> Value:
        """Return `text` as a value. Raises `ValueError` with a sentence if it is invalid."""
        word = text.strip().lower()
        if self.choices:
            if word not in self.choices:
                raise ValueError(self.rule(self.key))
            return word
        if self.is_list:
            words = list(dict.fromkeys(re.split(r"[\s,]+", word)))
            if len(words) > WORDS_MAX or not all(map(_WORD.fullmatch, words)):
                raise ValueError(self.rule(self.key))
            return ", ".join(words)
        if self.is_switch:
            if word not in ("true", "false"):
                raise ValueError(self.rule(self.key))
            return word == "true"
        is_number = word.isascii() and word.isdigit() and len(word) < 10
        if not (is_number and self.minimum <= int(word) <= self.maximum):
            raise ValueError(self.rule(self.key))
        return int(word)


SETTINGS = {
    setting.key: setting
    for setting in (
        Setting(
            "message_attachment_max_size_mb",
            10,
            _("Maximum attachment size in MB"),
            _("One megabyte is 1,048,576 bytes. From 1 to 100."),
            1,
            100,
        ),
        Setting("message_attachment_max_files", 10, _("Maximum attachments per message"), _("From 1 to 50."), 1, 50),
        Setting(
            CUSTOMERS_SEE_PLATFORM,
            True,
            _("Customers see conversations with the platform"),
            _("If off, customers see only their conversations with their store."),
        ),
        Setting(
            STAFF_SEE_ONLY_ASSIGNED,
            False,
            _("Staff see only what is assigned to them or to nobody"),
            _("In every store. If off, each store decides for itself. Owners see everything."),
        ),
        Setting(
            CONTEXT_KINDS,
            "order, return, product, payout, other",
            _("What conversations can be about"),
            _("Your shop’s own words, separated by commas. Removing a word keeps the conversations about it."),
        ),
        Setting(
            CUSTOMERS_MAY_START,
            NEVER,
            _("Customers can begin conversations with their store"),
            _("Each store can be stricter, never more open."),
            choices=MAY_START_NAMES,
        ),
        Setting(
            STARTS_PER_DAY,
            5,
            _("Conversations that a customer can begin in a day"),
            _("Replies do not count. From 1 to 100."),
            1,
            100,
        ),
        Setting(
            REPLY_REOPENS_DAYS,
            0,
            _("Days in which a customer’s reply reopens a closed conversation"),
            _("0 keeps closed conversations closed. From 0 to 365."),
            0,
            365,
        ),
        Setting(
            STORES_MAY_WRITE,
            False,
            _("Stores can begin conversations with the platform"),
            _("They always give a reason. What they write waits for the platform."),
        ),
        Setting(
            REASON_REQUIRED_STORES,
            False,
            _("Stores say why and what about when they write to a customer"),
            _("A new conversation needs a reason and an order or the like. You edit the list of reasons."),
        ),
        Setting(
            REASON_REQUIRED_CUSTOMERS,
            False,
            _("Customers say why when they write to their store"),
            _("A new conversation needs a reason."),
        ),
        Setting(
            CUSTOMERS_MAY_HAVE_TOKENS,
            False,
            _("Customers can create API tokens"),
            _("If off, they have no page for it. Tokens that exist keep working."),
            category="accounts",
        ),
        Setting(
            SECOND_FACTOR_ADMINS,
            False,
            _("Admins need a second factor"),
            _("From seven days after it is switched on, admins without one can only set one up."),
            category="accounts",
        ),
        Setting(
            SECOND_FACTOR_OWNERS,
            False,
            _("Store owners need a second factor"),
            _("From seven days after it is switched on, owners without one can only set one up."),
            category="accounts",
        ),
        Setting(
            LOCAL_SIGN_IN,
            True,
            _("Admins and staff sign in with a password"),
            _(
                "If off, they sign in through your identity provider. One emergency administrator keeps their password: "
                "the active one with the oldest account. Customers keep their passwords."
            ),
            category="accounts",
        ),
    )
}


def parse_or_default(key: str, text: str | None) -> Value:
    """Return a stored value, or the default if it is missing or invalid (the doctor reports invalid values)."""
    setting = SETTINGS[key]
    if text is None:
        return setting.default
    try:
        return setting.parse(text)
    except ValueError:
        return setting.default


def get_setting(key: str) -> Value:
    """Return the current value of one setting. One statement."""
    return parse_or_default(key, db.session.scalar(select(PlatformSetting.value).where(PlatformSetting.key == key)))


def switched_on_at(*keys: str) -> dict[str, datetime]:
    """Return when each of these switches was turned on, without those that are off. One statement."""
    row = PlatformSetting
    on = select(row.key, row.updated_at).where(row.key.in_(keys), row.value == "true")
    return {found.key: found.updated_at for found in db.session.execute(on)}


def list_settings() -> dict[str, Value]:
    """Return every setting with its current value."""
    stored = {row.key: row.value for row in db.session.execute(select(PlatformSetting.key, PlatformSetting.value))}
    return {key: parse_or_default(key, stored.get(key)) for key in SETTINGS}


def as_text(value: Value) -> str:
    """Return a value in the text form that is stored, typed and recorded."""
    return str(value).lower()


def set_settings(actor: Actor | None, values: dict[str, str], shown: Mapping[str, str] | None = None) -> None:
    """Store settings, all or none. `actor` is None on the command line.

    `shown` are the values that the actor's form showed: fields the actor left alone keep their current value, and
    `ChangedMeanwhile` is raised if somebody else changed a field that the actor changed too. Raises `Invalid` naming
    each key that is unknown or has an invalid value.
    """
    parsed: dict[str, Value] = {}
    errors = []
    for key, text in values.items():
        if key not in SETTINGS:
            errors.append(FieldError(key, "unknown", f"There is no setting {key}. Known: {', '.join(SETTINGS)}."))
            continue
        try:
            parsed[key] = SETTINGS[key].parse(text)
        except ValueError as error:
            errors.append(FieldError(key, "invalid", str(error)))
    if errors:
        raise Invalid(*errors)
    with writing(db.session) as session:
        stored = session.scalars(select(PlatformSetting).with_for_update()).all()
        before = {setting.key: setting.value for setting in stored}
        _drop_untouched(parsed, before, shown or {})
        insert, done = insert_for(session.get_bind().dialect.name, table_of(PlatformSetting)), []
        for key, value in parsed.items():
            row = {"key": key, "value": as_text(value), "updated_at": now()}
            was = before.get(key, as_text(SETTINGS[key].default))
            if was == row["value"]:
                continue  # unchanged: keeps the time at which a switch was turned on
            session.execute(insert.values(row).on_conflict_do_update(index_elements=["key"], set_=row))
            about = audit.Object("setting", key, key)
            done.append(audit.Change("setting.changed", about, {"value": was}, {"value": str(row["value"])}))
        if done:
            audit.record_all(session, actor, done)


def _drop_untouched(parsed: dict[str, Value], stored: Mapping[str, str], shown: Mapping[str, str]) -> None:
    """Remove from `parsed` what the actor left alone. Raises `ChangedMeanwhile` if the rest is no longer as `shown`."""
    conflicts = {}
    for key in [key for key in parsed if key in shown]:
        in_force = as_text(parse_or_default(key, stored.get(key)))
        entered = as_text(parsed[key])
        if entered in (shown[key], in_force):
            del parsed[key]
        elif in_force != shown[key]:
            conflicts[key] = in_force
    if conflicts:
        raise ChangedMeanwhile(conflicts)
