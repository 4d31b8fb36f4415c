"""One action on many conversations: each runs in its own transaction and has its own result."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Literal, NamedTuple, get_args

from messaging_app.actors import Actor
from messaging_app.db.engine import now
from messaging_app.errors import Refusal
from messaging_app.extensions import db
from messaging_app.queries import teams
from messaging_app.services import assignment, messaging, turns

BULK_MAX = 200
Action = Literal["close", "reopen", "read", "assign", "snooze"]


ACTIONS: dict[str, Action] = {action: action for action in get_args(Action)}


class Outcome(NamedTuple):
    """The result for one conversation: the HTTP status that a single request would have.

    If it was refused, also the code for programs and the reason for users.
    """

    id: int
    status: int
    code: str = ""
    reason: str = ""


class Before(NamedTuple):
    """A conversation's state before an action, as the actor saw it."""

    id: int
    status: str
    assignee_id: int | None
    snoozed_until: datetime | None
    last_read_seq: int


def states_of(actor: Actor, ids: Sequence[int]) -> list[Before]:
    """Return the states of those conversations in `ids` that the actor sees. One statement."""
    return [Before(*row) for row in teams.states_of(db.session(), actor, ids, now())]


def bring_back(actor: Actor, states: Sequence[Before], action: Action) -> list[Outcome]:
    """Undo `action`: restore each conversation's earlier state. A refusal does not stop the others."""

    def back(state: Before) -> None:
        if action == "read":
            turns.mark_unread(actor, state.id, state.last_read_seq + 1)
        elif action == "assign":
            assignment.assign(actor, state.id, state.assignee_id, mails=False)
        elif action == "snooze":
            over = state.snoozed_until is not None and state.snoozed_until <= now()
            turns.snooze(actor, state.id, None if over else state.snoozed_until)
        elif state.status == "open":
            messaging.reopen_conversation(actor, state.id)
        else:
            messaging.close_conversation(actor, state.id)

    return [_outcome(lambda _number, state=state: back(state), state.id) for state in states]  # type: ignore[misc]


def act(
    actor: Actor, ids: Sequence[int], action: Action, *, user_id: int | None = None, until: datetime | None = None
) -> list[Outcome]:
    """Apply `action` to each conversation, in the order of `ids`. A refusal does not stop the others."""
    acts: dict[Action, Callable[[int], object]] = {
        "close": lambda number: messaging.close_conversation(actor, number),
        "reopen": lambda number: messaging.reopen_conversation(actor, number),
        "read": lambda number: messaging.mark_conversation_read(actor, number),
        "assign": lambda number: assignment.assign(actor, number, user_id),
        "snooze": lambda number: turns.snooze(actor, number, until),
    }
    return [_outcome(acts[action], number) for number in ids]


def _outcome(act_on: Callable[[int], object], number: int) -> Outcome:
    try:
        act_on(number)
    except Refusal as refusal:
        return Outcome(number, refusal.status, refusal.code, refusal.explained())
    return Outcome(number, 200)
