"""The notes of one side."""

from __future__ import annotations

from messaging_app.actors import Actor
from messaging_app.api import schemas as s
from messaging_app.api.answers import Answer
from messaging_app.models import Note
from messaging_app.services import notes


def list_notes(actor: Actor, conversation_id: int) -> Answer:
    """The notes of one's own side."""
    found = [_note(actor, note) for note in notes.list_notes(actor, conversation_id)]
    return Answer(s.NoteListResponse(notes=found))


def write_note(actor: Actor, conversation_id: int, body: s.NoteCreate) -> Answer:
    """Write a note for one's own side."""
    return Answer(_note(actor, notes.write_note(actor, conversation_id, body.content, body.mentions)))


def _note(actor: Actor, note: Note) -> s.NoteResponse:
    author = {"type": actor.type, "id": note.author_id, "name": note.author_name}
    own = {name: getattr(note, name) for name in ("id", "content", "mentions", "after_seq", "created_at")}
    return s.NoteResponse.model_validate(own | {"author": author, "attachments": []})
