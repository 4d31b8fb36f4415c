"""Who of a side takes care of a conversation. One's own side only; a colleague's reply never changes it."""

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
    """Give a conversation to somebody of the own side, or with None to nobody. The same again changes nothing.

    Whoever is given one by a colleague is notified: live, and by e-mail unless `mails` is False. Raises `Invalid` on
    field `user_id` for anybody who is not active on the own side.
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
    """Everybody to whom the actor can give a conversation, by name, the actor too. One statement."""
    return teams.colleagues(db.session(), actor)


def _held_colleague(session: Session, actor: Actor, user_id: int) -> str:
    """The name of an active colleague, whose place is held until the commit: whoever leaves meanwhile comes after.

    The user first, then the membership, as an import does it, so that nobody waits in a ring.
    """
    session.execute(select(User.id).where(User.id == user_id).with_for_update(read=True))
    place = User if actor.type == ActorType.ADMIN else StoreMembership
    found = session.scalar(
        select(User.name).where(active_person(actor.type, user_id, actor.store_id)).with_for_update(read=True, of=place)
    )
    if found is None:
        raise Invalid(FieldError("user_id", "unknown_user", _("Choose somebody who works here.")))
    return found
