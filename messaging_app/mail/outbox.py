"""The e-mail queue: which seats are due, sending, retrying, and giving up visibly.

The statement that counts a message makes seats on the other side due (`notify_new_message`); reading cancels that. Due
times are stored in the rows only, so a crash loses no e-mail. A sweep turns due seats into notifications; `delivery`
sends them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import current_app
from sqlalchemy import Update, exists, func, insert, select, tuple_, update
from sqlalchemy.orm import Session

from messaging_app.actors import Actor
from messaging_app.bus import Event, Subscription, current_bus
from messaging_app.config import Settings
from messaging_app.db.engine import now, writing
from messaging_app.db.types import AnyRow, Columns, Fields
from messaging_app.extensions import db
from messaging_app.mail import MAIL_TOPIC, message
from messaging_app.mail.delivery import ROWS, deliver
from messaging_app.models import ConversationParticipant, Notification, NotificationState
from messaging_app.models.position import Locked, Taken
from messaging_app.services import announcements

SOON = timedelta(seconds=60)  # the interval between rounds
BATCH = 50  # seats in one transaction

Seat = ConversationParticipant
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Standing:
    """The state of the queue, for health page and metrics. `overdue_seconds` is the delay of the oldest due e-mail."""

    on: bool
    waiting: int
    overdue_seconds: float
    failed: int


def notify_new_message(session: Session, actor: Actor, line: Taken) -> bool:
    """Count a new message for everyone else, notify open pages and make seats due. Joins the send's transaction.

    Returns whether it is the sender's first in this conversation.
    """
    due = mail_due_at()
    first = Seat.raise_for(session, actor, line, due)
    announcements.written(actor, line)
    _wake_worker(due)
    return first


def notify_mentioned(session: Session, actor: Actor, head: Locked, user_ids: Sequence[int]) -> None:
    """Count a mention for colleagues, notify their open pages and make their seats due. Joins the note's transaction."""
    due = mail_due_at()
    Seat.mention(session, actor, head, user_ids, due)
    announcements.mentioned(actor, head, user_ids)
    _wake_worker(due)


def notify_assignee(session: Session, actor: Actor, head: Locked, user_id: int) -> None:
    """Make the seat of a newly assigned colleague due, in the assignment's transaction."""
    due = mail_due_at()
    Seat.give(session, actor, head, user_id, due)
    _wake_worker(due)


def _wake_worker(due: datetime | None) -> None:
    """Have the worker look after the commit if e-mail is due before its next round."""
    if due is not None and settings().mail_delay < SOON.total_seconds():
        announcements.after_commit(Event((MAIL_TOPIC,), "due"))


def mail_due_at() -> datetime | None:
    """Return when an e-mail about a message sent now is due, or None while e-mail is off."""
    return now() + timedelta(seconds=settings().mail_delay) if settings().mail_url else None


def sweep(at: datetime | None = None, keep_going: Callable[[], bool] = lambda: True) -> int:
    """Send everything that is due at `at` (None: now). Returns how many e-mails were sent.

    Stops early if `keep_going` returns False.
    """
    if settings().mail_url is None:
        return 0
    while keep_going() and _enrol(at or now()):
        pass
    return deliver(settings(), lambda: at or now(), keep_going)


def next_due() -> datetime | None:
    """Return when the next e-mail is due, or None. Three statements on partial indexes."""
    db.session.rollback()
    moments = [db.session.scalar(select(func.min(Seat.mail_due_at)))]
    for row in ROWS:
        moments.append(db.session.scalar(select(func.min(row.next_at)).where(row.state == NotificationState.DUE)))
    db.session.rollback()
    return min((moment for moment in moments if moment is not None), default=None)


def standing(at: datetime | None = None) -> Standing:
    """Return the state of the queue. Five statements on partial indexes."""
    at = at or now()
    late = select(func.count(), func.min(Seat.mail_due_at)).where(Seat.mail_due_at <= at)
    due = [db.session.execute(late).one()]
    failed = 0
    for row in ROWS:
        waiting = select(func.count(), func.min(row.created_at)).where(row.state == NotificationState.DUE)
        due.append(db.session.execute(waiting).one())
        failed += db.session.scalar(select(func.count()).where(row.state == NotificationState.FAILED)) or 0
    oldest = min((since for _count, since in due if since is not None), default=at)
    waits = sum(count for count, _since in due)
    return Standing(settings().mail_url is not None, waits, max((at - oldest).total_seconds(), 0.0), failed)


def last_error() -> str:
    """Return the last error of the oldest waiting mail, "" if there is none. At most two statements."""
    for row in ROWS:
        query = select(row.last_error).where(row.state == NotificationState.DUE, row.last_error.is_not(None))
        if error := db.session.scalar(query.order_by(row.next_at).limit(1)):
            return error
    return ""


def listen() -> Subscription | None:
    """Subscribe to the events that announce e-mail due before the next round."""
    return current_bus().listen("worker", (MAIL_TOPIC,), "")


def settings() -> Settings:
    """Return the current settings."""
    found: Settings = current_app.extensions["settings"]
    return found


def _enrol(at: datetime) -> int:
    """Turn due seats into notifications, in one transaction. Returns how many seats were processed."""
    with writing(db.session) as session:
        waiting = exists().where(
            Notification.conversation_id == Seat.conversation_id,
            Notification.participant_type == Seat.participant_type,
            Notification.participant_id == Seat.participant_id,
            Notification.state == NotificationState.DUE,
        )
        due = select(Seat.conversation_id, Seat.participant_type, Seat.participant_id)
        due = due.where(Seat.mail_due_at <= at, ~waiting)
        due = due.order_by(Seat.mail_due_at).limit(BATCH).with_for_update(skip_locked=True)
        seats = [(row[0], str(row[1]), row[2]) for row in session.execute(due)]
        if not seats:
            return 0
        people = session.execute(message.readers(seats)).all()
        had_one = {
            (row.conversation_id, row.email_key): row.settled_at
            for row in session.execute(_lately(at, {(row.conversation_id, row.email_key) for row in people}))
        }
        window = timedelta(seconds=settings().mail_window)
        for person in people:
            who = (person.conversation_id, person.email_key)
            if not message.may_get(person):
                _reset(person, None)
            elif who in had_one:  # the same person in another seat: one window covers both
                _reset(person, had_one[who] + window)
            else:
                had_one[who] = at
                _reset(person, None, at + window)
                session.execute(insert(Notification).values(_new_row(person, at)))
        return len(seats)


def _lately(at: datetime, people: set[tuple[int, str]]) -> Columns:
    """Return when each of `people` (conversation, e-mail key) last got an e-mail within the window."""
    row, window = Notification, timedelta(seconds=settings().mail_window)
    return select(
        row.conversation_id, row.email_key, func.coalesce(row.settled_at, row.created_at).label("settled_at")
    ).where(
        tuple_(row.conversation_id, row.email_key).in_(people),
        row.state.in_([NotificationState.DUE, NotificationState.SENT]),
        func.coalesce(row.settled_at, row.created_at) > at - window,
    )


def _new_row(person: AnyRow, at: datetime) -> Fields:
    return {
        "conversation_id": person.conversation_id,
        "participant_type": person.participant_type,
        "participant_id": person.participant_id,
        "email_key": person.email_key,
        "message_id": message.new_message_id(),
        "created_at": at,
        "next_at": at,
    }


def _reset(person: AnyRow, due_at: datetime | None, not_before: datetime | None = None) -> None:
    values: Fields = {"mail_due_at": due_at}
    if not_before is not None:
        values["mail_not_before"] = not_before
    db.session.execute(_seat(person).values(values))


def _seat(person: AnyRow) -> Update:
    return update(Seat).where(
        Seat.conversation_id == person.conversation_id,
        Seat.participant_type == person.participant_type,
        Seat.participant_id == person.participant_id,
    )
