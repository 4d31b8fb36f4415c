"""The e-mail switch of one conversation."""

from __future__ import annotations

from flask import request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from messaging_app.actors import Actor
from messaging_app.errors import FieldError, Invalid
from messaging_app.policies import policy_of
from messaging_app.services import messaging, threads
from messaging_app.web.htmx import is_htmx, rendered, see_other, toast, with_events
from messaging_app.web.views.thread import show


def set_mail(actor: Actor, conversation_id: int) -> ResponseReturnValue:
    """Set the switch to the form's value: true or false. Both together count as true, for plain checkboxes."""
    values = request.form.getlist("email_notifications")
    if not values or not set(values) <= {"true", "false"}:
        raise Invalid(FieldError("email_notifications", "invalid", _("E-mail is either on or off.")))
    wanted = "true" in values
    messaging.set_email_notifications(actor, conversation_id, wanted)
    if not is_htmx():
        return see_other(policy_of(actor).thread(conversation_id))
    thread = show(actor, threads.get_head(actor, conversation_id))
    sentence = (
        _("You will get e-mail about this conversation.") if wanted else _("No more e-mail about this conversation.")
    )
    return with_events(rendered("messages/_preferences.html", thread=thread), toast=toast(sentence))
