"""Whose turn it is: ruling an answer out, snoozing, and taking back what was read. Each concerns one's own side only."""

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
    """ "No reply needed": what waits for the own side waits for nobody, until the other side writes again.

    Returns False, and changes nothing, where it does not wait for the own side.
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
    """Take "no reply needed" back. Returns False, and changes nothing, where it was not said."""
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
    """Leave a conversation out of what waits for the own side until `until`; None ends that. Raises `Invalid`.

    It comes back earlier when the other side writes.
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
    """Raise `Invalid` unless `until` is None or a moment of the next three years."""
    if until is not None and not at < until <= at + SNOOZE_MOST:
        raise Invalid(FieldError("until", "invalid", _("Choose a time in the future, at most three years ahead.")))


def mark_unread(actor: Actor, conversation_id: int, from_seq: int | None) -> None:
    """Make the messages of others from `from_seq` on unread again; None: the newest. Adds a missing seat.

    Never makes read what is unread. Nothing is mailed because of it.
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
