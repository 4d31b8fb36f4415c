"""Which entries of the audit trail: each filter is a range of one index, read from its end, however long the trail is."""

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
    """Which entries are wanted: all that are given must hold.

    `people` are e-mail keys, of the actor or the object. `object` is `type` or `type:id`, or an e-mail of the object.
    """

    people: tuple[str, ...] = ()
    object: str = ""
    actions: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None

    def told(self) -> dict[str, str]:
        """Return what the audit trail says of an export with these filters."""
        values = {"people": ", ".join(self.people), "object": self.object, "actions": ", ".join(self.actions)}
        times = {"since": self.since and self.since.isoformat(), "until": self.until and self.until.isoformat()}
        return {name: str(value) for name, value in (values | times).items() if value}


def entries(
    session: Session, filters: Filters, *, after: int | None = None, below: int | None = None, limit: int
) -> list[AuditEntry]:
    """Return entries after entry `after`, oldest first, or without it newest first, `below` one if given.

    One statement, and one for each time. Times are compared in the order of the entries, in which clocks may differ.
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
    """Select the numbers of one range above `low` and below `high`, in order.

    As a range of pairs, not as an equality, after which PostgreSQL would rather read all entries backwards and hope to
    meet enough of the right ones soon.
    """
    columns, values = [*one.keys(), ENTRY.id], list(map(literal, one.values()))
    place = tuple_(*columns)
    between = place > tuple_(*values, literal(low)), place < tuple_(*values, literal(high))
    return select(ENTRY.id).where(*between).order_by(*(column if oldest_first else column.desc() for column in columns))


def _ranges(filters: Filters) -> tuple[list[Range], list[ColumnElement[bool]]]:
    """Return ranges of which an entry must be in one, each the beginning of an index, and what must hold besides."""
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
