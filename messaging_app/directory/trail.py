"""An import in the audit trail: one entry with its counts, and one for each change of a user's rights."""

from __future__ import annotations

from sqlalchemy import select

from messaging_app.db.types import DbSession
from messaging_app.directory.bulk import chunks
from messaging_app.directory.upsert import Changes
from messaging_app.models import User
from messaging_app.services import audit


def record_import(session: DbSession, changes: Changes, file: str) -> None:
    """Record what an import of `file` by the command line did; nothing if it changed nothing."""
    counts: audit.Facts = {f"{noun} {verb}": count for (noun, verb), count in changes.counts.items() if count}
    done = {name: count for name, count in counts.items() if not name.endswith(" unchanged")}
    if not done:
        return
    people: dict[str, audit.Object] = {}
    for part in chunks(sorted({key for _action, key, _before, _after in changes.rights})):
        query = select(User.email_key, User.id, User.name, User.email).where(User.email_key.in_(part))
        for row in session.execute(query):
            people[row.email_key] = audit.Object("user", row.id, row.name, row.email)
    whole = audit.Change("directory.imported", audit.Object("directory", file[:100]), after=done)
    rights = [audit.Change(action, people[key], before, after) for action, key, before, after in changes.rights]
    audit.record_all(session, None, [*rights, whole])
