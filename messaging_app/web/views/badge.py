"""The unread badge, polled by every page."""

from __future__ import annotations

from flask import Response, current_app, request
from flask.typing import ResponseReturnValue

from messaging_app.actors import Actor
from messaging_app.policies import policy_of
from messaging_app.web.htmx import signed_in


def unread_count(actor: Actor) -> ResponseReturnValue:
    """The badge; 204 while `have` is still the number. The session's own statement has counted already."""
    unread = signed_in.unread
    if request.args.get("have") == str(unread):
        return Response(status=204)
    badge: str = current_app.extensions["pieces"].badge(unread, policy_of(actor).messages)
    return Response(badge)
