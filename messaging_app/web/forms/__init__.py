"""The forms that users fill in. A form carries the input and shows errors; services validate it."""

from __future__ import annotations

import secrets

from flask_wtf import FlaskForm
from wtforms import HiddenField

from messaging_app.errors import IdempotencyConflict, Invalid, Refusal


class Form(FlaskForm):
    """A form that shows a service's errors where they belong. `file_errors` are pairs of file name and sentence."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.file_errors: list[tuple[str, str]] = []

    def refuse(self, refusal: Refusal) -> None:
        """Show a refusal at its field, at its file, or above the form."""
        errors = refusal.errors if isinstance(refusal, Invalid) else ()
        for error in errors:
            if error.file:
                self.file_errors.append((error.file, error.message))
            elif error.field in self:
                self[error.field].errors = [*self[error.field].errors, error.message]
            else:
                self.form_errors.append(error.message)
        if not errors:
            self.form_errors.append(refusal.detail)


class KeyedForm(Form):
    """A form that is sent once: `idempotency_key` makes ten clicks one message."""

    idempotency_key = HiddenField()

    def refuse(self, refusal: Refusal) -> None:
        """Show a refusal. Replaces a used or invalid key, so that the next attempt works."""
        super().refuse(refusal)
        self.form_errors.extend(self.idempotency_key.errors)
        if isinstance(refusal, IdempotencyConflict) or self.idempotency_key.errors or not self.idempotency_key.data:
            self.idempotency_key.data = new_key()


def new_key() -> str:
    """Return a new idempotency key."""
    return secrets.token_urlsafe(18)
