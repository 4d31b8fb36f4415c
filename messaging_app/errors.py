"""Errors that services raise, in domain terms. Pages and API each turn them into responses in one place."""

from __future__ import annotations

from dataclasses import dataclass

from flask_babel import lazy_gettext as _


@dataclass(frozen=True, slots=True)
class FieldError:
    """One invalid field: `code` for programs, `message` for users, `file` if it concerns a file."""

    field: str
    code: str
    message: str
    file: str = ""


class Refusal(Exception):
    """Base class of a service's errors. `status` is the HTTP status, `code` the stable code for programs."""

    status = 400
    code = "malformed"
    sentence = _("This request could not be read.")

    def __init__(self, sentence: str | None = None) -> None:
        super().__init__(sentence or self.code)
        self.detail = sentence if sentence is not None else self.sentence

    def explained(self) -> str:
        """Return the reason for users: a sentence, or one for each invalid field."""
        return str(self.detail)


class NotFound(Refusal):
    """Missing, or not visible to this actor: the same response."""

    status = 404
    code = "not_found"
    sentence = _("This does not exist, or you don't have access to it.")


class NotAllowed(Refusal):
    """Visible, but this actor may not do it."""

    status = 403
    code = "not_allowed"
    sentence = _("You don't have permission to do this.")


class ConversationClosed(Refusal):
    """Writing to a closed conversation. The message suggests reopening only to those who may."""

    status = 409
    code = "conversation_closed"
    sentence = _("This conversation is closed. Your message was not sent; your text is saved.")
    to_reopen = _("This conversation is closed. Reopen it to send your message; your text is saved.")

    def __init__(self, *, may_reopen: bool) -> None:
        super().__init__(self.to_reopen if may_reopen else self.sentence)
        self.may_reopen = may_reopen


class DuplicateOpen(Refusal):
    """Another conversation of the same parties about the same matter is open: there is one at a time."""

    status = 409
    code = "duplicate_open"
    sentence = _("Another conversation about this is already open. Your text is saved; please write there.")

    def __init__(self, conversation_id: int) -> None:
        super().__init__()
        self.detail, self.conversation_id = self.sentence, conversation_id


class NewerMessages(Refusal):
    """Others have written since `seen`, the last seq that the writer was shown. Nothing was sent."""

    status = 409
    code = "newer_messages"
    sentence = _("Not sent yet: new messages came while you were writing.")

    def __init__(self, seen: int) -> None:
        super().__init__()
        self.seen = seen


class IdempotencyConflict(Refusal):
    """The same key was used with different content."""

    status = 409
    code = "idempotency_conflict"
    sentence = _("You have already sent this with a different text. Send this one too?")


class LastAdmin(Refusal):
    """The platform would have nobody left who runs it."""

    status = 409
    code = "last_admin"
    sentence = _("This is the only admin. Invite another one first.")


class LastOwner(Refusal):
    """A store would have no owner left."""

    status = 409
    code = "last_owner"
    sentence = _("This is the only owner of the store. Make somebody else an owner first.")


class Invalid(Refusal):
    """Input that breaks a rule; `errors` lists every invalid field."""

    status = 422
    code = "invalid"
    sentence = _("Please check what you entered.")

    def __init__(self, *errors: FieldError) -> None:
        super().__init__()
        self.errors = errors

    def explained(self) -> str:
        """Return what is wrong with each field."""
        return " ".join(str(error.message) for error in self.errors) or str(self.detail)

    def by_field(self) -> dict[str, str]:
        """Return the first message of each field."""
        return {error.field: error.message for error in reversed(self.errors)}


class ContextRequired(Invalid):
    """The new conversation needs a context."""

    code = "context_required"

    def __init__(self) -> None:
        super().__init__(FieldError("context", self.code, _("Choose what it is about.")))


class ReasonRequired(Invalid):
    """The new conversation needs a reason."""

    code = "reason_required"

    def __init__(self) -> None:
        super().__init__(FieldError("reason", self.code, _("Choose a reason.")))


class Unavailable(Refusal):
    """A service we depend on is temporarily unavailable. Retry after `retry_after` seconds."""

    retry_after = 5
    status = 503
    code = "unavailable"
    sentence = _("This cannot be done right now. Nothing was changed; please try again in a moment.")
