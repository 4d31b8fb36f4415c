"""Sending a message, and the lines that came since: the one fragment for answer, poll and stream."""

from __future__ import annotations

from flask import Response, make_response, render_template, request
from flask.typing import ResponseReturnValue

from messaging_app.actors import Actor
from messaging_app.errors import ConversationClosed, IdempotencyConflict, Invalid
from messaging_app.htmx import done, is_htmx, tell, whole_number
from messaging_app.limits import limiter
from messaging_app.policies import policy_of
from messaging_app.services import messaging
from messaging_app.views import composer
from messaging_app.views.conversations import whole_page
from messaging_app.views.thread import WINDOW_MAX, show, state_of, window


def send(actor: Actor, conversation_id: int) -> ResponseReturnValue:
    """Send what the composer holds; the answer is everything since the line that the page showed last."""
    content, key = request.form.get("content", ""), request.form.get("idempotency_key") or None
    after = whole_number("after", "form")
    limiter.hit("send", actor.type, actor.id)
    try:
        sent = messaging.send_message(actor, conversation_id, content, idempotency_key=key)
    except (Invalid, ConversationClosed, IdempotencyConflict) as refusal:
        found = messaging.get_head(actor, conversation_id)
        if is_htmx():
            filled = composer.refused(refusal, content, key, after or found.head.last_seq)
            body = render_template("messages/_composer.html", thread=show(actor, found), composer=filled)
            return make_response(body, refusal.status)
        view = show(actor, messaging.read_lines(found, limit=window(found)))
        return whole_page(actor, view, composer.refused(refusal, content, key, view.last_seq), refusal.status)
    if not is_htmx():
        return done(f"{policy_of(actor).messages}/{conversation_id}#message-{sent.seq}")
    return tell(
        update(actor, conversation_id, sent.seq - 1 if after is None else after), message_sent={"seq": sent.seq}
    )


def since(actor: Actor, conversation_id: int) -> ResponseReturnValue:
    """The lines after the seq in `after` and whatever else changed; 204 where nothing did."""
    after = whole_number("after") or 0
    found = messaging.get_head(actor, conversation_id)
    have = request.args.get("have")
    if after >= found.head.last_seq and (have is None or have == state_of(found)):
        return Response(status=204)
    return update(actor, conversation_id, after, found)


def update(actor: Actor, conversation_id: int, after: int, found: messaging.Thread | None = None) -> Response:
    """The fragment that brings a page which shows `after` up to date; the whole thread where it missed too much."""
    found = found or messaging.get_head(actor, conversation_id)
    if found.head.last_seq - after > WINDOW_MAX:
        view = show(actor, messaging.read_lines(found, limit=window(found)))
        body = render_template("conversations/_thread.html", thread=view, composer=composer.fresh(view))
        response = make_response(body)
        response.headers["HX-Retarget"] = "#thread"
        response.headers["HX-Reswap"] = "outerHTML"
        return response
    # The line shown last comes along: its day and voice decide how the first new one looks.
    found = messaging.read_lines(found, after=max(after - 1, 0), limit=WINDOW_MAX + 1)
    context = found.lines.pop(0) if found.lines and found.lines[0].seq <= after else None
    view = show(actor, found, context=context)
    return make_response(render_template("messages/_update.html", thread=view, composer=composer.fresh(view)))
