"""What a service refuses, in the domain's own words. Pages and API each turn these into their answer in one place."""

from __future__ import annotations

from dataclasses import dataclass

from flask_babel import lazy_gettext as _


@dataclass(frozen=True, slots=True)
class FieldError:
    """One field that is not as it should be: `code` for programs, `message` for people, `file` where it is about one."""

    field: str
    code: str
    message: str
    file: str = ""


class Refusal(Exception):
    """Base of everything a service refuses. `status` is the HTTP status, `code` the stable word for programs."""

    status = 400
    code = "malformed"
    sentence = _("This request could not be read.")

    def __init__(self, sentence: str | None = None) -> None:
        super().__init__(sentence or self.code)
        self.detail = sentence if sentence is not None else self.sentence


class NotFound(Refusal):
    """Not there, or not visible to this actor: one and the same answer."""

    status = 404
    code = "not_found"
    sentence = _("This does not exist, or you don't have access to it.")


class NotAllowed(Refusal):
    """Visible, but not this actor's to do."""

    status = 403
    code = "not_allowed"
    sentence = _("You don't have permission to do this.")


class ConversationClosed(Refusal):
    """Writing to a closed conversation. The sentence only asks those to reopen it who can."""

    status = 409
    code = "conversation_closed"
    sentence = _("This conversation is closed. Your message was not sent; your text is saved.")
    to_reopen = _("This conversation is closed. Reopen it to send your message; your text is saved.")

    def __init__(self, *, may_reopen: bool) -> None:
        super().__init__(self.to_reopen if may_reopen else self.sentence)
        self.may_reopen = may_reopen


class IdempotencyConflict(Refusal):
    """The same key came again with another text."""

    status = 409
    code = "idempotency_conflict"
    sentence = _("You have already sent this with a different text. Send this one too?")


class Invalid(Refusal):
    """Input that breaks a rule; `errors` names every field concerned."""

    status = 422
    code = "invalid"
    sentence = _("Please check what you entered.")

    def __init__(self, *errors: FieldError) -> None:
        super().__init__()
        self.errors = errors

    def by_field(self) -> dict[str, str]:
        """The first message of each field."""
        return {error.field: error.message for error in reversed(self.errors)}


class Unavailable(Refusal):
    """Something behind us is gone for the moment; trying again helps, in `retry_after` seconds."""

    retry_after = 5
    status = 503
    code = "unavailable"
    sentence = _("This cannot be done right now. Nothing was changed; please try again in a moment.")
