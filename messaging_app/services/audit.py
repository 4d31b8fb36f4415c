"""The audit trail: every change to users, rights and settings, in the transaction that makes it (rule 33).

Contains no message text and no secrets. Each entry's hash covers the entry and the previous hash, so `verify` detects
rows that were changed, removed or inserted later.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, insert, or_, select, update

from messaging_app.actors import Actor, ActorType
from messaging_app.db.engine import now
from messaging_app.db.types import DbSession
from messaging_app.extensions import db
from messaging_app.models import AuditEntry, AuditHead, Customer, User
from messaging_app.text import email_key

COMMAND_LINE = "command line"
BATCH = 1_000  # entries per query when reading all
HASHED = (
    *("id", "at", "actor_type", "actor_id", "actor_name", "actor_email", "action", "object_type", "object_id"),
    *("object_name", "object_email", "before", "after", "address", "session_id", "request_id"),
)

Value = str | int | bool | None


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


@dataclass(frozen=True, slots=True)
class Filters:
    """Which entries to list. `person` is an e-mail of the actor or object; `object` is `type` or `type:id`."""

    person: str = ""
    object: str = ""
    action: str = ""
    since: datetime | None = None
    until: datetime | None = None

    def conditions(self) -> Iterator[ColumnElement[bool]]:
        """Yield the conditions that entries must meet."""
        if self.person:
            key = email_key(self.person)
            yield or_(AuditEntry.actor_email == key, AuditEntry.object_email == key)
        if self.object:
            kind, _colon, number = self.object.partition(":")
            yield AuditEntry.object_type == kind
            if number:
                yield AuditEntry.object_id == number
        if self.action:
            yield AuditEntry.action == self.action
        if self.since:
            yield AuditEntry.at >= self.since
        if self.until:
            yield AuditEntry.at < self.until


_origin: ContextVar[Origin | None] = ContextVar("audit_origin", default=None)


def set_origin(origin: Origin | None) -> None:
    """Set the origin of entries recorded in this request. Without one, entries come from the command line."""
    _origin.set(origin)


def record(
    session: DbSession,
    actor: Actor | None,
    action: str,
    about: Object,
    before: Mapping[str, Value] | None = None,
    after: Mapping[str, Value] | None = None,
) -> None:
    """Add an entry as the last statement of the caller's transaction, because it locks the end of the trail.

    Without `actor` the author is the command line or, if the request has an address, an anonymous user.
    """
    who, origin = _who(session, actor), _origin.get() or Origin()
    head = session.execute(select(AuditHead.last_id, AuditHead.hash).with_for_update()).one()
    entry = {
        "id": head.last_id + 1,
        "at": now(),
        "actor_type": who.type,
        "actor_id": who.id,
        "actor_name": who.name,
        "actor_email": who.email,
        "action": action,
        "object_type": about.type,
        "object_id": str(about.id),
        "object_name": about.name,
        "object_email": email_key(about.email) if about.email else "",
        "before": _json(before or {}),
        "after": _json(after or {}),
        **origin._asdict(),
    }
    entry["hash"] = _hash(head.hash, entry)
    session.execute(insert(AuditEntry).values(entry))
    session.execute(update(AuditHead).values(last_id=entry["id"], hash=entry["hash"]))


def changed(before: Mapping[str, Value], after: Mapping[str, Value]) -> tuple[dict[str, Value], dict[str, Value]]:
    """Return `before` and `after`, reduced to what differs."""
    keys = [key for key in after if before.get(key) != after[key]]
    return {key: before.get(key) for key in keys}, {key: after[key] for key in keys}


def list_entries(filters: Filters, *, below: int | None = None, limit: int) -> list[AuditEntry]:
    """Return entries that match `filters`, newest first, before entry `below` if given. One statement."""
    query = select(AuditEntry).where(*filters.conditions())
    if below is not None:
        query = query.where(AuditEntry.id < below)
    return list(db.session.scalars(query.order_by(AuditEntry.id.desc()).limit(limit)))


def entries_after(filters: Filters, after: int, limit: int) -> list[AuditEntry]:
    """Return entries that match `filters` and follow entry `after`, oldest first. One statement."""
    query = select(AuditEntry).where(AuditEntry.id > after, *filters.conditions())
    return list(db.session.scalars(query.order_by(AuditEntry.id).limit(limit)))


def all_entries(filters: Filters | None = None) -> Iterator[AuditEntry]:
    """Yield every entry that matches `filters`, oldest first, read in batches."""
    last = 0
    while batch := entries_after(filters or Filters(), last, BATCH):
        yield from batch
        last = batch[-1].id
        db.session.rollback()  # release the connection and memory during a long export


def verify() -> int | None:
    """Return the id of the first changed or missing entry, or None if the trail is intact."""
    last_hash, expected = "", 1
    for entry in all_entries():
        if entry.id != expected or entry.hash != _hash(last_hash, {name: getattr(entry, name) for name in HASHED}):
            return expected
        last_hash, expected = entry.hash, expected + 1
    head = db.session.execute(select(AuditHead.last_id, AuditHead.hash)).one()
    last = expected - 1
    if last != head.last_id:
        return int(min(last, head.last_id)) + 1
    return None if head.hash == last_hash else int(last)


def as_json(entry: AuditEntry) -> dict[str, object]:
    """Return an entry as the API shows it."""
    return {
        "id": entry.id,
        "at": entry.at,
        "actor": {"type": entry.actor_type, "name": entry.actor_name, "email": entry.actor_email or None},
        "action": entry.action,
        "object": {
            "type": entry.object_type,
            "id": entry.object_id,
            "name": entry.object_name,
            "email": entry.object_email or None,
        },
        "before": json.loads(entry.before),
        "after": json.loads(entry.after),
        "address": entry.address or None,
        "request_id": entry.request_id or None,
        "hash": entry.hash,
    }


def _who(session: DbSession, actor: Actor | None) -> Who:
    if actor is None:
        return Who("nobody", None, "", "") if _origin.get() else Who("command", None, COMMAND_LINE, "")
    person = Customer if actor.type == ActorType.CUSTOMER else User
    email = session.scalar(select(person.email_key).where(person.id == actor.id))
    return Who(actor.type, actor.id, actor.name, email or "")


def _json(values: Mapping[str, Value]) -> str:
    return json.dumps(values, ensure_ascii=False, sort_keys=True)


def _hash(before: str, entry: Mapping[str, object]) -> str:
    values = [entry[name] for name in HASHED]
    at = entry["at"]
    assert isinstance(at, datetime)
    values[1] = at.astimezone(UTC).isoformat(timespec="microseconds")
    words = [str(value) if value is not None else None for value in values]
    return hashlib.sha256(json.dumps([before, *words], ensure_ascii=False).encode()).hexdigest()
