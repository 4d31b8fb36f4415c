"""The doctor: recomputes every invariant of the data and repairs what can be derived.

To add an invariant, add a row to `CHECKS`. The order is that of repair: counts and copies come after their source.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.engine import Connection

from messaging_app.db.engine import writing
from messaging_app.doctor import (
    chain,
    contexts,
    counters,
    delayed,
    emails,
    factors,
    files,
    lines,
    reasons,
    recipients,
    search,
    seats,
    sides,
)
from messaging_app.doctor.checks import Check
from messaging_app.extensions import db
from messaging_app.services import audit

CHECKS = [
    Check("message numbers", lines.find_gaps),
    Check("last number", lines.find_wrong_last, lines.set_last),
    Check("last message", lines.find_wrong_heads, lines.set_heads),
    Check("whose turn since when", sides.find_wrong_turns, sides.set_turns),
    Check("no reply needed", sides.find_wrong_marks, sides.drop_marks),
    Check("status and events", lines.find_unlike_events),
    Check("closing marks", lines.find_wrong_closing, lines.set_closing),
    Check("who did what", lines.find_strangers),
    Check("empty lines", lines.find_empty),
    Check("conversations' stores", lines.find_of_other_store),
    Check("contexts", contexts.find_of_other_store),
    Check("conversations' contexts", contexts.find_wrong_kinds, contexts.set_kinds),
    Check("follow-ups", contexts.find_strange_follow_ups),
    Check("reasons", reasons.find_unreadable),
    Check("conversations' reasons", reasons.find_halves),
    Check("seats' stores", seats.find_of_other_store, seats.copy_stores),
    Check("seats' owners", seats.find_strange),
    Check("missing seats", seats.find_missing, seats.seat_the_missing),
    Check("read positions", counters.find_out_of_range, counters.clamp),
    Check("who has written", counters.find_wrongly_marked, counters.mark_writers),
    Check("unread counters", counters.find_miscounted, counters.recount),
    Check("assignees", sides.find_strangers, sides.release),
    Check("lines of one side", sides.find_miscounted_lines, sides.count_lines),
    Check("messages to be sent", delayed.find_overdue),
    Check("attachments", files.find_misplaced, files.put_right),
    Check("stored files", files.find_unlike_storage, files.sweep),
    Check("e-mail keys", emails.find_wrong, emails.put_right),
    Check("recipient search", recipients.find_out_of_step, recipients.bring_in_step),
    Check("search", search.find_out_of_step, search.bring_in_step),
    Check(chain.NAME, chain.find_broken),
    Check("authenticator apps", factors.find_of_other_key),
    Check("recovery codes", factors.find_stray_codes, factors.drop_stray_codes),
    Check("platform settings", recipients.find_nonsense, recipients.drop_nonsense),
]


@dataclass(frozen=True, slots=True)
class Report:
    """The doctor's report: a line per check, and whether anything is (still) broken."""

    lines: list[str]
    broken: bool


def examine(*, repair: bool = False) -> Report:
    """Run every check on one snapshot of the database. With `repair`, fix what can be derived and check again."""
    if repair:
        files.sweep_unplaced()
    with _snapshot() as connection:
        found = _look(connection)
    if not repair or not any(found.values()):
        return _report(found, found)
    with writing(db.session) as session:
        connection = session.connection()
        _hold_still(connection)
        mended = dict(found)
        for check in CHECKS:
            broken = check.find(connection)
            if broken and check.repair is not None:
                mended[check.name] = broken
                check.repair(connection)
        left = _look(connection)
        done = {name: "not mended" if left[name] else "mended" for name, broken in mended.items() if broken}
        audit.record(session, None, "doctor.repaired", audit.Object("platform", "doctor"), after=done)
    return _report(mended, left)


def _look(connection: Connection) -> dict[str, str | None]:
    return {check.name: check.find(connection) for check in CHECKS}


def _report(found: dict[str, str | None], left: dict[str, str | None]) -> Report:
    said = []
    for name, broken in found.items():
        if left[name]:
            said.append(f"FAIL {name}: {left[name]}")
        elif broken:
            said.append(f"mended {name}: {broken}")
        else:
            said.append(f"ok   {name}")
    return Report(said, any(left.values()))


@contextmanager
def _snapshot() -> Iterator[Connection]:
    """A read transaction that sees the database as of its first statement, regardless of concurrent writes."""
    with db.engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            connection = connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            connection.execute(text("SET LOCAL statement_timeout = 0"))
        else:
            connection = connection.execution_options(transaction="DEFERRED")
        yield connection


def _hold_still(connection: Connection) -> None:
    """Block writers while counts are recomputed. On SQLite the write transaction already does.

    Locks tables in the same order as an import. The weaker mode for stores and customers allows the foreign-key checks
    of a new conversation, whose transaction already holds a lock on conversations.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        connection.execute(text("LOCK TABLE stores, customers IN SHARE ROW EXCLUSIVE MODE"))
        connection.execute(text("LOCK TABLE conversations IN EXCLUSIVE MODE"))
