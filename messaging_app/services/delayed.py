"""Sends delayed messages (see `undo.py`) when they are due: the worker's part.

A message is sent with the ordinary send, in the same transaction that marks it as sent: exactly once, however many
workers run, and even if one of them is killed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from sqlalchemy.exc import SQLAlchemyError

from messaging_app.actors import Actor, ActorType
from messaging_app.db.engine import now, writing
from messaging_app.db.types import AnyRow
from messaging_app.errors import NotAllowed, Refusal
from messaging_app.extensions import db
from messaging_app.models import Conversation, DelayedMessage
from messaging_app.models.delayed import DelayState
from messaging_app.models.events import CLOSED
from messaging_app.models.scope import actor_params
from messaging_app.queries import people
from messaging_app.services import announcements, attachments, drafts, sending
from messaging_app.services.attachments import Attachable, Stored
from messaging_app.services.sending import Sent
from messaging_app.storage import StorageUnavailable

KEPT = timedelta(days=1)  # how long settled rows stay: for repeated requests, and for files of undone messages
logger = logging.getLogger(__name__)


class _Settled(Exception):
    """Another worker has sent the message, or its sender has undone it."""


def sweep(at: datetime | None = None, keep_going: Callable[[], bool] = lambda: True) -> datetime | None:
    """Send what is due at `at` (None: now), in the order in which it became due. Returns when the next is due."""
    for delayed_id in DelayedMessage.due(db.session, at or now()):
        if not keep_going():
            break
        try:
            _send(delayed_id)
        except Refusal as refusal:
            _refuse(delayed_id, refusal.code)
        except SQLAlchemyError:
            raise  # the database is unavailable, so the rest would fail too
        except Exception:  # only this message fails: send the others; the doctor reports it
            logger.exception("delayed message %s cannot be sent", delayed_id)
    following = DelayedMessage.next_due(db.session)
    db.session.rollback()
    return following


def forget_settled(at: datetime | None = None) -> int:
    """Delete rows sent or undone over a day ago, with files that were not sent again. Returns how many were deleted."""
    with writing(db.session) as session:
        files = DelayedMessage.forget(session, (at or now()) - KEPT)
    keys = [str(key) for file in files for key in (file["key"], file["thumbnail_key"]) if key]
    for key in keys:
        try:
            attachments.storage().delete(key)
        except StorageUnavailable as error:  # the doctor deletes it later
            logger.warning("a file that was taken back is still in storage: %s", error)
    return len(keys)


def _send(delayed_id: int) -> None:
    row = DelayedMessage.find(db.session, delayed_id)
    if row is None or row.state != DelayState.WAITING:
        return
    actor = _as_they_are_now(row)
    draft = drafts.Draft(row.content, row.idempotency_key)

    def write(files: Sequence[Attachable], digest: str) -> Sent:
        with writing(db.session) as session:
            place = (row.conversation_id, draft, files, digest, row.seen, row.reopens)
            sent = sending.send(session, actor, *place)
            if not DelayedMessage.mark_sent(session, delayed_id):
                raise _Settled
            if row.closes:
                sending.turn(session, actor, row.conversation_id, CLOSED)
            return sent

    try:
        files = [Stored(file) for file in row.files]
        sent = sending.idempotently(actor, draft, sending.address_of(row.conversation_id), files, write)
    except _Settled:
        return
    if sent.repeated:  # the same key was sent without a delay in the meantime
        with writing(db.session) as session:
            DelayedMessage.mark_sent(session, delayed_id)


def _as_they_are_now(row: AnyRow) -> Actor:
    """Return the sender with their current rights. Raises `NotAllowed` if they can no longer act for this side."""
    actor = _writer(row)
    found = people.acting(actor.type).all(db.session(), **actor_params(actor))
    if not found:
        raise NotAllowed
    return actor._replace(name=found[0].name, sees_all=found[0].sees_all != "false", is_owner=found[0].is_owner)


def _refuse(delayed_id: int, code: str) -> None:
    with writing(db.session) as session:
        row = DelayedMessage.find(session, delayed_id)
        if row is not None and DelayedMessage.mark_refused(session, delayed_id, code):
            announcements.side_changed(_writer(row), Conversation.at(session, row.conversation_id))


def _writer(row: AnyRow) -> Actor:
    return Actor(ActorType(row.sender_type), row.sender_id, row.sender_name, row.store_id)
