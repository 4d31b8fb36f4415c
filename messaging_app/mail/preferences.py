"""Whether somebody wants mail: for everything (the person's switch), or for one conversation by a mail's own link."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select, update

from messaging_app.actors import Actor, ActorType
from messaging_app.db.engine import writing
from messaging_app.extensions import db
from messaging_app.mail.message import read_unsubscribe_token
from messaging_app.models import Conversation, ConversationParticipant, Customer, Store, User

Seat = ConversationParticipant


def wants_mail(actor: Actor) -> bool:
    """The person's switch. Somebody who is both admin and staff has one for both. One statement."""
    person = _person(actor)
    return bool(db.session.scalar(select(person.mail_enabled).where(person.id == actor.id)))


def set_mail(actor: Actor, wanted: bool) -> None:
    """Turn the person's switch; those of single conversations stay as they are."""
    person = _person(actor)
    with writing(db.session) as session:
        session.execute(update(person).where(person.id == actor.id).values(mail_enabled=wanted))


def is_unsubscribe_token(token: str) -> bool:
    """Whether a token is one of ours."""
    return read_unsubscribe_token(token) is not None


def brand_of(token: str) -> Store | None:
    """The store whose brand the mail with this token carries; None for the platform's."""
    conversation_id, kind, _person_id = read_unsubscribe_token(token) or (0, "", 0)
    if kind != ActorType.CUSTOMER:
        return None
    return db.session.scalar(select(Store).join(Conversation).where(Conversation.id == conversation_id))


def stop_mail(token: str) -> bool:
    """Switch off mail for the one seat that an unsubscribe token names; False where the token is not ours."""
    seat = read_unsubscribe_token(token)
    if seat is None:
        return False
    columns = (Seat.conversation_id, Seat.participant_type, Seat.participant_id)
    with writing(db.session) as session:
        off = update(Seat).where(*(column == value for column, value in zip(columns, seat, strict=True)))
        session.execute(off.values(email_notifications=False, mail_due_at=None))
    return True


def _person(actor: Actor) -> Any:
    return Customer if actor.type == ActorType.CUSTOMER else User
