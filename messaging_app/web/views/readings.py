"""Marking as read: a separate request, so that no GET writes."""

from __future__ import annotations

from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from messaging_app.actors import Actor
from messaging_app.errors import FieldError, Invalid
from messaging_app.policies import policy_of
from messaging_app.services import inboxes, messaging
from messaging_app.web.htmx import is_htmx, rendered, see_other, whole_number, with_events


def mark_read(actor: Actor, conversation_id: int) -> ResponseReturnValue:
    """Move the reader's seat to `up_to`, the last line shown. Returns the badge."""
    up_to = whole_number("up_to", "form")
    if up_to is None:  # the service would read None as everything
        raise Invalid(FieldError("up_to", "required", _("Name the last message that was read.")))
    left = messaging.mark_conversation_read(actor, conversation_id, up_to)
    if not is_htmx():
        return see_other(policy_of(actor).thread(conversation_id))
    unread = inboxes.get_unread_count(actor)
    response = rendered("messages/_read.html", unread=unread)
    return with_events(response, conversation_read={"id": conversation_id, "unread": left})
