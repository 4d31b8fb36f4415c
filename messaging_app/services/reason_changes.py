"""Changing the list of reasons: as a whole through the API, one at a time on the page. Each change is recorded."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import asdict, replace

from flask_babel import lazy_gettext as _
from sqlalchemy.orm import Session

from messaging_app.actors import Actor
from messaging_app.db.engine import writing
from messaging_app.errors import FieldError, Invalid, NotFound, Refusal
from messaging_app.extensions import db
from messaging_app.models import ReasonList
from messaging_app.models.context import STATE_MAX
from messaging_app.models.reason import CODE, CODE_MAX, HINT_MAX, NAME_MAX, PARTIES, REASONS_MAX, STATES_MAX, Reason
from messaging_app.services import audit
from messaging_app.services.console import require_right
from messaging_app.services.contexts import kinds, one_line, web_address

_BAD_CODE = _("A code has 1 to %(max)s characters: a to z, 0 to 9, - and _. It begins with a letter.", max=CODE_MAX)
_TAKEN = _("Another reason has this code.")
_NO_SIDE = _("Choose who can begin with it.")


class ReasonChangedMeanwhile(Refusal):
    """Somebody else changed the reason since the form was opened. `now` is its current version."""

    status = 409
    code = "edited_meanwhile"
    sentence = _("Someone else changed this in the meantime. Your changes are kept but not saved yet.")

    def __init__(self, now: Reason) -> None:
        super().__init__()
        self.now = now


def list_reasons() -> tuple[Reason, ...]:
    """Return the current reasons in order. One statement."""
    return ReasonList.current(db.session())


def get_reason(code: str) -> Reason:
    """Return one reason. Raises `NotFound`."""
    reasons = list_reasons()
    return reasons[_place(reasons, code)]


def version_of(reason: Reason) -> str:
    """Return a text that changes with the reason, for forms to detect concurrent changes."""
    return hashlib.sha256(json.dumps(asdict(reason)).encode()).hexdigest()[:16]


def put_reasons(actor: Actor, reasons: Sequence[Reason]) -> None:
    """Replace the whole list. Existing conversations keep their reason.

    Raises `Invalid` on field `reasons`; each error names the code of its reason.
    """
    require_right(actor, "reasons")
    if len(reasons) > REASONS_MAX:
        raise Invalid(_too_many("reasons"))
    errors: list[FieldError] = []
    checked = []
    known = kinds()
    for reason in reasons:
        found: list[FieldError] = []
        checked.append(_checked(reason, known, found))
        if [one.code for one in reasons].count(reason.code) > 1:
            found.append(FieldError("code", "repeated", _TAKEN))
        for one in found:
            told = _("%(code)s, %(field)s: %(fault)s", code=reason.code[:CODE_MAX], field=one.field, fault=one.message)
            errors.append(FieldError("reasons", one.code, str(told)))
    if errors:
        raise Invalid(*errors)
    with writing(db.session) as session:
        _replace(session, actor, ReasonList.hold(session), checked)


def add_reason(actor: Actor, reason: Reason) -> None:
    """Add a reason at the end of the list. Raises `Invalid` by field."""
    require_right(actor, "reasons")
    errors: list[FieldError] = []
    checked = _checked(reason, kinds(), errors)
    with writing(db.session) as session:
        stored = ReasonList.hold(session)
        if any(one.code == checked.code for one in stored):
            errors.append(FieldError("code", "taken", _TAKEN))
        if len(stored) >= REASONS_MAX:
            errors.append(_too_many("code"))
        if errors:
            raise Invalid(*errors)
        _replace(session, actor, stored, [*stored, checked])


def change_reason(actor: Actor, code: str, version: str, reason: Reason) -> None:
    """Change a reason, except its code.

    Raises `NotFound`, `Invalid` by field, and `ReasonChangedMeanwhile` if `version` is not the current one.
    """
    require_right(actor, "reasons")
    errors: list[FieldError] = []
    checked = _checked(replace(reason, code=code), kinds(), errors)
    if errors:
        raise Invalid(*errors)
    with writing(db.session) as session:
        stored = ReasonList.hold(session)
        place = _place(stored, code)
        if version != version_of(stored[place]):
            raise ReasonChangedMeanwhile(stored[place])
        _replace(session, actor, stored, [*stored[:place], checked, *stored[place + 1 :]])


def remove_reason(actor: Actor, code: str) -> None:
    """Remove a reason from the list. Existing conversations keep it."""
    require_right(actor, "reasons")
    with writing(db.session) as session:
        stored = ReasonList.hold(session)
        place = _place(stored, code)
        _replace(session, actor, stored, [*stored[:place], *stored[place + 1 :]])


def move_up(actor: Actor, code: str) -> None:
    """Swap a reason with the one before it. Does nothing for the first one."""
    require_right(actor, "reasons")
    with writing(db.session) as session:
        stored = ReasonList.hold(session)
        moved, place = list(stored), _place(stored, code)
        moved.insert(max(place - 1, 0), moved.pop(place))
        _replace(session, actor, stored, moved)


def _place(reasons: Sequence[Reason], code: str) -> int:
    for place, reason in enumerate(reasons):
        if reason.code == code:
            return place
    raise NotFound


def _too_many(field: str) -> FieldError:
    return FieldError(field, "too_many", str(_("There can be at most %(max)s reasons.", max=REASONS_MAX)))


def _replace(session: Session, actor: Actor, before: Sequence[Reason], after: Sequence[Reason]) -> None:
    """Store the list, which the caller has locked, and record each reason that was added, changed or removed."""
    was, now = ({reason.code: reason for reason in one} for one in (before, after))
    done = [
        audit.Change("reason.removed", audit.Object("reason", code, was[code].name), _facts(was[code]))
        for code in was
        if code not in now
    ]
    for code, reason in now.items():
        about = audit.Object("reason", code, reason.name)
        if code not in was:
            done.append(audit.Change("reason.added", about, after=_facts(reason)))
        elif was[code] != reason:
            done.append(audit.Change("reason.changed", about, *audit.changed(_facts(was[code]), _facts(reason))))
    if [code for code in was if code in now] != [code for code in now if code in was]:
        done.append(audit.Change("reason.sorted", audit.Object("reason", "all"), after={"order": ", ".join(now)}))
    if done:
        ReasonList.replace(session, after)
        audit.record_all(session, actor, done)


def _facts(reason: Reason) -> audit.Facts:
    return {name: ", ".join(value) if isinstance(value, tuple) else value for name, value in asdict(reason).items()}


def _checked(reason: Reason, known: Sequence[str], errors: list[FieldError]) -> Reason:
    """Return a reason ready to store. Adds to `errors` for each invalid field."""
    if not re.fullmatch(CODE, reason.code) or reason.code == "new":
        errors.append(FieldError("code", "invalid", _BAD_CODE))
    if not reason.sides:
        errors.append(FieldError("sides", "required", _NO_SIDE))
    for field, choices in (("sides", PARTIES), ("recipients", PARTIES), ("kinds", known)):
        if strange := [one for one in getattr(reason, field) if one not in choices]:
            told = _("%(word)s: this must be one of %(words)s.", word=strange[0][:CODE_MAX], words=", ".join(choices))
            errors.append(FieldError(field, "not_a_choice", str(told)))
    if len(reason.states) > STATES_MAX:
        told = _("There can be at most %(max)s states.", max=STATES_MAX)
        errors.append(FieldError("states", "too_many", str(told)))
    return Reason(
        code=reason.code,
        name=one_line("name", reason.name, NAME_MAX, errors) or "",
        sides=tuple(dict.fromkeys(reason.sides)),
        kinds=tuple(dict.fromkeys(reason.kinds)),
        states=tuple(dict.fromkeys(one_line("states", one, STATE_MAX, errors) or "" for one in reason.states)),
        recipients=tuple(dict.fromkeys(reason.recipients)),
        hint=one_line("hint", reason.hint, HINT_MAX, errors) if reason.hint else None,
        url=web_address(reason.url, errors),
    )
