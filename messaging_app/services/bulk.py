"""One action on many conversations: each is a transaction of its own and has its own answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Literal, NamedTuple

from messaging_app.actors import Actor
from messaging_app.errors import Refusal
from messaging_app.services import assignment, messaging, turns

BULK_MAX = 200
Action = Literal["close", "reopen", "read", "assign", "snooze"]


class Outcome(NamedTuple):
    """What came of one conversation: the HTTP status of the request for it alone, and the code of a refusal."""

    id: int
    status: int
    code: str = ""


def act(
    actor: Actor, ids: Sequence[int], action: Action, *, user_id: int | None = None, until: datetime | None = None
) -> list[Outcome]:
    """Do `action` with each conversation, in the order of `ids`. A refused one stops none of the others."""
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
        return Outcome(number, refusal.status, refusal.code)
    return Outcome(number, 200)
