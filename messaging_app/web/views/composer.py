"""The reply form: empty with a new key, or refused with its text and an error."""

from __future__ import annotations

from flask import request

from messaging_app.actors import Actor
from messaging_app.errors import DuplicateOpen, NewerMessages, Refusal
from messaging_app.services.undo import TakenBack, find_taken_back
from messaging_app.web.forms import new_key
from messaging_app.web.forms.messages import MessageForm, TakenFile
from messaging_app.web.views.thread import Line, ThreadView


def fresh(thread: ThreadView) -> MessageForm:
    """Return an empty composer for `thread`."""
    return MessageForm(formdata=None, idempotency_key=new_key(), after=thread.last_seq)


def taken_back(thread: ThreadView, taken: TakenBack) -> MessageForm:
    """Return the composer with the text and file names of an undone message."""
    form = MessageForm(formdata=None, idempotency_key=new_key(), after=thread.last_seq, content=taken.content)
    files = f"{thread.address}/messages/{taken.id}/files"
    named = enumerate(taken.files, start=1)
    form.taken_back = [TakenFile(f"{files}/{place}", str(file["filename"])) for place, file in named]
    return form


def at_address(actor: Actor, thread: ThreadView) -> MessageForm:
    """Return the composer of a full page: with the undone message that the URL names, otherwise empty."""
    number = request.args.get("taken_back", "")
    if number.isascii() and number.isdigit() and len(number) < 19:
        taken = find_taken_back(actor, thread.conversation.id, int(number))
        if taken is not None:
            return taken_back(thread, taken)
    return fresh(thread)


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
