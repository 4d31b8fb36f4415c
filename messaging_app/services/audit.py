"""The audit trail: every change to users, rights and settings, in the transaction that makes it (rule 33).

Contains no message text and no secrets. Each entry's hash covers the entry and the previous hash, so `trail.verify`
detects rows that were changed, removed or inserted later.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import NamedTuple, TypeAlias

from sqlalchemy import insert, select, update

from messaging_app.actors import Actor, ActorType
from messaging_app.db.engine import now
from messaging_app.db.types import DbSession, Fields
from messaging_app.models import AuditEntry, AuditHead, Customer, User
from messaging_app.text import email_key

COMMAND_LINE = "command line"
BATCH = 1_000  # rows per statement
HASHED = (
    *("id", "at", "actor_type", "actor_id", "actor_name", "actor_email", "action", "object_type", "object_id"),
    *("object_name", "object_email", "before", "after", "address", "session_id", "request_id"),
)

Value = str | int | bool | None
Facts = dict[str, Value]


class Origin(NamedTuple):
    """The request that makes a change."""

    address: str = ""
    session_id: int | None = None
    request_id: str = ""


class Object(NamedTuple):
    """The object of a change: its kind, its id or code, and its current name."""

    type: str
    id: str | int
    name: str = ""
    email: str = ""


class Who(NamedTuple):
    """The author of a change, as the trail stores it."""

    type: str
    id: int | None
    name: str
    email: str


Author: TypeAlias = Actor | Who | None


class Change(NamedTuple):
    """One change of several that are recorded together. `action` is `noun.verbed`."""

    action: str
    about: Object
    before: Mapping[str, Value] = {}
    after: Mapping[str, Value] = {}


_origin: ContextVar[Origin | None] = ContextVar("audit_origin", default=None)


def set_origin(origin: Origin | None) -> None:
    """Set the origin of entries recorded in this request. Without one, entries come from the command line."""
    _origin.set(origin)


def record(
    session: DbSession,
    actor: Author,
    action: str,
    about: Object,
    before: Mapping[str, Value] | None = None,
    after: Mapping[str, Value] | None = None,
) -> None:
    """Add an entry as the last statement of the caller's transaction, because it locks the end of the trail.

    Without `actor` the author is the command line or, if the request has an address, an anonymous user. A `Who` saves
    the statement that finds the actor's e-mail.
    """
    record_all(session, actor, [Change(action, about, before or {}, after or {})])


def record_all(session: DbSession, actor: Author, changes: Sequence[Change]) -> None:
    """Add an entry for each of `changes`, in this order; see `record`."""
    who, origin, moment = _who(session, actor), _origin.get() or Origin(), now()
    head = session.execute(select(AuditHead.last_id, AuditHead.hash).with_for_update()).one()
    number, last_hash = head.last_id, head.hash
    rows = []
    for change in changes:
        number += 1
        row = _row(number, moment, who, change, origin)
        row["hash"] = last_hash = chained(last_hash, row)
        rows.append(row)
    for at in range(0, len(rows), BATCH):
        session.execute(insert(AuditEntry), rows[at : at + BATCH])
    session.execute(update(AuditHead).values(last_id=number, hash=last_hash))


def changed(before: Mapping[str, Value], after: Mapping[str, Value]) -> tuple[Facts, Facts]:
    """Return `before` and `after`, reduced to what differs."""
    keys = [key for key in after if before.get(key) != after[key]]
    return {key: before.get(key) for key in keys}, {key: after[key] for key in keys}


def about_person(session: DbSession, actor_type: ActorType, person_id: int) -> Object:
    """Return a user or customer as the object of a change. One statement."""
    person = Customer if actor_type == ActorType.CUSTOMER else User
    found = session.execute(select(person.name, person.email).where(person.id == person_id)).one()
    return Object(person.__tablename__.removesuffix("s"), person_id, found.name, found.email)


def chained(before: str, entry: Mapping[str, object]) -> str:
    """Return the hash of an entry that follows the entry with hash `before`."""
    values = [entry[name] for name in HASHED]
    at = entry["at"]
    assert isinstance(at, datetime)
    values[1] = at.astimezone(UTC).isoformat(timespec="microseconds")
    words = [str(value) if value is not None else None for value in values]
    return hashlib.sha256(json.dumps([before, *words], ensure_ascii=False).encode()).hexdigest()


def _who(session: DbSession, actor: Author) -> Who:
    if isinstance(actor, Who):
        return actor
    if actor is None:
        return Who("nobody", None, "", "") if _origin.get() else Who("command", None, COMMAND_LINE, "")
    person = Customer if actor.type == ActorType.CUSTOMER else User
    email = session.scalar(select(person.email_key).where(person.id == actor.id))
    return Who(actor.type, actor.id, actor.name, email or "")


def _row(number: int, moment: datetime, who: Who, change: Change, origin: Origin) -> Fields:
    about = change.about
    return {
        "id": number,
        "at": moment,
        "actor_type": who.type,
        "actor_id": who.id,
        "actor_name": who.name,
        "actor_email": who.email,
        "action": change.action,
        "object_type": about.type,
        "object_id": str(about.id),
        "object_name": about.name,
        "object_email": email_key(about.email) if about.email else "",
        "before": _json(change.before),
        "after": _json(change.after),
        **origin._asdict(),
    }


def _json(values: Mapping[str, Value]) -> str:
    return json.dumps(values, ensure_ascii=False, sort_keys=True)
