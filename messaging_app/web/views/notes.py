"""Notes: the second form of the composer."""

from __future__ import annotations

from flask import g, request
from flask.typing import ResponseReturnValue

from messaging_app.accounts.limits import limiter
from messaging_app.actors import Actor
from messaging_app.errors import IdempotencyConflict, Invalid, Refusal
from messaging_app.policies import policy_of
from messaging_app.services import notes, threads
from messaging_app.web.forms.messages import NoteForm
from messaging_app.web.htmx import is_htmx, rendered, see_other, whole_number, with_events
from messaging_app.web.views import messages
from messaging_app.web.views.conversations import whole_page
from messaging_app.web.views.thread import show, window

NAME_MAX = 200


def add_note(actor: Actor, conversation_id: int) -> ResponseReturnValue:
    """Write a note with its mentions. Returns everything since the last line on the page."""
    form, after = NoteForm(), whole_number("after", "form") if request.form.get("after") else None
    content = form.content.data or ""
    limiter.hit("send", actor.type, actor.id)
    try:
        note = notes.write_note(
            actor,
            conversation_id,
            content,
            notes.find_mentions(actor, content),
            idempotency_key=form.idempotency_key.data or None,
            uploads=messages.uploads(),
            limits=g.get("upload_limits"),
        )
    except (Invalid, IdempotencyConflict) as refusal:
        return _refused(actor, conversation_id, form, refusal)
    if not is_htmx():
        return see_other(f"{policy_of(actor).thread(conversation_id)}#own-note-{note.id}")
    shown = messages.update(actor, conversation_id, note.after_seq if after is None else after)
    return with_events(shown, conversations_changed={})


def colleagues(actor: Actor, conversation_id: int) -> ResponseReturnValue:
    """List colleagues to mention after an @. `q` is the beginning of a name."""
    found = notes.list_mentionable(actor, conversation_id, request.args.get("q", "")[:NAME_MAX])
    return rendered("messages/_colleagues.html", colleagues=found)


def _refused(actor: Actor, conversation_id: int, form: NoteForm, refusal: Refusal) -> ResponseReturnValue:
    form.refuse(refusal)
    found = threads.get_head(actor, conversation_id)
    if is_htmx():
        status = 422 if form.file_errors else refusal.status
        return rendered("messages/_note_form.html", status, thread=show(actor, found), note=form)
    view = show(actor, threads.read_lines(found, limit=window(found)))
    return whole_page(actor, view, status=refusal.status, note=form)
