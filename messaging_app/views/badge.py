"""The unread badge, polled by every page."""

from __future__ import annotations

from flask import Response, make_response, render_template, request
from flask.typing import ResponseReturnValue

from messaging_app.actors import Actor
from messaging_app.htmx import sign_in


def unread_count(_actor: Actor) -> ResponseReturnValue:
    """The badge; 204 while `have` is still the number. The session's own statement has counted already."""
    unread = sign_in().unread
    if request.args.get("have") == str(unread):
        return Response(status=204)
    return make_response(render_template("_badge.html", unread=unread))
