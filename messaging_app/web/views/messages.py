"""Sending a message, and the new lines: one fragment for response, poll and stream."""

from __future__ import annotations

from functools import partial

from flask import Response, g, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from messaging_app.accounts.limits import limiter
from messaging_app.actors import Actor
from messaging_app.errors import (
    ConversationClosed,
    DuplicateOpen,
    IdempotencyConflict,
    Invalid,
    NewerMessages,
    Refusal,
)
from messaging_app.files import FileRefused
from messaging_app.policies import policy_of
from messaging_app.queries.thread import LineRow
from messaging_app.services import messaging, poll_state, presence, threads
from messaging_app.services.attachments import recently_removed
from messaging_app.services.sending import Sent
from messaging_app.services.undo import Waiting, send_later
from messaging_app.services.uploads import AttachmentsRefused, Upload
from messaging_app.web.forms.messages import MessageForm
from messaging_app.web.htmx import Undo, is_htmx, rendered, see_other, signed_in, toast, whole_number, with_events
from messaging_app.web.views import composer
from messaging_app.web.views.conversations import whole_page
from messaging_app.web.views.thread import WINDOW_MAX, show, show_sent, state_of, window


def send(actor: Actor, conversation_id: int) -> ResponseReturnValue:
    """Send the composer's content, at once or later. Returns everything since the last line on the page."""
    form = MessageForm()
    after = whole_number("after", "form")
    closes = request.form.get("then") == "close" and policy_of(actor).may_close
    limiter.hit("send", actor.type, actor.id)
    try:
        sent = _send(actor, conversation_id, form, after, closes)
    except NewerMessages as refusal:
        return _guarded(actor, conversation_id, form, refusal)
    except (Invalid, ConversationClosed, DuplicateOpen, IdempotencyConflict) as refusal:
        return refused(actor, conversation_id, form, refusal, after)
    if isinstance(sent, Waiting):
        return _waits(actor, sent, after, closes)
    if closes:
        messaging.close_conversation(actor, conversation_id)
    if not is_htmx():
        return see_other(f"{policy_of(actor).thread(conversation_id)}#message-{sent.seq}")
    if closes or sent.reopened:
        before = sent.seq - (1 if closes else 2)  # reopening adds its own line
        shown = update(actor, conversation_id, before if after is None else after)
        return with_events(shown, message_sent={"seq": sent.seq}, conversations_changed={})
    return with_events(_answer(actor, sent, sent.seq - 1 if after is None else after), message_sent={"seq": sent.seq})


def refused(
    actor: Actor, conversation_id: int, form: MessageForm, refusal: Refusal, after: int | None
) -> ResponseReturnValue:
    """Return the composer with its text and the error; without htmx the whole page."""
    found = threads.get_head(actor, conversation_id)
    if is_htmx():
        filled = composer.refused(form, refusal, after or found.head.last_seq)
        status = 422 if filled.file_errors else refusal.status
        answer = rendered("messages/_composer.html", status, thread=show(actor, found), composer=filled)
        # Make the page fetch what it missed: the event that says who closed it, and the state in the header.
        is_closed = isinstance(refusal, ConversationClosed | DuplicateOpen)
        return with_events(answer, thread_changed={}) if is_closed else answer
    view = show(actor, threads.read_lines(found, limit=window(found)))
    return whole_page(actor, view, composer.refused(form, refusal, view.last_seq), refusal.status)


def since(actor: Actor, conversation_id: int) -> ResponseReturnValue:
    """Return the lines after the seq in `after` and other changes; 204 if there are none."""
    after = whole_number("after") or 0
    found = threads.get_head(actor, conversation_id)
    have = request.args.get("have")
    if request.args.get("here") == "1":  # the page is visible
        presence.come(actor, found.head)
    if after >= found.head.last_seq and (
        have is None or have == state_of(found, presence.list_others(actor, found.head.id))
    ):
        return Response(status=204)
    return update(actor, conversation_id, after, found, min(poll_state.removals_since(found, have or ""), WINDOW_MAX))


def update(
    actor: Actor, conversation_id: int, after: int, found: threads.Thread | None = None, removals: int = 0
) -> Response:
    """Return the fragment that updates a page whose last line is `after`; the whole thread if it missed too much.

    `removals` is how many files were removed since then: their places are updated.
    """
    found = found or threads.get_head(actor, conversation_id)
    if found.head.last_seq - after > WINDOW_MAX:
        view = show(actor, threads.read_lines(found, limit=window(found)))
        response = rendered("conversations/_thread.html", thread=view, composer=composer.fresh(view))
        response.headers["HX-Retarget"] = "#thread"
        response.headers["HX-Reswap"] = "outerHTML"
        return response
    # Also read the line shown last: its day and sender determine how the first new one looks.
    found = threads.read_lines(found, after=max(after - 1, 0), limit=WINDOW_MAX + 1)
    context = _take_context(found.lines, after)
    view = show(actor, found, context=context)
    if removals > 0:
        view.removed = recently_removed(conversation_id, removals)
    return rendered("messages/_update.html", thread=view, composer=composer.fresh(view))


def uploads() -> list[Upload]:
    """Return the files of a form. Refuses a file part sent as text, which would be lost silently."""
    if request.form.getlist("attachments") not in ([], [""]):
        raise AttachmentsRefused(FileRefused("name_invalid"))
    return [file for file in request.files.getlist("attachments") if file.filename or file.stream.read(1)]


def _send(actor: Actor, conversation_id: int, form: MessageForm, after: int | None, closes: bool) -> Sent | Waiting:
    """Send now, or after the sender's delay for undo. "Send anyway" is sent at once: they have just checked it."""
    seconds = signed_in.undo_send_seconds if request.form.get("anyway") != "1" else 0
    send_now_or_later = partial(send_later, seconds=seconds, close=closes) if seconds else messaging.send_message
    return send_now_or_later(
        actor,
        conversation_id,
        form.content.data or "",
        idempotency_key=form.idempotency_key.data or None,
        uploads=uploads(),
        limits=g.get("upload_limits"),
        seen=after,
        reopen=request.form.get("reopen") == "1",
    )


def _waits(actor: Actor, waiting: Waiting, after: int | None, closes: bool) -> ResponseReturnValue:
    """Respond to a delayed send. If it also closes and the next conversation opens, a toast offers the undo."""
    address = policy_of(actor).thread(waiting.conversation_id)
    if not is_htmx():
        return see_other(f"{address}#delayed-{waiting.id}")
    found = threads.get_head(actor, waiting.conversation_id)
    shown = update(actor, waiting.conversation_id, found.head.last_seq if after is None else after, found)
    events: dict[str, object] = {"message_sent": {}}
    if closes:
        events["toast"] = toast(_("Sending…"), undo=Undo(f"{address}/messages/{waiting.id}/undo", {}))
    return with_events(shown, **events)


def _guarded(actor: Actor, conversation_id: int, form: MessageForm, refusal: NewerMessages) -> ResponseReturnValue:
    """Return the composer with its text and what others have written since; with htmx also the new lines for the thread."""
    found = threads.get_head(actor, conversation_id)
    missed = found.head.last_seq - refusal.seen
    if not is_htmx() or missed > WINDOW_MAX:
        view = show(actor, threads.read_lines(found, limit=max(window(found), min(missed, WINDOW_MAX))))
        filled = composer.guarded(form, refusal, view)
        if not is_htmx():
            return whole_page(actor, view, filled, refusal.status)
        response = rendered("conversations/_thread.html", refusal.status, thread=view, composer=filled)
        response.headers["HX-Retarget"] = "#thread"
        return response
    found = threads.read_lines(found, after=max(refusal.seen - 1, 0), limit=WINDOW_MAX + 1)
    context = _take_context(found.lines, refusal.seen)
    view = show(actor, found, context=context)
    return rendered(
        "messages/_guarded.html", refusal.status, thread=view, composer=composer.guarded(form, refusal, view)
    )


def _answer(actor: Actor, sent: Sent, after: int) -> Response:
    """Return the fragment after a send: the lines since `after`, including the new one."""
    if sent.repeated or sent.seq - after > WINDOW_MAX:
        return update(actor, sent.conversation_id, after)
    lines = threads.read_sent(sent, max(after - 1, 0), WINDOW_MAX + 1)
    context = _take_context(lines, after)
    return rendered("messages/_update.html", thread=show_sent(actor, sent, lines, context))


def _take_context(lines: list[LineRow], after: int) -> LineRow | None:
    """Remove the line that the page already shows, read only for context, and return it."""
    return lines.pop(0) if lines and lines[0].seq <= after else None
