"""The lines and notes of a thread that only one side sees, as templates see them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from messaging_app.actors import Actor
from messaging_app.models.events import EventKind, event_kind
from messaging_app.queries.thread import LineRow
from messaging_app.web.views.files import FileView, Item, files_in, moment_in_json


@dataclass(frozen=True, slots=True)
class OwnLine:
    """A line that one side sees, shown after line `seq`; it has no seq itself."""

    id: int
    seq: int
    event: EventKind
    sender_name: str
    content: str
    created_at: datetime
    is_by_me: bool
    is_for_me: bool
    kind: str = "own"
    mine: bool = False


@dataclass(frozen=True, slots=True)
class OwnNote:
    """A note, shown after line `seq`; it has no seq itself. `is_for_me`: it mentions the reader."""

    id: int
    seq: int
    sender_id: int
    sender_name: str
    content: str
    created_at: datetime
    is_by_me: bool
    is_for_me: bool
    attachments: list[FileView]
    kind: str = "note"
    mine: bool = False


def own_lines_of(actor: Actor, row: LineRow) -> list[OwnLine | OwnNote]:
    """Return the lines and notes of the actor's side after a line, oldest first."""
    lines = [_own_line(actor, row.seq, **item) for item in json.loads(row.own or "[]") or []]
    notes = [_note(actor, row.seq, **item) for item in json.loads(row.notes or "[]") or []]
    return sorted([*lines, *notes], key=lambda line: line.created_at) if notes else [*lines]


def _note(
    actor: Actor,
    seq: int,
    *,
    id: int,
    author_id: int,
    author_name: str,
    content: str,
    mentions: list[int] | str,
    created_at: str,
    files: list[Item] | None,
) -> OwnNote:
    ids = json.loads(mentions) if isinstance(mentions, str) else mentions  # SQLite keeps JSON as text
    by_me, for_me = author_id == actor.id, actor.id in ids and author_id != actor.id
    at = moment_in_json(created_at)
    return OwnNote(id, seq, author_id, author_name, content, at, by_me, for_me, files_in(files or []))


def _own_line(
    actor: Actor,
    seq: int,
    *,
    id: int,
    event: str,
    actor_id: int,
    actor_name: str,
    content: str,
    user_id: int | None,
    created_at: str,
) -> OwnLine:
    by_me, kind = actor_id == actor.id, event_kind(event)
    for_me = bool(kind.your_sentence) and user_id == actor.id
    return OwnLine(id, seq, kind, actor_name, content, moment_in_json(created_at), by_me, for_me)
