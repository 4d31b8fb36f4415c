"""The switch of one conversation's mail, turned off through the link in an e-mail."""

from __future__ import annotations

from sqlalchemy import select, update

from messaging_app.actors import ActorType
from messaging_app.db.engine import writing
from messaging_app.extensions import db
from messaging_app.mail.message import read_unsubscribe_token
from messaging_app.models import Conversation, ConversationParticipant, Store

Seat = ConversationParticipant


def is_unsubscribe_token(token: str) -> bool:
    """Whether a token is valid."""
    return read_unsubscribe_token(token) is not None


def brand_of(token: str) -> Store | None:
    """Return the store whose brand the e-mail with this token carries, or None for the platform's."""
    conversation_id, kind, _person_id = read_unsubscribe_token(token) or (0, "", 0)
    if kind != ActorType.CUSTOMER:
        return None
    return db.session.scalar(select(Store).join(Conversation).where(Conversation.id == conversation_id))


def stop_mail(token: str) -> bool:
    """Turn off e-mail for the seat of an unsubscribe token. Returns False if the token is invalid."""
    seat = read_unsubscribe_token(token)
    if seat is None:
        return False
    columns = (Seat.conversation_id, Seat.participant_type, Seat.participant_id)
    with writing(db.session) as session:
        off = update(Seat).where(*(column == value for column, value in zip(columns, seat, strict=True)))
        session.execute(off.values(email_notifications=False, mail_due_at=None))
    return True
