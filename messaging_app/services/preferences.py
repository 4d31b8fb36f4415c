"""Personal preferences: language, time zone, mail. Shared between the roles of an admin who is also staff."""

from __future__ import annotations

from flask_babel import lazy_gettext as _
from sqlalchemy import select, update

from messaging_app.actors import Actor
from messaging_app.db.engine import writing
from messaging_app.errors import FieldError, Invalid
from messaging_app.extensions import db
from messaging_app.formats import reader
from messaging_app.models import User
from messaging_app.policies import policy_of
from messaging_app.queries.people import person_of


def wants_mail(actor: Actor) -> bool:
    """Return the user's switch for all mail. One statement."""
    person = person_of(actor.type)
    return bool(db.session.scalar(select(person.mail_enabled).where(person.id == actor.id)))


def how_inbox_opens(actor: Actor) -> dict[str, str]:
    """Return a team member's preferences for inbox and sending; empty for customers. One statement."""
    if not policy_of(actor).has_team:
        return {}
    row = db.session.execute(
        select(User.opens_with, User.opens_next, User.undo_send_seconds).where(User.id == actor.id)
    ).one()
    seconds = str(row.undo_send_seconds)
    return {"opens_with": row.opens_with, "opens_next": str(row.opens_next).lower(), "undo_send_seconds": seconds}


def save(
    actor: Actor,
    *,
    mail: bool | None = None,
    language: str | None = None,
    time_zone: str | None = None,
    opens_with: str | None = None,
    opens_next: bool | None = None,
    undo_send_seconds: int | None = None,
) -> None:
    """Change the given preferences. An empty language or time zone follows the browser. The last three are for teams.

    The mail switches of single conversations do not change. Raises `Invalid` on fields `language` and `time_zone`.
    """
    errors = []
    if language and language not in reader.languages():
        errors.append(FieldError("language", "invalid", _("Choose a language from the list.")))
    if time_zone and not reader.is_zone(time_zone):
        errors.append(FieldError("time_zone", "invalid", _("Choose a time zone from the list.")))
    if errors:
        raise Invalid(*errors)
    values: dict[str, str | int | None] = {}
    if mail is not None:
        values["mail_enabled"] = mail
    if language is not None:
        values["locale"] = language or None
    if time_zone is not None:
        values["time_zone"] = time_zone or None
    if opens_with is not None:
        values["opens_with"] = opens_with
    if opens_next is not None:
        values["opens_next"] = opens_next
    if undo_send_seconds is not None:
        values["undo_send_seconds"] = undo_send_seconds
    person = person_of(actor.type)
    with writing(db.session) as session:
        session.execute(update(person).where(person.id == actor.id).values(values))
