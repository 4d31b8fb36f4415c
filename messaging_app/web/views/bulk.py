"""One action on the selected rows of the inbox, and its undo."""

from __future__ import annotations

import re
from datetime import datetime

from flask import request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug.datastructures import MultiDict

from messaging_app.actors import Actor
from messaging_app.db.engine import now
from messaging_app.errors import FieldError, Invalid
from messaging_app.policies import policy_of
from messaging_app.services import assignment, bulk, turns
from messaging_app.services.bulk import Action, Before, Outcome
from messaging_app.web.htmx import (
    Undo,
    is_htmx,
    make_response,
    page_or_fragment,
    see_other,
    toast,
    whole_number,
    with_events,
)
from messaging_app.web.views.turns import choices, moment_in_form, refused_moment

_ID = re.compile(r"[1-9][0-9]{0,17}", re.ASCII)
_BACK = re.compile(r"([1-9][0-9]{0,17}):(open|closed):([0-9]{0,18}):([0-9]{0,18}):([0-9T:.+Z-]{0,40})", re.ASCII)


def choose_for_many(actor: Actor) -> ResponseReturnValue:
    """Show the form to choose an assignee (`action=assign`) or a time (`action=snooze`) for the conversations `ids`."""
    ids, action = _chosen(request.args)
    if action == "assign":
        found = assignment.list_colleagues(actor)
        return page_or_fragment("turns/assign.html", "turns/_assign.html", ids=ids, colleagues=found, error="")
    if action == "snooze":
        return page_or_fragment("turns/snooze.html", "turns/_snooze.html", ids=ids, choices=choices(), error="")
    raise _no_action()


def act_on_many(actor: Actor) -> ResponseReturnValue:
    """Apply `action` to the conversations `ids`."""
    ids, action = _chosen(request.form)
    if action is None:
        raise _no_action()
    try:
        until = moment_in_form()
        turns.check_until(until, now())
    except Invalid as refusal:
        return refused_moment(refusal, ids=ids)
    before = bulk.states_of(actor, ids)
    outcomes = bulk.act(actor, ids, action, user_id=whole_number("user_id", "form"), until=until)
    done = {one.id for one in outcomes if one.status == 200}
    undo = [_written(state) for state in before if state.id in done]
    back = Undo(f"{policy_of(actor).messages}/bulk/undo", {"before": " ".join(undo), "action": action})
    return _answer(actor, outcomes, back if undo else None)


def undo_many(actor: Actor) -> ResponseReturnValue:
    """Restore conversations to their state `before` an action."""
    states = [_read(text) for text in request.form.get("before", "").split()[: bulk.BULK_MAX]]
    action = bulk.ACTIONS.get(request.form.get("action", ""))
    if not states or action is None:
        raise Invalid(FieldError("before", "invalid", _("There is nothing to undo.")))
    return _answer(actor, bulk.bring_back(actor, states, action), None, undone=True)


def _chosen(fields: MultiDict[str, str]) -> tuple[list[int], Action | None]:
    chosen = fields.getlist("ids")
    if not (0 < len(chosen) <= bulk.BULK_MAX and all(_ID.fullmatch(one) for one in chosen)):
        sentence = _("Select 1 to %(most)s conversations.", most=bulk.BULK_MAX)
        raise Invalid(FieldError("ids", "invalid", sentence))
    return [int(one) for one in chosen], bulk.ACTIONS.get(fields.get("action", ""))


def _no_action() -> Invalid:
    return Invalid(FieldError("action", "invalid", _("Choose what to do with them.")))


def _answer(actor: Actor, outcomes: list[Outcome], undo: Undo | None, *, undone: bool = False) -> ResponseReturnValue:
    if not is_htmx():
        return see_other(policy_of(actor).messages)
    done = sum(one.status == 200 for one in outcomes)
    refused = len(outcomes) - done
    sentence = ngettext("%(num)s conversation changed.", "%(num)s conversations changed.", done)
    if undone:
        sentence = _("Undone.")
    if refused:
        reasons = dict.fromkeys(one.reason for one in outcomes if one.reason)
        sentence = " ".join([sentence, ngettext("%(num)s was refused.", "%(num)s were refused.", refused), *reasons])
    events: dict[str, object] = {
        "thread_changed": {},
        "conversations_changed": {},
        "unread_changed": {},
        "many_done": {},
    }
    return with_events(make_response(""), **events, toast=toast(sentence, "good" if done else "danger", undo))


def _written(state: Before) -> str:
    """Encode a state as one form value."""
    until = state.snoozed_until.isoformat() if state.snoozed_until else ""
    return f"{state.id}:{state.status}:{state.assignee_id or ''}:{state.last_read_seq}:{until}"


def _read(text: str) -> Before:
    found = _BACK.fullmatch(text)
    try:
        if found:
            until = datetime.fromisoformat(found[5]) if found[5] else None
            assignee = int(found[3]) if found[3] else None
            return Before(int(found[1]), found[2], assignee, until, int(found[4] or 0))
    except ValueError:
        pass
    raise Invalid(FieldError("before", "invalid", _("There is nothing to undo.")))
