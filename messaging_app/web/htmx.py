"""Page or fragment: what htmx asked for, and what it is told besides the HTML."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import htmx_flask
from flask import Flask, Response, g, redirect, render_template, request
from flask_babel import gettext as _
from flask_login import current_user

from messaging_app.accounts.sessions import SignIn, role_of
from messaging_app.db.types import MAX_ID
from messaging_app.errors import FieldError, Invalid

make_response: Callable[..., Response] = htmx_flask.make_response  # typed: the library is not
signed_in = cast(SignIn, current_user)  # Flask-Login's, typed; the views behind a role's door always have one


def init_app(app: Flask) -> None:
    """Give every template the role, the actor, whose pages they are, and whether htmx asks."""
    app.context_processor(_context)


def is_htmx() -> bool:
    """Whether htmx wants a fragment; going back in history wants the page."""
    htmx = htmx_flask.request.htmx
    return bool(htmx) and not htmx.history_restore_request


def is_poll() -> bool:
    """A request that a page makes by itself: it gets a bare 401 when signed out and never prolongs a session."""
    return request.method == "GET" and (
        request.path.endswith(("/unread-count", "/events")) or "have" in request.args or "after" in request.args
    )


def rendered(template: str, status: int = 200, **context: Any) -> Response:
    """The response that `template` makes of `context` and of what every page is given (`_context`)."""
    return make_response(render_template(template, **context), status)


def page_or_fragment(page: str, fragment: str, *, status: int = 200, **context: Any) -> Response:
    """The fragment for htmx, the whole page otherwise, from the same context."""
    return rendered(fragment if is_htmx() else page, status, **context)


def with_events(response: Response, **events: Any) -> Response:
    """`response`, after whose swap htmx raises each of `events` on the page: `message_sent` becomes `message-sent`."""
    return make_response(response, trigger={name.replace("_", "-"): detail for name, detail in events.items()})


def toast(text: str, kind: str = "good") -> dict[str, str]:
    """A short notice for `with_events(…, toast=…)`; kind is good or danger."""
    return {"text": text, "kind": kind}


def see_other(address: str) -> Response:
    """Where a form goes on after it succeeded without JavaScript."""
    return make_response(redirect(address, 303))


def go_to(address: str) -> Response:
    """Send the whole browser to `address`: by redirect, or by htmx's header."""
    return make_response("", 204, redirect=address) if is_htmx() else see_other(address)


def whole_number(name: str, source: str = "args", default: int | None = None) -> int | None:
    """A number up to 2^63-1 in ASCII digits from the query or the form. Raises `Invalid` for anything else."""
    values = request.args if source == "args" else request.form
    text = values.get(name, "").strip()
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 19 and int(text) <= MAX_ID):
        raise Invalid(FieldError(name, "invalid", _("That number is not valid.")))
    return int(text)


def _context() -> dict[str, Any]:
    role = role_of(request)
    actor = signed_in if role and signed_in.is_authenticated else None
    return {
        "live_position": g.get("live_position", ""),
        "role": role,
        "actor": actor,
        "place": actor.store.name if actor and actor.store else _("Marketplace"),
        "is_htmx": is_htmx,
    }
