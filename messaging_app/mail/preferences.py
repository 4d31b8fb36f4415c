"""E-mail preferences: for everything (the user's switch), or for one conversation through the link in an e-mail."""

from __future__ import annotations

from sqlalchemy import select, update

from messaging_app.actors import Actor, ActorType
from messaging_app.db.engine import writing
from messaging_app.extensions import db
from messaging_app.mail.message import read_unsubscribe_token
from messaging_app.models import Conversation, ConversationParticipant, Customer, Store, User

Seat = ConversationParticipant


def wants_mail(actor: Actor) -> bool:
    """Return the user's switch. An admin who is also staff has one switch for both. One statement."""
    person = _person(actor)
    return bool(db.session.scalar(select(person.mail_enabled).where(person.id == actor.id)))


def set_mail(actor: Actor, wanted: bool) -> None:
    """Set the user's switch. The switches of single conversations do not change."""
    person = _person(actor)
    with writing(db.session) as session:
        session.execute(update(person).where(person.id == actor.id).values(mail_enabled=wanted))


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


def _person(actor: Actor) -> type[User | Customer]:
    return Customer if actor.type == ActorType.CUSTOMER else User
