"""The unsubscribe link of every e-mail (RFC 8058): no sign-in, no cookie, only one conversation's switch."""

from __future__ import annotations

from flask import Flask
from flask.typing import ResponseReturnValue

from messaging_app.errors import NotFound
from messaging_app.mail import preferences
from messaging_app.web.htmx import rendered


def init_app(app: Flask) -> None:
    """Mount it outside the roles: the link works without a session."""
    app.add_url_rule("/unsubscribe/<token>", "unsubscribe.show", show, methods=["GET"])
    app.add_url_rule("/unsubscribe/<token>", "unsubscribe.stop", stop, methods=["POST"])


def show(token: str) -> ResponseReturnValue:
    """Ask first: malware scanners open links too."""
    if not preferences.is_unsubscribe_token(token):
        raise NotFound
    return _page(token, done=False)


def stop(token: str) -> ResponseReturnValue:
    """Turn off e-mail about one conversation for the person named by the token."""
    if not preferences.stop_mail(token):
        raise NotFound
    return _page(token, done=True)


def _page(token: str, *, done: bool) -> ResponseReturnValue:
    return rendered("unsubscribe.html", done=done, store=preferences.brand_of(token))
