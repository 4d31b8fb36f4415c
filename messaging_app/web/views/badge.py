"""The unread badge, polled by every page."""

from __future__ import annotations

from flask import Response, request
from flask.typing import ResponseReturnValue

from messaging_app.actors import Actor
from messaging_app.policies import policy_of
from messaging_app.services import poll_state
from messaging_app.web.htmx import rendered, signed_in


def unread_count(actor: Actor) -> ResponseReturnValue:
    """Return the badge, or 204 while `have` is its current state. The sign-in's query has already counted."""
    unread = signed_in.unread
    have = poll_state.of_count(unread, signed_in.waiting if policy_of(actor).has_team else None)
    if request.args.get("have") in (have, poll_state.of_count(unread)):
        return Response(status=204)
    return rendered("_badge.html", unread=unread)
