"""Notes: lines in a conversation that only one's own side sees. Nothing that the other side sees changes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from flask_babel import lazy_gettext as _
from sqlalchemy import select, true
from sqlalchemy.exc import IntegrityError

from messaging_app.actors import Actor
from messaging_app.db.engine import now, writing
from messaging_app.db.types import AnyRow
from messaging_app.errors import FieldError, IdempotencyConflict, Invalid, NotFound
from messaging_app.extensions import db
from messaging_app.mail import outbox
from messaging_app.models import Conversation, Note, NoteAttachment
from messaging_app.models.note import Written
from messaging_app.queries import teams
from messaging_app.services import announcements, attachments, drafts, sending
from messaging_app.services.upload_limits import Limits
from messaging_app.services.uploads import Prepared, Upload, validate_and_store
from messaging_app.text import search_key

MENTIONS_MAX = 100


class NoteWithFiles(NamedTuple):
    """A note, and the rows of its files in the order sent."""

    note: Note
    files: Sequence[AnyRow] = ()


def write_note(
    actor: Actor,
    conversation_id: int,
    content: str,
    mentions: Sequence[int] = (),
    *,
    idempotency_key: str | None = None,
    uploads: Sequence[Upload] = (),
    limits: Limits | None = None,
) -> Note:
    """Write a note into a conversation, open or closed: 1-10,000 code points, optional if there are `uploads`.

    `mentions` are the ids of active colleagues, for whom it counts as unread. A repeated key returns the first note.
    Raises `Invalid` naming each invalid field, `NotFound` and `IdempotencyConflict`. For files see
    `uploads.validate_and_store`.
    """
    draft = drafts.of_message(content, idempotency_key, with_files=bool(uploads))
    mentioned = list(dict.fromkeys(mentions))
    with validate_and_store(actor, uploads, conversation_id, limits) as files:
        address = f"note/{conversation_id}/{' '.join(map(str, mentioned))}"
        digest = sending.digest_of(address, draft, files) if draft.idempotency_key else None
        written = Written(draft.content, mentioned, len(files), draft.idempotency_key, digest)
        try:
            return _write(actor, conversation_id, written, files)
        except (IntegrityError, Invalid):  # Invalid: a colleague left in the meantime
            before = _written_before(actor, written)
            if before is None:
                raise
            return before


def _write(actor: Actor, conversation_id: int, written: Written, files: Sequence[Prepared]) -> Note:
    mentioned = written.mentions
    with writing(db.session) as session:
        if not set(mentioned) <= {one.id for one in teams.colleagues(session, actor)}:
            raise Invalid(FieldError("mentions", "unknown_user", _("You can only mention colleagues.")))
        head = Conversation.change_side(session, actor, conversation_id, lambda side: true())
        if head is None:
            raise NotFound
        note = Note.write(session, actor, head, written, now())
        attachments.commit_to_note(session, files, note.id)
        others = [user_id for user_id in mentioned if user_id != actor.id]
        outbox.notify_mentioned(session, actor, head, others)
        announcements.side_changed(actor, head)
        session.expunge(note)
    return note


def list_mentionable(actor: Actor, conversation_id: int, typed: str) -> list[teams.Colleague]:
    """Return colleagues whose name has a word that begins with `typed`, the text after an @. Two statements."""
    session = db.session()
    sending.require_visible(session, actor, conversation_id)
    wanted = search_key(typed)
    return [
        one
        for one in teams.colleagues(session, actor)
        if one.id != actor.id and f" {wanted}" in f" {search_key(one.name)}"
    ]


def find_mentions(actor: Actor, content: str) -> list[int]:
    """Return the ids of colleagues mentioned with an @: by full name, or by a first name that only one has."""
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


def _written_before(actor: Actor, written: Written) -> Note | None:
    """Return the note that the author wrote under the same key. Raises `IdempotencyConflict` if it says something else."""
    if written.idempotency_key is None:
        return None
    own = (Note.side == actor.type, Note.author_id == actor.id)
    found = db.session.scalar(select(Note).where(*own, Note.idempotency_key == written.idempotency_key))
    if found is not None and found.digest != written.digest:
        raise IdempotencyConflict
    if found is not None:
        sending.require_visible(db.session(), actor, found.conversation_id)
    return found


def list_notes(actor: Actor, conversation_id: int) -> list[NoteWithFiles]:
    """Return the notes of the actor's side in a conversation, oldest first. Two statements, with files three."""
    session = db.session()
    sending.require_visible(session, actor, conversation_id)
    own = select(Note).where(Note.conversation_id == conversation_id, Note.side == actor.type)
    return with_files(list(session.scalars(own.order_by(Note.id))))


def with_files(notes: Sequence[Note]) -> list[NoteWithFiles]:
    """Return notes with the rows of their files. One statement where there are any."""
    ids = [note.id for note in notes if note.attachment_count]
    file = NoteAttachment.__table__.c
    query = select(*file).where(file.note_id.in_(ids)).order_by(file.id)
    rows = db.session.execute(query).all() if ids else []
    return [NoteWithFiles(note, [row for row in rows if row.note_id == note.id]) for note in notes]
