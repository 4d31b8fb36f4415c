"""The reply form: new with a new key, or refused with its text and an error."""

from __future__ import annotations

from messaging_app.errors import DuplicateOpen, NewerMessages, Refusal
from messaging_app.web.forms import new_key
from messaging_app.web.forms.messages import MessageForm
from messaging_app.web.views.thread import Line, ThreadView


def fresh(thread: ThreadView) -> MessageForm:
    """Return an empty composer for `thread`."""
    return MessageForm(formdata=None, idempotency_key=new_key(), after=thread.last_seq)


def refused(form: MessageForm, refusal: Refusal, after: int) -> MessageForm:
    """Return the composer with its text and the error, on a page whose last line is `after`."""
    form.refuse(refusal)
    form.after.data = after
    if isinstance(refusal, DuplicateOpen):
        form.open_instead = refusal.conversation_id
    return form


def guarded(form: MessageForm, refusal: NewerMessages, thread: ThreadView) -> MessageForm:
    """Return the composer with its text, its key and the messages of others since; sending it again sends it."""
    form.after.data = thread.last_seq
    newer = (x for x in thread.lines if isinstance(x, Line) and x.seq > refusal.seen)
    form.newer = [x for x in newer if x.kind == "message" and not x.mine]
    return form
