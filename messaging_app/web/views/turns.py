"""No reply needed, snooze, assignment and marking unread: actions in a thread that the other side never sees."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import NamedTuple

from flask import Response, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from messaging_app.actors import Actor
from messaging_app.errors import FieldError, Invalid
from messaging_app.formats.reader import reader_zone
from messaging_app.formats.times import iso
from messaging_app.policies import policy_of
from messaging_app.services import assignment, threads, turns
from messaging_app.web.htmx import (
    Undo,
    is_htmx,
    make_response,
    page_or_fragment,
    rendered,
    see_other,
    toast,
    whole_number,
    with_events,
)

MORNING = time(8)


class Choice(NamedTuple):
    """A time until which to snooze."""

    label: str
    until: datetime


def rule_reply_out(actor: Actor, conversation_id: int) -> ResponseReturnValue:
    """Mark "No reply needed"; with `undo` take it back."""
    address = f"{policy_of(actor).thread(conversation_id)}/no-reply-needed"
    if "undo" in request.form:
        turns.expect_reply(actor, conversation_id)
        return _done(actor, conversation_id, "")
    done = turns.rule_reply_out(actor, conversation_id)
    undo = Undo(address, {"undo": "1"}) if done else None
    return _done(actor, conversation_id, _("No reply needed."), undo, leaves=done)


def assign(actor: Actor, conversation_id: int) -> ResponseReturnValue:
    """Show the form to choose an assignee."""
    found = threads.get_head(actor, conversation_id)
    colleagues = assignment.list_colleagues(actor)
    return page_or_fragment("turns/assign.html", "turns/_assign.html", thread=found, colleagues=colleagues, error="")


def save_assignee(actor: Actor, conversation_id: int) -> ResponseReturnValue:
    """Assign the conversation to `user_id`; empty: to nobody."""
    address = f"{policy_of(actor).thread(conversation_id)}/assignee"
    before = threads.get_head(actor, conversation_id).head.assignee_id
    user_id = whole_number("user_id", "form")
    try:
        assignment.assign(actor, conversation_id, user_id, mails="undo" not in request.form)
    except Invalid as refusal:
        if "undo" in request.form:
            raise
        return _refused_assignee(actor, conversation_id, refusal)  # the colleague has left since the list was shown
    sentence = _("Assigned to nobody.") if user_id is None else _("Assigned.")
    undo = Undo(address, {"user_id": str(before or ""), "undo": "1"}) if before != user_id else None
    return _done(actor, conversation_id, sentence if "undo" not in request.form else "", undo)


def _refused_assignee(actor: Actor, conversation_id: int, refusal: Invalid) -> Response:
    found = threads.get_head(actor, conversation_id)
    template = "turns/_assign_form.html" if is_htmx() else "turns/assign.html"
    colleagues = assignment.list_colleagues(actor)
    return rendered(template, refusal.status, thread=found, colleagues=colleagues, error=refusal.explained())


def snooze(actor: Actor, conversation_id: int) -> ResponseReturnValue:
    """Show the form to choose the end of a snooze."""
    found = threads.get_head(actor, conversation_id)
    return page_or_fragment("turns/snooze.html", "turns/_snooze.html", thread=found, choices=choices(), error="")


def save_snooze(actor: Actor, conversation_id: int) -> ResponseReturnValue:
    """Snooze until `until`, or until `at` in the reader's time zone; both empty: end the snooze."""
    address = f"{policy_of(actor).thread(conversation_id)}/snooze"
    try:
        until = moment_in_form()
        turns.snooze(actor, conversation_id, until)
    except Invalid as refusal:
        return refused_moment(refusal, thread=threads.get_head(actor, conversation_id))
    undo = Undo(address, {"until": ""}) if until else None
    return _done(actor, conversation_id, _("Snoozed.") if until else "", undo, leaves=until is not None)


def mark_unread(actor: Actor, conversation_id: int) -> ResponseReturnValue:
    """Mark the messages from `from_seq` on as unread (without it the newest), and leave the conversation."""
    turns.mark_unread(actor, conversation_id, whole_number("from_seq", "form"))
    if not is_htmx():
        return see_other(policy_of(actor).messages)
    response = make_response("")
    return with_events(response, conversation_left={}, conversations_changed={}, unread_changed={})


def _done(
    actor: Actor, conversation_id: int, sentence: str, undo: Undo | None = None, *, leaves: bool = False
) -> ResponseReturnValue:
    """Respond so that the page fetches what changed. `leaves`: the conversation no longer waits for us."""
    if not is_htmx():
        found = threads.find_status(actor, conversation_id)
        return see_other(policy_of(actor).thread(conversation_id) if found else policy_of(actor).messages)
    events: dict[str, object] = {"thread_changed": {}, "conversations_changed": {}, "unread_changed": {}}
    if sentence:
        events["toast"] = toast(sentence, undo=undo)
    if leaves:
        events["turn_done"] = {"id": conversation_id}
    return with_events(make_response(""), **events)


def moment_in_form() -> datetime | None:
    """Return the time in a form: `until` from a button, or `at` from a date field. Raises `Invalid`."""
    return _moment(request.form.get("until") or "") or _local_moment(request.form.get("at") or "")


def refused_moment(refusal: Invalid, **context: object) -> Response:
    """Render the snooze form with an error. `context` names the conversations to snooze."""
    template = "turns/_snooze_form.html" if is_htmx() else "turns/snooze.html"
    return rendered(template, refusal.status, choices=choices(), error=refusal.explained(), **context)


def choices() -> list[Choice]:
    """Return later today (if early enough), tomorrow morning and Monday morning, in the reader's time zone.

    On Sundays, next week is tomorrow.
    """
    zone = reader_zone()
    here = datetime.now(zone)
    tomorrow = here.date() + timedelta(days=1)
    monday = here.date() + timedelta(days=7 - here.weekday())
    later = (here + timedelta(hours=3)).replace(minute=0, second=0, microsecond=0)
    found = [Choice(_("Later today"), later.astimezone(UTC))] if later.date() == here.date() else []
    found.append(Choice(_("Tomorrow"), datetime.combine(tomorrow, MORNING, zone).astimezone(UTC)))
    if monday != tomorrow:
        found.append(Choice(_("Next week"), datetime.combine(monday, MORNING, zone).astimezone(UTC)))
    return found


def _moment(text: str) -> datetime | None:
    """Parse the value of a button."""
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
        assert iso(moment)
    except (ValueError, OverflowError):
        raise _no_time() from None
    if moment.tzinfo is None:
        raise _no_time()
    return moment


def _local_moment(text: str) -> datetime | None:
    """Parse the value of a date field, in the reader's time zone."""
    if not text:
        return None
    try:
        return datetime.fromisoformat(text).replace(tzinfo=reader_zone()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise _no_time() from None


def _no_time() -> Invalid:
    return Invalid(FieldError("until", "invalid", _("Enter a date and a time.")))
