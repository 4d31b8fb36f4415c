"""Delivery of the outbox: each e-mail by one worker, and again only if the server certainly does not have it.

A worker claims an e-mail for a limited time and renews the claim before each SMTP phase, so a slow server does not cost
it the claim. Before the final dot, the row records that the server may have the e-mail. After a crash or a missing
reply, such a row is tried once more half an hour later with the same Message-ID. By then a slow server has delivered
it, and users who have read the conversation get no second e-mail. Never retrying would lose e-mails in a crash.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any, cast

from sqlalchemy import Update, select, update
from sqlalchemy.exc import SQLAlchemyError

from messaging_app.config import Settings
from messaging_app.db.engine import writing
from messaging_app.extensions import db
from messaging_app.mail import NoAddress, account, message
from messaging_app.mail.smtp import LIMITS, MailRefused, MailUnreachable, MailUnsure, Postman
from messaging_app.models import AccountMail, Notification, NotificationState

BATCH = 50
LEASE = timedelta(minutes=6)  # longer than a server may take for one phase
RENEW_AFTER = 60.0  # seconds
UNREACHABLE_PAUSE = timedelta(seconds=10)
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=30), timedelta(hours=1)
ATTEMPTS = 12  # a refused e-mail is retried for about seven hours
UNSURE_PAUSE = timedelta(minutes=30)  # also the claim once the final dot is sent: longer than a server may take for it
HAND_OVERS = 2  # how often one e-mail is handed to a server that may have accepted it

Mail = message.NewMessageMail | account.LetterMail
Row = type[Notification] | type[AccountMail]
ROWS: tuple[Row, ...] = (AccountMail, Notification)  # in this order: someone is waiting for a link
logger = logging.getLogger(__name__)


class ClaimLost(Exception):
    """Another worker now holds the claim."""


class Claim:
    """One worker's right to send one e-mail. Every method raises `ClaimLost` if another worker has taken it."""

    def __init__(self, row: Row, number: int, token: str, clock: Callable[[], datetime]) -> None:
        self.row, self.number, self.token, self._clock = row, number, token, clock
        self._renewed = time.monotonic()

    def __str__(self) -> str:
        return f"{'mail' if self.row is Notification else 'account mail'} {self.number}"

    def begin(self) -> None:
        """Check the claim, extend it and count an attempt."""
        self._note(next_at=self._clock() + LEASE, attempts=self.row.attempts + 1)

    def renew(self) -> None:
        """Extend the claim if it was last extended more than `RENEW_AFTER` ago."""
        if time.monotonic() - self._renewed > RENEW_AFTER:
            self._note(next_at=self._clock() + LEASE)

    def hand_over(self, mail: Mail, hand_overs: int) -> None:
        """Record that from now on a server may have the e-mail, for the `hand_overs`-th time."""
        until = self._clock() + UNSURE_PAUSE
        self._note(next_at=until, hand_overs=hand_overs, **mail.identity())

    def settle(self, state: NotificationState, error: str | None = None) -> None:
        """Record the final state."""
        self._note(state=state, settled_at=self._clock(), last_error=error and error[:300], claim=None)

    def sent(self, mail: Mail, window: timedelta) -> None:
        """Record a sent e-mail, and what follows from it."""
        at = self._clock()
        with writing(db.session) as session:
            session.execute(self._if_ours(state=NotificationState.SENT, settled_at=at, last_error=None, claim=None))
            mail.sent(session, at, window)

    def again(self, pause: timedelta, error: str, **changes: object) -> None:
        """Release the e-mail, to be retried after `pause`."""
        self._note(next_at=self._clock() + pause, claim=None, last_error=error[:300], **changes)

    def _note(self, **values: object) -> None:
        with writing(db.session) as session:
            found: Any = session.execute(self._if_ours(**values))
            if not found.rowcount:
                raise ClaimLost
        self._renewed = time.monotonic()

    def _if_ours(self, **values: object) -> Update:
        row = self.row
        ours = (row.id == self.number, row.claim == self.token, row.state == NotificationState.DUE)
        return update(row).where(*ours).values(values)


def deliver(settings: Settings, clock: Callable[[], datetime], keep_going: Callable[[], bool]) -> int:
    """Send everything that is due at the time of `clock`. Returns how many e-mails were sent.

    Stops early if `keep_going` returns False, or if no server can be reached.
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
                    logger.info("%s is another worker's by now", claim)
                except MailUnreachable as error:
                    logger.warning("mail waits, no server can be reached: %s", error)
                    _give_back([claim], attempts=claim.row.attempts - 1)
                    _give_back([claim, *claims], next_at=clock() + UNREACHABLE_PAUSE, last_error=str(error)[:300])
                    return sent
        _give_back(claims, next_at=clock())
    return sent


def claim_due(clock: Callable[[], datetime]) -> list[Claim]:
    """Claim some e-mails. No other worker gets them until the lease ends."""
    at, token = clock(), secrets.token_hex(16)
    claims: list[Claim] = []
    with writing(db.session) as session:
        for row in ROWS:
            due = select(row.id).where(row.state == NotificationState.DUE, row.next_at <= at)
            numbers = list(session.scalars(due.order_by(row.next_at).limit(BATCH).with_for_update(skip_locked=True)))
            if numbers:
                session.execute(update(row).where(row.id.in_(numbers)).values(next_at=at + LEASE, claim=token))
            claims += [Claim(row, number, token, clock) for number in numbers]
    return claims


def _give_back(claims: list[Claim], **values: object) -> None:
    """Update those of `claims` that are still held, in one transaction."""
    if not claims:
        return
    with writing(db.session) as session:
        for row in {claim.row for claim in claims}:
            ours = (row.id.in_([claim.number for claim in claims if claim.row is row]), row.claim == claims[0].token)
            session.execute(update(row).where(*ours, row.state == NotificationState.DUE).values(values))


def _send(claim: Claim, postman: Postman, window: timedelta) -> bool:
    """Send one e-mail and record the result. Returns whether it was sent. Raises `MailUnreachable`, `ClaimLost`."""
    claim.begin()
    note: Notification | AccountMail = db.session.get_one(cast(Any, claim.row), claim.number)
    attempts, before, hand_overs = note.attempts, note.hand_overs, note.hand_overs
    if before >= HAND_OVERS:
        _unsure(claim, before, "the worker ended before the server answered")
        return False
    try:
        mail = message.compose(note) if isinstance(note, Notification) else account.compose(note)
        hand_overs = before + 1 if mail is not None and mail.message_id == note.message_id else 1
        db.session.rollback()  # hold no connection while sending
        if mail is None:
            claim.settle(NotificationState.SKIPPED)
            return False
        postman.send(mail.message, before_phase=claim.renew, before_end=partial(claim.hand_over, mail, hand_overs))
    except MailUnsure as error:
        _unsure(claim, hand_overs, str(error))
    except (MailRefused, NoAddress) as error:
        _again(claim, attempts, before, str(error))
    except (MailUnreachable, ClaimLost, SQLAlchemyError):  # not caused by this e-mail
        raise
    except Exception as error:  # a bug that affects one e-mail must not stop the others
        logger.exception("%s could not be made or sent", claim)
        _again(claim, attempts, before, type(error).__name__)
    else:
        claim.sent(mail, window)
        return True
    return False


def _again(claim: Claim, attempts: int, hand_overs: int, error: str) -> None:
    """Retry an e-mail later that no server has, or give it up."""
    if attempts >= ATTEMPTS:
        logger.error("%s is given up after %s attempts: %s", claim, attempts, error)
        claim.settle(NotificationState.FAILED, error)
        return
    pause = min(FIRST_PAUSE * 2 ** (attempts - 1), LONGEST_PAUSE)
    logger.warning("%s did not go out, trying again in %s: %s", claim, pause, error)
    claim.again(pause, error, hand_overs=hand_overs)


def _unsure(claim: Claim, hand_overs: int, error: str) -> None:
    """Retry once an e-mail that a server may have, then give it up and report it."""
    words = f"may have been taken: {error}"
    if hand_overs >= HAND_OVERS:
        logger.error("%s is given up, it may have been taken %s times: %s", claim, hand_overs, error)
        claim.settle(NotificationState.FAILED, words)
        return
    logger.warning("%s may have been taken, trying again in %s: %s", claim, UNSURE_PAUSE, error)
    claim.again(UNSURE_PAUSE, words)
