"""Notes: what a side writes in a conversation for itself. Nothing that the other side sees changes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from flask_babel import lazy_gettext as _
from sqlalchemy import select, true

from messaging_app.actors import Actor
from messaging_app.db.engine import now, writing
from messaging_app.errors import FieldError, Invalid, NotFound
from messaging_app.extensions import db
from messaging_app.mail import outbox
from messaging_app.models import Conversation, Note
from messaging_app.models.note import Written
from messaging_app.queries import teams
from messaging_app.services import announcements, drafts, sending

MENTIONS_MAX = 100


def write_note(actor: Actor, conversation_id: int, content: str, mentions: Sequence[int] = ()) -> Note:
    """Write a note of 1-10,000 code points into a conversation, open or closed.

    `mentions` are the ids of active colleagues, for whom it counts as unread. Raises `Invalid` naming each invalid field, and `NotFound`.
    """
    text, at = drafts.of_message(content, None).content, now()
    mentioned = list(dict.fromkeys(mentions))
    with writing(db.session) as session:
        if not set(mentioned) <= {one.id for one in teams.colleagues(session, actor)}:
            raise Invalid(FieldError("mentions", "unknown_user", _("Only people who work here can be mentioned.")))
        head = Conversation.change_side(session, actor, conversation_id, lambda side: true())
        if head is None:
            raise NotFound
        note = Note.write(session, actor, head, Written(text, mentioned), at)
        others = [user_id for user_id in mentioned if user_id != actor.id]
        outbox.notify_mentioned(session, actor, head, others)
        announcements.side_changed(actor, head)
        session.expunge(note)
    return note


def find_mentions(actor: Actor, content: str) -> list[int]:
    """Return the ids of the colleagues whom a text names with an @: by their whole name, or a first name of only one."""
    colleagues = teams.colleagues(db.session(), actor) if "@" in content else []
    first_names = Counter(_first_name(one.name) for one in colleagues)
    found = []
    for one in colleagues:
        names = [one.name, *([_first_name(one.name)] if first_names[_first_name(one.name)] == 1 else [])]
        if any(re.search(rf"(?<!\w)@{re.escape(name)}(?!\w)", content, re.IGNORECASE) for name in names):
            found.append(one.id)
    return found


def _first_name(name: str) -> str:
    return name.partition(" ")[0]


def list_notes(actor: Actor, conversation_id: int) -> list[Note]:
    """Return the notes of the actor's side in a conversation, oldest first. Two statements."""
    session = db.session()
    sending.require_visible(session, actor, conversation_id)
    own = select(Note).where(Note.conversation_id == conversation_id, Note.side == actor.type)
    return list(session.scalars(own.order_by(Note.id)))
