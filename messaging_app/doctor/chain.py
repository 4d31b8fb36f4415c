"""The audit trail: every entry is as it was written, and none is missing."""

from __future__ import annotations

from sqlalchemy.engine import Connection

from messaging_app.services.trail import first_bad_entry

NAME = "audit trail"


def find_broken(connection: Connection) -> str | None:
    """Find the first entry whose hash does not match the previous one."""
    bad = first_bad_entry(connection)
    return None if bad is None else f"entry {bad} is missing or not as it was written"
