"""The worker's heartbeat: when it last finished a round."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from messaging_app.db.engine import now, writing
from messaging_app.extensions import db
from messaging_app.models import WorkerBeat

SWEEP = "sweep"


def beat(name: str = SWEEP) -> None:
    """Record that a round has just finished."""
    with writing(db.session) as session:
        insert = sqlite_insert if session.get_bind().dialect.name == "sqlite" else postgresql_insert
        row = {"name": name, "at": now()}
        session.execute(insert(WorkerBeat).values(row).on_conflict_do_update(index_elements=["name"], set_=row))


def last_beat(name: str = SWEEP) -> datetime | None:
    """Return when the last round finished, or None. One statement."""
    return db.session.scalar(select(WorkerBeat.at).where(WorkerBeat.name == name))
