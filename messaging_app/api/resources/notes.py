"""The notes of one side."""

from __future__ import annotations

from flask import g
from werkzeug.datastructures import FileStorage

from messaging_app.actors import Actor
from messaging_app.api import schemas as s
from messaging_app.api.answers import Answer, address_of, file_of
from messaging_app.services import notes
from messaging_app.services.notes import NoteWithFiles


def list_notes(actor: Actor, conversation_id: int) -> Answer:
    """The notes of one's own side."""
    found = [_note(actor, note) for note in notes.list_notes(actor, conversation_id)]
    return Answer(s.NoteListResponse(notes=found))


def write_note(
    actor: Actor,
    conversation_id: int,
    body: s.NoteCreate | s.NoteCreateForm,
    key: str | None,
    uploads: list[FileStorage],
) -> Answer:
    """Write a note for one's own side. A repeated key returns the first note."""
    note = notes.write_note(
        actor,
        conversation_id,
        body.content,
        body.mentions,
        idempotency_key=key,
        uploads=uploads,
        limits=g.get("upload_limits"),
    )
    (written,) = notes.with_files([note])
    return Answer(_note(actor, written))


def _note(actor: Actor, written: NoteWithFiles) -> s.NoteResponse:
    note = written.note
    address = f"{address_of(actor, note.conversation_id)}/notes"
    author = {"type": actor.type, "id": note.author_id, "name": note.author_name}
    own = {name: getattr(note, name) for name in ("id", "content", "mentions", "after_seq", "created_at")}
    return s.NoteResponse.model_validate(
        own | {"author": author, "attachments": [file_of(address, file) for file in written.files]}
    )
