"""The state that one side, or one user, sets for conversations: assignee, snooze, e-mail and so on."""

from __future__ import annotations

from messaging_app.actors import Actor
from messaging_app.api import schemas as s
from messaging_app.api.answers import Answer
from messaging_app.api.resources.conversations import summary_now
from messaging_app.services import assignment, bulk, messaging, turns


def rule_reply_out(actor: Actor, conversation_id: int) -> Answer:
    """No reply needed. Saying so again changes nothing."""
    turns.rule_reply_out(actor, conversation_id)
    return summary_now(actor, conversation_id)


def expect_reply(actor: Actor, conversation_id: int) -> Answer:
    """A reply is needed after all."""
    turns.expect_reply(actor, conversation_id)
    return summary_now(actor, conversation_id)


def assign(actor: Actor, conversation_id: int, body: s.AssigneeUpdate) -> Answer:
    """Assign a conversation to a colleague, to oneself, or to nobody."""
    assignment.assign(actor, conversation_id, body.user_id)
    return summary_now(actor._replace(sees_all=True), conversation_id)  # the actor may no longer see it


def snooze(actor: Actor, conversation_id: int, body: s.SnoozeUpdate) -> Answer:
    """Snooze a conversation, or end the snooze."""
    turns.snooze(actor, conversation_id, body.until)
    return summary_now(actor, conversation_id)


def act_on_many(actor: Actor, body: s.BulkUpdate) -> Answer:
    """Apply one action to several conversations."""
    outcomes = bulk.act(actor, body.ids, body.action, user_id=body.user_id, until=body.until)
    results = [{"id": one.id, "status": one.status} | ({"code": one.code} if one.code else {}) for one in outcomes]
    return Answer(s.BulkResponse.model_validate({"results": results}))


def set_preferences(actor: Actor, conversation_id: int, body: s.PreferencesUpdate) -> Answer:
    """Turn e-mail about this conversation on or off for the actor."""
    messaging.set_email_notifications(actor, conversation_id, body.email_notifications)
    return Answer(s.PreferencesResponse(email_notifications=body.email_notifications))
