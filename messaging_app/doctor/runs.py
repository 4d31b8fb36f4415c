"""Runs of the doctor with their reports, so that pages show the last one and no request waits for the next."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Select, or_, select, update

from messaging_app import doctor
from messaging_app.actors import Actor
from messaging_app.bus import Event
from messaging_app.db.engine import now, writing
from messaging_app.doctor.chain import NAME
from messaging_app.extensions import db
from messaging_app.mail import MAIL_TOPIC
from messaging_app.mail.account import AT_ONCE
from messaging_app.models import DoctorRun
from messaging_app.services import announcements, audit, trail

ABANDONED = timedelta(hours=2)  # a run that began so long ago has lost its worker
logger = logging.getLogger(__name__)


class Runs(NamedTuple):
    """The last finished run, and one that is queued or running."""

    last: DoctorRun | None
    pending: DoctorRun | None


class Chain(NamedTuple):
    """The result of verifying the first `entries` of the audit trail; `bad` is "" if they are intact."""

    at: datetime
    entries: int
    bad: str


def latest() -> Runs:
    """Return the last run and the pending one. Two statements."""
    row = DoctorRun
    ended = select(row).where(row.ended_at.is_not(None)).order_by(row.id.desc()).limit(1)
    return Runs(db.session.scalar(ended), db.session.scalar(_pending().order_by(row.id.desc()).limit(1)))


def chain() -> Chain | None:
    """Return the audit trail's result from the last finished run; None if there was none. One statement."""
    row = DoctorRun
    query = select(row).where(row.broken.is_not(None)).order_by(row.id.desc()).limit(1)
    run = db.session.scalar(query)
    if run is None or run.ended_at is None:
        return None
    bad = next((line for line in run.lines.splitlines() if line.startswith(f"FAIL {NAME}: ")), "")
    return Chain(run.ended_at, run.entries or 0, bad.removeprefix(f"FAIL {NAME}: "))


def ask(actor: Actor) -> None:
    """Have a worker run the doctor as soon as it can. While a run is pending there is no second one."""
    with writing(db.session) as session:
        # Serialise: on PostgreSQL, two parallel requests would not see each other's run.
        trail.lock_end(session)
        if session.scalar(_pending().limit(1)) is not None:
            return
        session.add(DoctorRun(asked_by=actor.name, asked_at=now()))
        session.flush()
        audit.record(session, actor, "doctor.asked", audit.Object("platform", "doctor"))
        announcements.after_commit(Event((MAIL_TOPIC,), AT_ONCE))


def is_asked() -> bool:
    """Whether a run waits for a worker. One statement on a partial index."""
    return db.session.scalar(_waiting().limit(1)) is not None


def run_asked() -> bool:
    """Make the run that waits, if any, and keep its report. Of several workers one makes it."""
    with writing(db.session) as session:
        number = session.scalar(_waiting().order_by(DoctorRun.id).limit(1).with_for_update(skip_locked=True))
        if number is None:
            return False
        session.execute(update(DoctorRun).where(DoctorRun.id == number).values(started_at=now()))
    entries = trail.count_entries()
    db.session.rollback()
    try:
        report = doctor.examine()
    except Exception as error:  # the page must not show it as under way for hours
        logger.exception("the doctor could not finish")
        db.session.rollback()
        _end(number, error=type(error).__name__)
    else:
        _end(number, broken=report.broken, lines="\n".join(report.lines), entries=entries)
    return True


def examine_now(*, repair: bool = False) -> doctor.Report:
    """Run the doctor in this process, keep its report and return it: for the command line."""
    began, entries = now(), trail.count_entries()
    report = doctor.examine(repair=repair)
    with writing(db.session) as session:
        run = DoctorRun(asked_by=audit.COMMAND_LINE, asked_at=began, started_at=began, ended_at=now())
        run.broken, run.lines, run.entries = report.broken, "\n".join(report.lines), entries
        session.add(run)
    return report


def _end(number: int, **values: object) -> None:
    with writing(db.session) as session:
        session.execute(update(DoctorRun).where(DoctorRun.id == number).values(ended_at=now(), **values))


def _pending() -> Select[DoctorRun]:
    row = DoctorRun
    alive = or_(row.started_at.is_(None), row.started_at > now() - ABANDONED)
    return select(row).where(row.ended_at.is_(None), alive)


def _waiting() -> Select[int]:
    row = DoctorRun
    return select(row.id).where(row.ended_at.is_(None), row.started_at.is_(None))
