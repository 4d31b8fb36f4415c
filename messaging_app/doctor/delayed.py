"""Messages that wait for an undo: sent soon after they are due, and never missing a file."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.engine import Connection

from messaging_app.db.engine import now
from messaging_app.doctor.checks import first_of, some
from messaging_app.models import DelayedMessage
from messaging_app.models.delayed import DelayState

GRACE = timedelta(minutes=2)  # a worker that has just restarted, a database that was busy


def find_overdue(connection: Connection) -> str | None:
    """A message that is due is sent by the worker within seconds."""
    row = DelayedMessage
    late = select(row.id).where(row.state == DelayState.WAITING, row.due_at < now() - GRACE)
    if (found := first_of(connection, late)) is None:
        return None
    return f"{some(found[1], 'message')} should have been sent by now (first: {found[0].id}); is the worker running?"


def files_waiting(connection: Connection) -> Iterator[tuple[str, int | None]]:
    """Yield the keys of the files of such messages, and their size; that of a thumbnail is not known."""
    for files in connection.scalars(select(DelayedMessage.files)):
        for file in files:
            yield str(file["key"]), int(str(file["size"]))
            if file["thumbnail_key"]:
                yield str(file["thumbnail_key"]), None
