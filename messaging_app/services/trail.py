"""Reading the audit trail: filtered pages, exports, and verification that it is unchanged."""

from __future__ import annotations

import json
from collections.abc import Iterator

from sqlalchemy import select
from sqlalchemy.engine import Connection

from messaging_app.actors import Actor
from messaging_app.db.engine import writing
from messaging_app.db.types import DbSession
from messaging_app.extensions import db
from messaging_app.models import AuditEntry, AuditHead
from messaging_app.queries import trail as queries
from messaging_app.queries.trail import Filters as Filters
from messaging_app.services import audit
from messaging_app.services.audit import BATCH, HASHED, chained


def list_entries(filters: Filters, *, below: int | None = None, limit: int) -> list[AuditEntry]:
    """Return entries that match `filters`, newest first, before entry `below` if given."""
    return queries.entries(db.session(), filters, below=below, limit=limit)


def entries_after(filters: Filters, after: int, limit: int) -> list[AuditEntry]:
    """Return entries that match `filters` and follow entry `after`, oldest first."""
    return queries.entries(db.session(), filters, after=after, limit=limit)


def all_entries(filters: Filters | None = None) -> Iterator[AuditEntry]:
    """Yield every entry that matches `filters`, oldest first, read in batches."""
    last = 0
    while batch := entries_after(filters or Filters(), last, BATCH):
        yield from batch
        last = batch[-1].id
        db.session.rollback()  # release the connection and memory during a long export


def count_entries() -> int:
    """Return how many entries the trail has. One statement."""
    return db.session.scalar(select(AuditHead.last_id)) or 0


def lock_end(session: DbSession) -> None:
    """Lock the end of the trail until the transaction ends, to serialise the callers."""
    session.execute(select(AuditHead.id).with_for_update())


def first_bad_entry(connection: Connection) -> int | None:
    """Return the id of the first changed or missing entry, or None if the trail is intact.

    Reads the id of the last entry first: entries added during the check are ignored.
    """
    entry = AuditEntry.__table__.c
    head = connection.execute(select(AuditHead.last_id, AuditHead.hash)).one()
    last_hash, last = "", 0
    while last < head.last_id:
        part = (entry.id > last) & (entry.id <= head.last_id)
        rows = connection.execute(select(*entry).where(part).order_by(entry.id).limit(BATCH)).all()
        for row in rows:
            if row.id != last + 1 or row.hash != chained(last_hash, {name: getattr(row, name) for name in HASHED}):
                return last + 1
            last_hash, last = row.hash, row.id
        if not rows:
            return last + 1
    if last_hash == head.hash:
        return None
    went_on = connection.scalar(select(entry.id).where(entry.id > last).limit(1))
    return last if went_on is None else last + 1


def verify() -> int | None:
    """Return the result of `first_bad_entry` without holding a lock."""
    with db.engine.connect() as connection:
        return first_bad_entry(connection)


def record_export(actor: Actor | None, filters: Filters | None = None) -> None:
    """Record an export of the trail, in its own transaction."""
    with writing(db.session) as session:
        about = audit.Object("list", "audit", "audit")
        audit.record(session, actor, "export.made", about, after=(filters or Filters()).as_facts())


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
