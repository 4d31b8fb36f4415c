"""Closing and reopening a conversation."""

from __future__ import annotations

from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from messaging_app.actors import Actor
from messaging_app.errors import DuplicateOpen
from messaging_app.policies import policy_of
from messaging_app.services import messaging
from messaging_app.web.forms.messages import MessageForm
from messaging_app.web.htmx import is_htmx, see_other, toast, whole_number, with_events
from messaging_app.web.views.messages import refused, update


def close(actor: Actor, conversation_id: int) -> ResponseReturnValue:
    """Close a conversation and add the event to the thread."""
    messaging.close_conversation(actor, conversation_id)
    return _answer(actor, conversation_id, _("Conversation closed."))


def reopen(actor: Actor, conversation_id: int) -> ResponseReturnValue:
    """Reopen a conversation and add the event to the thread. Redirects to an open one about the same context."""
    try:
        messaging.reopen_conversation(actor, conversation_id)
    except DuplicateOpen as refusal:
        return refused(actor, conversation_id, MessageForm(), refusal, whole_number("after", "form"))
    return _answer(actor, conversation_id, _("Conversation reopened."))


def _answer(actor: Actor, conversation_id: int, sentence: str) -> ResponseReturnValue:
    if not is_htmx():
        return see_other(policy_of(actor).thread(conversation_id))
    after = whole_number("after", "form") or 0
    return with_events(update(actor, conversation_id, after), toast=toast(sentence), conversations_changed=True)
