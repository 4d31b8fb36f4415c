"""Mail for those who are away: who is due one, sending it, trying again, giving up where everybody can see it.

A message makes the seats of the other side due in the statement that counts it (`notify_new_message`); reading takes
that back. What is due stands in the rows and nowhere else, so a crash at any moment loses no mail. A sweep turns due
seats into notifications, claims each for a while, sends outside any transaction and notes what became of it. A worker
that dies while sending leaves its claim to the next one; the mail then sent twice has one Message-ID.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import case, exists, func, insert, literal, select, tuple_, update
from sqlalchemy.exc import SQLAlchemyError

from messaging_app.actors import Actor
from messaging_app.bus import Subscription, Wake, current_bus
from messaging_app.config import Settings
from messaging_app.db.engine import UtcDateTime, now, writing
from messaging_app.db.statements import fetch
from messaging_app.extensions import db
from messaging_app.here import app_here, engine_here
from messaging_app.mail import NoAddress, message
from messaging_app.mail.smtp import MailRefused, MailUnreachable, Postman
from messaging_app.models import ConversationParticipant, Notification, NotificationState
from messaging_app.services import announcements

MAIL_TOPIC = "mail"  # wakes the worker before its next round
SOON = timedelta(seconds=60)  # how often the worker makes its round in any case
BATCH = 50
LEASE = timedelta(minutes=5)
UNREACHABLE_PAUSE = timedelta(seconds=10)
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=30), timedelta(hours=1)
ATTEMPTS = 12  # a mail that its server refuses is tried for about seven hours

Seat = ConversationParticipant
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Standing:
    """How mail stands, for health page and metrics. `overdue_seconds` is how late the latest one is."""

    on: bool
    waiting: int
    overdue_seconds: float
    failed: int


def notify_new_message(actor: Actor, line: Any) -> None:
    """Count a new message for everybody else, wake who looks, make due who does not. Joins the send's transaction."""
    at = mail_due_at()
    fetch(*Seat.raise_for(engine_here().dialect.name, actor, line, at))
    announce(actor, line, at)


def announce(actor: Actor, line: Any, due: datetime | None) -> None:
    """Wake who looks at a new message that was counted, and the worker where its mail is `due` before its round."""
    announcements.written(actor, line)
    if due is not None and settings().mail_delay < SOON.total_seconds():
        announcements.after_commit(Wake((MAIL_TOPIC,), "due"))


def mail_due_at() -> datetime | None:
    """When a mail about a message of this moment is due; None while mail is off."""
    return now() + timedelta(seconds=settings().mail_delay) if settings().mail_url else None


def sweep(at: datetime | None = None, keep_going: Callable[[], bool] = lambda: True) -> int:
    """Send all that is due at `at` (None: now); answers how many mails went out. Ends early where `keep_going` says so."""
    if settings().mail_url is None:
        return 0
    sent = 0
    while keep_going() and _enrol(at or now()):
        pass
    while keep_going() and (claimed := _claim(at or now())):
        went_out, reachable = _deliver(claimed, at)
        sent += went_out
        if not reachable:
            break
    return sent


def next_due() -> datetime | None:
    """When the next mail is due, if any. Two statements on partial indexes."""
    db.session.rollback()
    moments = (
        db.session.scalar(select(func.min(Seat.mail_due_at))),
        db.session.scalar(select(func.min(Notification.next_at)).where(Notification.state == NotificationState.DUE)),
    )
    db.session.rollback()
    return min((moment for moment in moments if moment is not None), default=None)


def standing(at: datetime | None = None) -> Standing:
    """How mail stands. Three statements on partial indexes."""
    at = at or now()
    waiting = select(func.count(), func.min(Notification.created_at)).where(Notification.state == NotificationState.DUE)
    under_way = db.session.execute(waiting).one()
    late = select(func.count(), func.min(Seat.mail_due_at)).where(Seat.mail_due_at <= at)
    due = db.session.execute(late).one()
    failed = select(func.count()).where(Notification.state == NotificationState.FAILED)
    oldest = min((moment for moment in (under_way[1], due[1]) if moment is not None), default=at)
    return Standing(
        settings().mail_url is not None,
        under_way[0] + due[0],
        max((at - oldest).total_seconds(), 0.0),
        int(db.session.scalar(failed) or 0),
    )


def listen() -> Subscription | None:
    """What tells a worker that a mail is due before its next round."""
    return current_bus().listen("worker", (MAIL_TOPIC,), "")


def settings() -> Settings:
    """The settings in force."""
    found: Settings = app_here().extensions["settings"]
    return found


def _enrol(at: datetime) -> int:
    """Turn due seats into notifications, in one transaction; answers how many seats were looked at."""
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
            elif who in had_one:  # the same person in another seat: their window counts for both
                _reset(person, had_one[who] + window)
            else:
                had_one[who] = at
                _reset(person, None, at + window)
                session.execute(insert(Notification).values(_new_row(person, at)))
        return len(seats)


def _lately(at: datetime, people: set[tuple[int, str]]) -> Any:
    """When each of `people` (conversation, e-mail key) last had a mail, within the window."""
    row, window = Notification, timedelta(seconds=settings().mail_window)
    return select(
        row.conversation_id, row.email_key, func.coalesce(row.settled_at, row.created_at).label("settled_at")
    ).where(
        tuple_(row.conversation_id, row.email_key).in_(people),
        row.state.in_([NotificationState.DUE, NotificationState.SENT]),
        func.coalesce(row.settled_at, row.created_at) > at - window,
    )


def _new_row(person: Any, at: datetime) -> dict[str, Any]:
    return {
        "conversation_id": person.conversation_id,
        "participant_type": person.participant_type,
        "participant_id": person.participant_id,
        "email_key": person.email_key,
        "message_id": f"<{secrets.token_hex(16)}@{settings().mail_domain}>",
        "created_at": at,
        "next_at": at,
    }


def _reset(person: Any, due_at: datetime | None, not_before: datetime | None = None) -> None:
    values: dict[str, Any] = {"mail_due_at": due_at}
    if not_before is not None:
        values["mail_not_before"] = not_before
    db.session.execute(_seat(person).values(values))


def _seat(person: Any) -> Any:
    return update(Seat).where(
        Seat.conversation_id == person.conversation_id,
        Seat.participant_type == person.participant_type,
        Seat.participant_id == person.participant_id,
    )


def _claim(at: datetime) -> list[int]:
    """Take some notifications for a while; nobody else gets them until the lease ends."""
    with writing(db.session) as session:
        due = select(Notification.id).where(Notification.state == NotificationState.DUE, Notification.next_at <= at)
        due = due.order_by(Notification.next_at).limit(BATCH).with_for_update(skip_locked=True)
        ids = list(session.scalars(due))
        if ids:
            claimed = update(Notification).where(Notification.id.in_(ids))
            session.execute(claimed.values(next_at=at + LEASE, attempts=Notification.attempts + 1))
        return ids


def _deliver(ids: list[int], at: datetime | None) -> tuple[int, bool]:
    """Send the claimed mails; answers how many went out, and whether there was a server to take them."""
    sent = 0
    with Postman(settings().mail_url or "", settings().mail_domain) as postman:
        for place, number in enumerate(ids):
            db.session.rollback()
            note = db.session.get_one(Notification, number)
            attempts = note.attempts
            try:
                mail = message.compose(note)
                db.session.rollback()  # nothing is held while the mail travels
                if mail is None:
                    _settle(number, NotificationState.SKIPPED, at or now())
                    continue
                postman.send(mail.message)
            except MailUnreachable as error:
                logger.warning("mail waits, no server can be reached: %s", error)
                _put_back(ids[place:], at or now(), str(error))
                return sent, False
            except (MailRefused, NoAddress) as error:
                _try_again(number, attempts, at or now(), str(error))
                continue
            except SQLAlchemyError:  # of the database, not of this mail: the claims end by themselves
                raise
            except Exception as error:  # a fault of ours in one mail must not cost all the others theirs
                logger.exception("mail %s could not be made or sent", number)
                _try_again(number, attempts, at or now(), type(error).__name__)
                continue
            _sent(number, mail, at or now())
            sent += 1
    return sent, True


def _settle(number: int, state: NotificationState, at: datetime, error: str | None = None) -> None:
    with writing(db.session) as session:
        row = update(Notification).where(Notification.id == number)
        session.execute(row.values(state=state, settled_at=at, last_error=error))


def _sent(number: int, mail: message.NewMessageMail, at: datetime) -> None:
    """Note a mail that went out: the seat's window begins, and what the mail told of is not told again."""
    end = at + timedelta(seconds=settings().mail_window)
    with writing(db.session) as session:
        row = update(Notification).where(Notification.id == number)
        session.execute(row.values(state=NotificationState.SENT, settled_at=at, last_error=None))
        later = case((Seat.mail_due_at < end, literal(end, UtcDateTime)), else_=Seat.mail_due_at)
        session.execute(_seat(mail).values(mailed_seq=mail.up_to, mail_not_before=end, mail_due_at=later))


def _put_back(ids: list[int], at: datetime, error: str) -> None:
    """No server: the claims end soon, and none of it counts as an attempt."""
    with writing(db.session) as session:
        rows = update(Notification).where(Notification.id.in_(ids))
        values = {"next_at": at + UNREACHABLE_PAUSE, "attempts": Notification.attempts - 1, "last_error": error[:300]}
        session.execute(rows.values(values))


def _try_again(number: int, attempts: int, at: datetime, error: str) -> None:
    if attempts >= ATTEMPTS:
        logger.error("mail %s is given up after %s attempts: %s", number, attempts, error)
        _settle(number, NotificationState.FAILED, at, error[:300])
        return
    pause = min(FIRST_PAUSE * 2 ** (attempts - 1), LONGEST_PAUSE)
    logger.warning("mail %s did not go out, trying again in %s: %s", number, pause, error)
    with writing(db.session) as session:
        row = update(Notification).where(Notification.id == number)
        session.execute(row.values(next_at=at + pause, last_error=error[:300]))
