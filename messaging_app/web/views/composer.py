"""The reply form: fresh with a new key, or refused with its text and a sentence."""

from __future__ import annotations

from messaging_app.errors import Refusal
from messaging_app.web.forms import MessageForm, new_key
from messaging_app.web.views.thread import ThreadView


def fresh(thread: ThreadView) -> MessageForm:
    """An empty composer under `thread`."""
    return MessageForm(formdata=None, idempotency_key=new_key(), after=thread.last_seq)


def refused(form: MessageForm, refusal: Refusal, after: int) -> MessageForm:
    """The composer with what was typed and why it was not sent, under a page whose last line is `after`."""
    form.refuse(refusal)
    form.after.data = after
    return form
