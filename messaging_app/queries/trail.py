"""Filters of the audit trail: each is a range of one index, read from its end, so the trail's length does not matter."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from sqlalchemy import ColumnElement, Select, literal, select, tuple_, union
from sqlalchemy.orm import InstrumentedAttribute, Session

from messaging_app.db.types import MAX_ID
from messaging_app.models import AuditEntry

ENTRY = AuditEntry
Range: TypeAlias = dict[InstrumentedAttribute[str], str]  # the first columns of an index, and their values


@dataclass(frozen=True, slots=True)
class Filters:
    """A filter of entries: every field that is set must match.

    `people` are e-mail keys of the actor or the object. `object` is `type`, `type:id`, or the object's e-mail.
    """

    people: tuple[str, ...] = ()
    object: str = ""
    actions: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None

    def as_facts(self) -> dict[str, str]:
        """Return the filters in use, as the audit trail records them for an export."""
        values = {"people": ", ".join(self.people), "object": self.object, "actions": ", ".join(self.actions)}
        times = {"since": self.since and self.since.isoformat(), "until": self.until and self.until.isoformat()}
        return {name: str(value) for name, value in (values | times).items() if value}


def entries(
    session: Session, filters: Filters, *, after: int | None = None, below: int | None = None, limit: int
) -> list[AuditEntry]:
    """Return entries with an id over `after`, oldest first; without `after` newest first, with ids under `below` if given.

    One statement, and one more for each time limit: those become ids first, since clocks can differ between entries.
    """
    oldest_first = after is not None
    low, high = after or 0, below or MAX_ID
    if filters.since is not None:
        low = max(low, (_first_since(session, filters.since) or MAX_ID) - 1)
    if filters.until is not None:
        high = min(high, _first_since(session, filters.until) or MAX_ID)
    ranges, rest = _ranges(filters)
    parts = [_part(one, low, high, oldest_first).where(*rest).limit(limit) for one in ranges]
    found = (union(*(select(part.subquery().c.id) for part in parts)) if len(parts) > 1 else parts[0]).subquery()
    order = [column if oldest_first else column.desc() for column in (found.c.id, ENTRY.id)]
    wanted = select(found.c.id).order_by(order[0]).limit(limit)
    return list(session.scalars(select(ENTRY).where(ENTRY.id.in_(wanted)).order_by(order[1])))


def _part(one: Range, low: int, high: int, oldest_first: bool) -> Select[int]:
    """Select the ids of one range above `low` and below `high`, in order.

    The condition is a range of pairs: with an equality PostgreSQL prefers to read all entries backwards until enough of
    them match.
    """
    columns, values = [*one.keys(), ENTRY.id], list(map(literal, one.values()))
    place = tuple_(*columns)
    between = place > tuple_(*values, literal(low)), place < tuple_(*values, literal(high))
    return select(ENTRY.id).where(*between).order_by(*(column if oldest_first else column.desc() for column in columns))


def _ranges(filters: Filters) -> tuple[list[Range], list[ColumnElement[bool]]]:
    """Return index ranges, one of which must contain the entry, and further conditions that must all hold."""
    whose: list[Range] = [{column: key} for key in filters.people for column in (ENTRY.actor_email, ENTRY.object_email)]
    of_object = [_object(filters.object)] if filters.object else []
    actions: list[Range] = [{ENTRY.action: action} for action in filters.actions]
    rest = [column == value for one in (of_object if whose else []) for column, value in one.items()]
    if filters.actions and (whose or of_object):
        rest.append(ENTRY.action.in_(filters.actions))
    return whose or of_object or actions or [{}], rest


def _object(wanted: str) -> Range:
    kind, colon, number = wanted.partition(":")
    if "@" in kind:
        return {ENTRY.object_email: wanted}
    return {ENTRY.object_type: kind, ENTRY.object_id: number} if colon else {ENTRY.object_type: kind}


def _first_since(session: Session, moment: datetime) -> int | None:
    return session.scalar(select(ENTRY.id).where(ENTRY.at >= moment).order_by(ENTRY.at, ENTRY.id).limit(1))
