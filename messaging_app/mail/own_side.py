"""News from a reader's own side in e-mail: notes that mention them, and assignments to them.

The text of a note is sent only to those whom it mentions.
"""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import select

from messaging_app.db.types import AnyRow
from messaging_app.extensions import db
from messaging_app.models import Note, NoteAttachment

MOST = 100  # maximum notes examined for one e-mail


class OwnNews(NamedTuple):
    """Unread mentions that no e-mail covered, newest first, and who assigned the conversation (None: nobody)."""

    notes: list[Note]
    given_by: str | None

    @property
    def up_to(self) -> int:
        """The id of the last note; 0 if there is none."""
        return self.notes[0].id if self.notes else 0

    def words(self) -> str:
        """Return the newest note's text, or its first file's name if it has no text. At most one statement."""
        if not self.notes:
            return ""
        file = NoteAttachment
        first = select(file.filename).where(file.note_id == self.notes[0].id).order_by(file.id).limit(1)
        return self.notes[0].content or db.session.scalar(first) or ""


def untold(person: AnyRow) -> OwnNews:
    """Return the news that a row of `message.readers` has not been sent. At most one statement."""
    if not person.mentions:
        return OwnNews([], person.given_by)
    written = (
        select(Note)
        .where(
            Note.conversation_id == person.conversation_id,
            Note.side == person.participant_type,
            Note.id > person.mailed_note_id,
            Note.author_id != person.participant_id,
        )
        .order_by(Note.id.desc())
        .limit(MOST)
    )
    notes = [note for note in db.session.scalars(written) if person.participant_id in note.mentions]
    return OwnNews(notes[: person.mentions], person.given_by)
