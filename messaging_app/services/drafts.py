"""From user input to storable text: the checks that pages and API share."""

from __future__ import annotations

from typing import NamedTuple

from flask_babel import lazy_gettext as _

from messaging_app.errors import FieldError, Invalid
from messaging_app.models.message import IDEMPOTENCY_KEY_MAX
from messaging_app.text import CONTENT_MAX, SUBJECT_MAX, TextRefused, clean_content, clean_subject

_SENTENCES = {
    ("content", "required"): _("Write a message."),
    ("content", "too_long"): _("A message can have at most %(max)s characters.", max=f"{CONTENT_MAX:,}"),
    ("content", "invalid_characters"): _(
        "The message contains characters that cannot be stored (NUL or an unpaired surrogate)."
    ),
    ("subject", "required"): _("Write a subject."),
    ("subject", "too_long"): _("A subject can have at most %(max)s characters.", max=SUBJECT_MAX),
    ("subject", "invalid_characters"): _("The subject contains control characters. Remove them."),
}


class Draft(NamedTuple):
    """Text that has passed every check."""

    content: str
    idempotency_key: str | None
    subject: str = ""


def of_message(content: str, idempotency_key: str | None, *, with_files: bool = False) -> Draft:
    """Return a message ready to store. With files it may be empty. Raises `Invalid` naming each invalid field."""
    errors: list[FieldError] = []
    draft = Draft(_content(content, errors, with_files), _key(idempotency_key, errors))
    if errors:
        raise Invalid(*errors)
    return draft


def of_conversation(subject: str, content: str, idempotency_key: str | None, *, with_files: bool = False) -> Draft:
    """Return subject and first message ready to store. Raises `Invalid` naming each invalid field."""
    errors: list[FieldError] = []
    try:
        cleaned = clean_subject(subject)
    except TextRefused as refused:
        cleaned = ""
        errors.append(FieldError("subject", refused.code, _SENTENCES["subject", refused.code]))
    draft = Draft(_content(content, errors, with_files), _key(idempotency_key, errors), cleaned)
    if errors:
        raise Invalid(*errors)
    return draft


def wrong_recipient() -> Invalid:
    """The error for a recipient that does not exist, is inactive, or is out of the actor's reach."""
    return Invalid(FieldError("recipient_id", "unknown_recipient", _("Choose a recipient from the list.")))


def _content(raw: str, errors: list[FieldError], with_files: bool) -> str:
    try:
        return clean_content(raw, required=not with_files)
    except TextRefused as refused:
        errors.append(FieldError("content", refused.code, _SENTENCES["content", refused.code]))
        return ""


def _key(raw: str | None, errors: list[FieldError]) -> str | None:
    if not raw:
        return None
    if len(raw) > IDEMPOTENCY_KEY_MAX or not raw.isprintable():
        sentence = _("An idempotency key can have at most %(max)s printable characters.", max=IDEMPOTENCY_KEY_MAX)
        errors.append(FieldError("idempotency_key", "invalid", sentence))
        return None
    return raw
