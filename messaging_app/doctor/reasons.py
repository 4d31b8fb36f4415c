"""Why conversations begin: the list can be read, and a conversation that has a reason says which and how it was called."""

from __future__ import annotations

from sqlalchemy import String, func, select, type_coerce
from sqlalchemy.engine import Connection

from messaging_app.doctor.checks import first_of, some
from messaging_app.models import Conversation, ReasonList
from messaging_app.models.reason import read_reasons


def find_unreadable(connection: Connection) -> str | None:
    """The stored list holds reasons, each code once."""
    stored = connection.scalar(select(type_coerce(ReasonList.reasons, String)).where(ReasonList.id == 1))
    try:
        codes = [reason.code for reason in read_reasons(stored)] if stored is not None else []
    except ValueError:
        return "the list cannot be read; save it again by the API"
    twice = sorted({code for code in codes if codes.count(code) > 1})
    return f"{some(len(twice), 'code')} more than once (first: {twice[0]})" if twice else None


def find_halves(connection: Connection) -> str | None:
    """A conversation has both code and name of its reason, or neither."""
    code, name = Conversation.reason_code, Conversation.reason_name
    half = select(Conversation.id).where((func.coalesce(code, "") == "") != (func.coalesce(name, "") == ""))
    if (found := first_of(connection, half)) is None:
        return None
    row, number = found
    return f"{some(number, 'conversation')} with half a reason (first: conversation {row.id})"
