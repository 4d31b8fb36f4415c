"""How these tests begin a conversation, and what they look at in the database."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select, text

from messaging_app import directory
from messaging_app.actors import Actor
from messaging_app.db.engine import writing
from messaging_app.extensions import db
from messaging_app.models import ConversationParticipant
from messaging_app.services import messaging


def begin(actor: Actor, recipient: Actor | int, content: str = "Hello", **more: Any) -> int:
    """A conversation of `actor` with a customer (an actor) or a store (its number)."""
    kind = "store" if isinstance(recipient, int) else "customer"
    number = recipient if isinstance(recipient, int) else recipient.id
    fields: dict[str, Any] = {
        "conversation_type": f"{actor.type.value}_{kind}",
        "recipient_type": kind,
        "recipient_id": number,
        "subject": "About bread",
        "content": content,
    }
    return messaging.create_conversation(actor, **(fields | more)).conversation_id


def seat(actor: Actor, conversation_id: int) -> Any:
    db.session.rollback()
    query = select(*ConversationParticipant.__table__.c).where(
        ConversationParticipant.conversation_id == conversation_id, ConversationParticipant.belongs_to(actor)
    )
    return db.session.execute(query).one_or_none()


def seats(conversation_id: int) -> set[tuple[str, int]]:
    db.session.rollback()
    query = select(ConversationParticipant.participant_type, ConversationParticipant.participant_id)
    rows = db.session.execute(query.where(ConversationParticipant.conversation_id == conversation_id))
    return {(kind, number) for kind, number in rows}


def people(*actors: Actor) -> set[tuple[str, int]]:
    return {(actor.type.value, actor.id) for actor in actors}


def import_staff(store: str, **entry: Any) -> None:
    plan = directory.make_plan(directory.parse({"stores": [{"code": store, "staff": [entry]}]}))
    with writing(db.session) as session:
        directory.apply(session, plan)


def set_active(table: str, number: int, active: bool) -> None:
    with writing(db.session) as session:
        session.execute(text(f"UPDATE {table} SET active = :active WHERE id = :id"), {"active": active, "id": number})
