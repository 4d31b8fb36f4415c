"""Undo send: puts a delayed message back into the composer."""

from __future__ import annotations

from flask import request
from flask.typing import ResponseReturnValue

from messaging_app.actors import Actor
from messaging_app.policies import policy_of
from messaging_app.services import threads, undo
from messaging_app.services.undo import TooLate
from messaging_app.web.htmx import go_to, is_htmx, make_response, rendered, toast, with_events
from messaging_app.web.views import composer
from messaging_app.web.views.attachments import serve
from messaging_app.web.views.thread import show


def undo_send(actor: Actor, conversation_id: int, delayed_id: int) -> ResponseReturnValue:
    """Put a message that is delayed, or could not be sent, back into the composer."""
    try:
        taken = undo.take_back(actor, conversation_id, delayed_id)
    except TooLate as refusal:
        if not is_htmx():
            raise
        told = toast(refusal.explained(), "danger")
        return with_events(make_response("", refusal.status), toast=told, thread_changed={})
    address = f"{policy_of(actor).thread(conversation_id)}?taken_back={taken.id}"
    if not is_htmx() or "undo" in request.form:  # from a toast, which stays while the user goes to another conversation
        return go_to(address)
    view = show(actor, threads.get_head(actor, conversation_id))
    return rendered("messages/_taken_back.html", thread=view, composer=composer.taken_back(view, taken))


def taken_back_file(actor: Actor, conversation_id: int, delayed_id: int, place: int) -> ResponseReturnValue:
    """Return a file of an undone message to its sender, whose browser attaches it again."""
    file = undo.get_file(actor, conversation_id, delayed_id, place)
    key, mime, size, name, etag = (file[field] for field in ("key", "mime_type", "size", "filename", "sha256"))
    return serve(str(key), str(mime), int(str(size)), str(name), inline=False, etag=str(etag))
