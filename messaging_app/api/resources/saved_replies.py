"""The saved replies of a team."""

from __future__ import annotations

from messaging_app.actors import Actor
from messaging_app.api import schemas as s
from messaging_app.api.answers import Answer
from messaging_app.models import SavedReply
from messaging_app.services import saved_replies


def list_saved_replies(actor: Actor) -> Answer:
    """Every saved reply that the token may use."""
    found = [_saved_reply(reply) for reply in saved_replies.list_replies(actor)]
    return Answer(s.SavedReplyListResponse(saved_replies=found))


def create_saved_reply(actor: Actor, body: s.SavedReplyUpdate) -> Answer:
    """Create a reply for the token's team."""
    return Answer(_saved_reply(saved_replies.create_reply(actor, body.name, body.text)))


def change_saved_reply(actor: Actor, reply_id: int, body: s.SavedReplyUpdate) -> Answer:
    """Change the name and text of a saved reply."""
    return Answer(_saved_reply(saved_replies.change_reply(actor, reply_id, body.name, body.text)))


def delete_saved_reply(actor: Actor, reply_id: int) -> Answer:
    """Delete a saved reply."""
    saved_replies.delete_reply(actor, reply_id)
    return Answer()


def _saved_reply(reply: SavedReply) -> s.SavedReplyResponse:
    return s.SavedReplyResponse(id=reply.id, name=reply.name, text=reply.text, scope=reply.scope, used=reply.used)
