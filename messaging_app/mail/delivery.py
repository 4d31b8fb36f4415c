"""Sending what is in the outbox: each mail by one worker, and again only if the server certainly does not have it.

A worker claims a mail for a while and renews its claim before each phase of SMTP, so a slow server costs nobody a
claim. Before the dot that ends a mail the row notes that a server may have it: whoever finds such a row, after a crash
or without an answer, tries it once more after half an hour, under the same Message-ID. By then a slow server has
delivered it, and who has read the conversation gets nothing; never trying again would lose the mails of crashes.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import case, literal, select, update
from sqlalchemy.exc import SQLAlchemyError

from messaging_app.config import Settings
from messaging_app.db.engine import writing
from messaging_app.db.types import UtcDateTime
from messaging_app.extensions import db
from messaging_app.mail import NoAddress, message
from messaging_app.mail.smtp import LIMITS, MailRefused, MailUnreachable, MailUnsure, Postman
from messaging_app.models import ConversationParticipant, Notification, NotificationState

BATCH = 50
LEASE = timedelta(minutes=6)  # more than a server may take for one phase
RENEW_AFTER = 60.0  # seconds
UNREACHABLE_PAUSE = timedelta(seconds=10)
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=30), timedelta(hours=1)
ATTEMPTS = 12  # a mail that its server refuses is tried for about seven hours
UNSURE_PAUSE = timedelta(minutes=30)  # also the claim on a mail whose end was sent: more than a server may take for it
HAND_OVERS = 2  # how often one mail is given to servers that may have taken it

Row = Notification
Seat = ConversationParticipant
logger = logging.getLogger(__name__)


class ClaimLost(Exception):
    """Another worker has this mail by now."""


class Claim:
    """The right of one worker to send one mail. Any method raises `ClaimLost` once somebody else has it."""

    def __init__(self, number: int, token: str, clock: Callable[[], datetime]) -> None:
        self.number, self.token, self._clock = number, token, clock
        self._renewed = time.monotonic()

    def begin(self) -> None:
        """Look whether the mail is still ours, hold it for another while and count an attempt."""
        self._note(next_at=self._clock() + LEASE, attempts=Row.attempts + 1)

    def renew(self) -> None:
        """Hold the mail for another while, if the last time is long ago."""
        if time.monotonic() - self._renewed > RENEW_AFTER:
            self._note(next_at=self._clock() + LEASE)

    def hand_over(self, mail: message.NewMessageMail, hand_overs: int) -> None:
        """Note that from now on a server may have the mail, for the first, second … time."""
        until = self._clock() + UNSURE_PAUSE
        self._note(next_at=until, hand_overs=hand_overs, message_id=mail.message_id, told_seq=mail.up_to)

    def settle(self, state: NotificationState, error: str | None = None) -> None:
        """Note how it ended."""
        self._note(state=state, settled_at=self._clock(), last_error=error and error[:300], claim=None)

    def sent(self, mail: message.NewMessageMail, window: timedelta) -> None:
        """Note a mail that went out: the seat's window begins, and what the mail told of is not told again."""
        at = self._clock()
        later = case((Seat.mail_due_at < at + window, literal(at + window, UtcDateTime)), else_=Seat.mail_due_at)
        with writing(db.session) as session:
            session.execute(self._if_ours(state=NotificationState.SENT, settled_at=at, last_error=None, claim=None))
            seat = update(Seat).where(
                Seat.conversation_id == mail.conversation_id,
                Seat.participant_type == mail.participant_type,
                Seat.participant_id == mail.participant_id,
            )
            session.execute(seat.values(mailed_seq=mail.up_to, mail_not_before=at + window, mail_due_at=later))

    def again(self, pause: timedelta, error: str, **changes: Any) -> None:
        """Give the mail back, to be tried after `pause`."""
        self._note(next_at=self._clock() + pause, claim=None, last_error=error[:300], **changes)

    def _note(self, **values: Any) -> None:
        with writing(db.session) as session:
            found: Any = session.execute(self._if_ours(**values))
            if not found.rowcount:
                raise ClaimLost
        self._renewed = time.monotonic()

    def _if_ours(self, **values: Any) -> Any:
        ours = (Row.id == self.number, Row.claim == self.token, Row.state == NotificationState.DUE)
        return update(Row).where(*ours).values(values)


def deliver(settings: Settings, clock: Callable[[], datetime], keep_going: Callable[[], bool]) -> int:
    """Send all that is due at the time of `clock`; returns how many mails went out. Ends early, after a mail, if
    `keep_going` says so, and where no server can be reached.
    """
    sent = 0
    window = timedelta(seconds=settings.mail_window)
    while keep_going() and (claims := claim_due(clock)):
        with Postman(settings.mail_url or "", settings.mail_domain, LIMITS) as postman:
            while claims and keep_going():
                claim = claims.pop(0)
                try:
                    sent += _send(claim, postman, window)
                except ClaimLost:
                    logger.info("mail %s is another worker's by now", claim.number)
                except MailUnreachable as error:
                    logger.warning("mail waits, no server can be reached: %s", error)
                    _give_back([claim], attempts=Row.attempts - 1)
                    _give_back([claim, *claims], next_at=clock() + UNREACHABLE_PAUSE, last_error=str(error)[:300])
                    return sent
        _give_back(claims, next_at=clock())
    return sent


def claim_due(clock: Callable[[], datetime]) -> list[Claim]:
    """Take some mails for a while; no other worker gets them until their lease ends."""
    at, token = clock(), secrets.token_hex(16)
    with writing(db.session) as session:
        due = select(Row.id).where(Row.state == NotificationState.DUE, Row.next_at <= at)
        numbers = list(session.scalars(due.order_by(Row.next_at).limit(BATCH).with_for_update(skip_locked=True)))
        if numbers:
            session.execute(update(Row).where(Row.id.in_(numbers)).values(next_at=at + LEASE, claim=token))
    return [Claim(number, token, clock) for number in numbers]


def _give_back(claims: list[Claim], **values: Any) -> None:
    """Change those of `claims` that are still ours, in one transaction."""
    if claims:
        with writing(db.session) as session:
            ours = (Row.id.in_([claim.number for claim in claims]), Row.claim == claims[0].token)
            session.execute(update(Row).where(*ours, Row.state == NotificationState.DUE).values(values))


def _send(claim: Claim, postman: Postman, window: timedelta) -> bool:
    """Send one mail and note what became of it; returns whether it went out. Raises `MailUnreachable`, `ClaimLost`."""
    claim.begin()
    note = db.session.get_one(Notification, claim.number)
    attempts, before, hand_overs = note.attempts, note.hand_overs, note.hand_overs
    if before >= HAND_OVERS:
        _unsure(claim, before, "the worker ended before the server answered")
        return False
    try:
        mail = message.compose(note)
        hand_overs = before + 1 if mail is not None and mail.message_id == note.message_id else 1
        db.session.rollback()  # nothing is held while the mail travels
        if mail is None:
            claim.settle(NotificationState.SKIPPED)
            return False
        postman.send(mail.message, before_phase=claim.renew, before_end=partial(claim.hand_over, mail, hand_overs))
    except MailUnsure as error:
        _unsure(claim, hand_overs, str(error))
    except (MailRefused, NoAddress) as error:
        _again(claim, attempts, before, str(error))
    except (MailUnreachable, ClaimLost, SQLAlchemyError):  # not of this mail
        raise
    except Exception as error:  # a fault of ours in one mail must not cost all the others theirs
        logger.exception("mail %s could not be made or sent", claim.number)
        _again(claim, attempts, before, type(error).__name__)
    else:
        claim.sent(mail, window)
        return True
    return False


def _again(claim: Claim, attempts: int, hand_overs: int, error: str) -> None:
    """Try a mail again later that no server has, or give it up."""
    if attempts >= ATTEMPTS:
        logger.error("mail %s is given up after %s attempts: %s", claim.number, attempts, error)
        claim.settle(NotificationState.FAILED, error)
        return
    pause = min(FIRST_PAUSE * 2 ** (attempts - 1), LONGEST_PAUSE)
    logger.warning("mail %s did not go out, trying again in %s: %s", claim.number, pause, error)
    claim.again(pause, error, hand_overs=hand_overs)


def _unsure(claim: Claim, hand_overs: int, error: str) -> None:
    """Try a mail once more that a server may have; then give it up where operators see it."""
    words = f"may have been taken: {error}"
    if hand_overs >= HAND_OVERS:
        logger.error("mail %s is given up, it may have been taken %s times: %s", claim.number, hand_overs, error)
        claim.settle(NotificationState.FAILED, words)
        return
    logger.warning("mail %s may have been taken, trying again in %s: %s", claim.number, UNSURE_PAUSE, error)
    claim.again(UNSURE_PAUSE, words)
