"""Whose turn it is: "No reply needed", snoozing, and marking unread. Only the actor's own side is affected."""

from __future__ import annotations

from datetime import datetime, timedelta

from flask_babel import lazy_gettext as _

from messaging_app.actors import Actor
from messaging_app.db.engine import now, writing
from messaging_app.errors import FieldError, Invalid, NotFound
from messaging_app.extensions import db
from messaging_app.models import Conversation, ConversationParticipant, SideLine
from messaging_app.models.events import NO_REPLY, REPLY, SNOOZED, WOKEN
from messaging_app.queries import sending as queries
from messaging_app.services import announcements, sending

SNOOZE_MOST = timedelta(days=3 * 366)


def rule_reply_out(actor: Actor, conversation_id: int) -> bool:
    """Mark a conversation "No reply needed": it waits for nobody until the other side writes again.

    Returns False and changes nothing if it was not waiting for the own side.
    """
    at = now()
    with writing(db.session) as session:
        head = Conversation.change_side(
            session, actor, conversation_id, lambda side: side.waits_for_us(), no_reply_at=at
        )
        if head is None:
            sending.require_visible(session, actor, conversation_id)
            return False
        SideLine.write(session, actor, head, NO_REPLY, at)
        announcements.side_changed(actor, head)
    return True


def expect_reply(actor: Actor, conversation_id: int) -> bool:
    """Undo "No reply needed". Returns False and changes nothing if it was not set."""
    at = now()
    with writing(db.session) as session:
        head = Conversation.change_side(
            session, actor, conversation_id, lambda side: side.is_ruled_out(), no_reply_at=None
        )
        if head is None:
            sending.require_visible(session, actor, conversation_id)
            return False
        SideLine.write(session, actor, head, REPLY, at)
        announcements.side_changed(actor, head)
    return True


def snooze(actor: Actor, conversation_id: int, until: datetime | None) -> None:
    """Hide a conversation from "Waiting for us" until `until`; None ends the snooze. Raises `Invalid` on field `until`.

    The snooze ends early if the other side writes.
    """
    at = now()
    check_until(until, at)
    with writing(db.session) as session:
        head = Conversation.change_side(
            session,
            actor,
            conversation_id,
            lambda side: side.snoozed_until.is_distinct_from(until),
            snoozed_until=until,
        )
        if head is None:
            sending.require_visible(session, actor, conversation_id)
            return
        SideLine.write(session, actor, head, SNOOZED if until else WOKEN, at)
        announcements.side_changed(actor, head)


def check_until(until: datetime | None, at: datetime) -> None:
    """Raise `Invalid` unless `until` is None or within the next three years."""
    if until is not None and not at < until <= at + SNOOZE_MOST:
        raise Invalid(FieldError("until", "invalid", _("Choose a time in the future, at most three years ahead.")))


def mark_unread(actor: Actor, conversation_id: int, from_seq: int | None) -> None:
    """Mark the messages of others as unread from `from_seq` on; None: the newest only. Adds a missing seat.

    Never marks unread messages as read. Sends no mail.
    """
    with writing(db.session) as session:
        head = Conversation.lock(session, actor, conversation_id)
        if head is None:
            raise NotFound
        if from_seq is None:
            from_seq = queries.newest_of_others(session, actor, conversation_id)
            if not from_seq:
                return  # nobody else has written
        if not 1 <= from_seq <= head.last_seq:
            raise Invalid(FieldError("from_seq", "invalid", _("There is no such message in this conversation.")))
        ConversationParticipant.mark_unread(session, actor, head, from_seq)
        announcements.seat_changed(actor, head)
