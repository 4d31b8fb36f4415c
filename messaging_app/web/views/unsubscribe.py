"""The way out of mail that every mail carries (RFC 8058): no sign-in, no cookie, one conversation's switch only."""

from __future__ import annotations

from flask import Flask
from flask.typing import ResponseReturnValue

from messaging_app.errors import NotFound
from messaging_app.mail import preferences
from messaging_app.web.htmx import rendered


def init_app(app: Flask) -> None:
    """Mount it outside the roles: who holds the link needs no session."""
    app.add_url_rule("/unsubscribe/<token>", "unsubscribe.show", show, methods=["GET"])
    app.add_url_rule("/unsubscribe/<token>", "unsubscribe.stop", stop, methods=["POST"])


def show(token: str) -> ResponseReturnValue:
    """Ask first: a link may be opened by a program that looks for malware."""
    if not preferences.is_unsubscribe_token(token):
        raise NotFound
    return _page(token, done=False)


def stop(token: str) -> ResponseReturnValue:
    """Switch off mail about the one conversation for the one person that the token names."""
    if not preferences.stop_mail(token):
        raise NotFound
    return _page(token, done=True)


def _page(token: str, *, done: bool) -> ResponseReturnValue:
    return rendered("unsubscribe.html", done=done, store=preferences.brand_of(token))
