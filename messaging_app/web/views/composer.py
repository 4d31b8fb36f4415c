"""The reply form: fresh with a new key, or refused with its text and a sentence."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

from messaging_app.errors import IdempotencyConflict, Invalid, Refusal
from messaging_app.web.views.thread import ThreadView


@dataclass(slots=True)
class Composer:
    """What the composer's template shows. `key` makes ten clicks one message; `after` is the last line shown."""

    key: str
    after: int
    content: str = ""
    error: str | None = None
    conflict: bool = False
    file_errors: list[tuple[str, str]] = field(default_factory=list)  # (name of the file, what to do)


def new_key() -> str:
    """A fresh idempotency key."""
    return secrets.token_urlsafe(18)


def fresh(thread: ThreadView) -> Composer:
    """An empty composer under `thread`."""
    return Composer(new_key(), thread.last_seq)


def refused(refusal: Refusal, content: str, key: str | None, after: int) -> Composer:
    """The composer with what was typed and why it was not sent. A conflict gets a fresh key: sending again sends."""
    conflict = isinstance(refusal, IdempotencyConflict)
    errors = refusal.errors if isinstance(refusal, Invalid) else ()
    files = [(error.file, str(error.message)) for error in errors if error.field == "attachments"]
    sentence = next(
        (error.message for error in errors if error.field != "attachments"), None if files else refusal.detail
    )
    spent = conflict or not key or any(error.field == "idempotency_key" for error in errors)
    return Composer(
        new_key() if spent else str(key), after, content, str(sentence) if sentence else None, conflict, files
    )
