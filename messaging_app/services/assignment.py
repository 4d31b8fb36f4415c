"""Assignees. Each side sees only its own; a colleague's reply never changes the assignee."""

from __future__ import annotations

from flask_babel import lazy_gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from messaging_app.actors import Actor, ActorType
from messaging_app.db.engine import now, writing
from messaging_app.errors import FieldError, Invalid
from messaging_app.extensions import db
from messaging_app.mail import outbox
from messaging_app.models import Conversation, SideLine, StoreMembership, User
from messaging_app.models.events import GIVEN, RELEASED, TAKEN
from messaging_app.models.scope import active_person
from messaging_app.queries import teams
from messaging_app.services import announcements, sending


def assign(actor: Actor, conversation_id: int, user_id: int | None, *, mails: bool = True) -> None:
    """Assign a conversation to a user on the own side, or to nobody (None). Idempotent.

    A new assignee is notified unless it is the actor: live, and by e-mail unless `mails` is False. Raises `Invalid` on
    field `user_id` for users who are not active on the own side.
    """
    at = now()
    with writing(db.session) as session:
        name = _held_colleague(session, actor, user_id) if user_id is not None else ""
        before = teams.assignee_of(session, actor, conversation_id)
        head = Conversation.change_side(
            session,
            actor,
            conversation_id,
            lambda side: side.assignee_id.is_distinct_from(user_id),
            assignee_id=user_id,
        )
        if head is None:
            sending.require_visible(session, actor, conversation_id)
            return
        event = RELEASED if user_id is None else TAKEN if user_id == actor.id else GIVEN
        SideLine.write(session, actor, head, event, at, name if event is GIVEN else "", user_id)
        announcements.shared_out(actor, head, before, user_id)
        if event is GIVEN and user_id is not None and mails:
            outbox.notify_assignee(session, actor, head, user_id)


def list_colleagues(actor: Actor) -> list[teams.Colleague]:
    """Return everybody to whom the actor can assign conversations, the actor included, by name. One statement."""
    return teams.colleagues(db.session(), actor)


def _held_colleague(session: Session, actor: Actor, user_id: int) -> str:
    """Return the name of an active colleague, locked until the commit so that they cannot leave meanwhile.

    Locks the user first, then the membership, in the same order as an import, to avoid deadlocks.
    """
    session.execute(select(User.id).where(User.id == user_id).with_for_update(read=True))
    place = User if actor.type == ActorType.ADMIN else StoreMembership
    found = session.scalar(
        select(User.name).where(active_person(actor.type, user_id, actor.store_id)).with_for_update(read=True, of=place)
    )
    if found is None:
        raise Invalid(FieldError("user_id", "unknown_user", _("Choose a colleague from the list.")))
    return found
