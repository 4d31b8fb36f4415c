"""Page or fragment: what htmx requested, and the events that a response triggers."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, cast

import htmx_flask
from flask import Flask, Response, g, redirect, render_template, request
from flask_babel import gettext as _
from flask_login import current_user

from messaging_app.accounts.cookies import role_of
from messaging_app.accounts.signed_in import SignIn
from messaging_app.db.types import is_number
from messaging_app.errors import FieldError, Invalid
from messaging_app.policies import navigation

make_response: Callable[..., Response] = htmx_flask.make_response  # typed, unlike the library
signed_in = cast(SignIn, current_user)  # Flask-Login's, typed; always set in views behind a role's sign-in


def init_app(app: Flask) -> None:
    """Provide the role, the actor and whether htmx made the request to every template."""
    app.context_processor(_context)


def is_htmx() -> bool:
    """Whether htmx wants a fragment; history navigation wants the whole page."""
    htmx = htmx_flask.request.htmx
    return bool(htmx) and not htmx.history_restore_request


def is_poll() -> bool:
    """Whether the page made this request by itself: it gets a bare 401 when signed out and never extends a session."""
    return request.method == "GET" and (
        request.path.endswith(("/unread-count", "/events")) or "have" in request.args or "after" in request.args
    )


def rendered(template: str, status: int = 200, **context: object) -> Response:
    """Return the response of `template` with `context` and the context of every page (`_context`)."""
    return make_response(render_template(template, **context), status)


def page_or_fragment(page: str, fragment: str, *, status: int = 200, **context: object) -> Response:
    """Return the fragment for htmx, otherwise the whole page, from the same context."""
    return rendered(fragment if is_htmx() else page, status, **context)


def with_events(response: Response, **events: object) -> Response:
    """Make htmx trigger each of `events` on the page after the swap: `message_sent` becomes `message-sent`."""
    return make_response(response, trigger={name.replace("_", "-"): detail for name, detail in events.items()})


class Undo(NamedTuple):
    """The request that undoes an action: a POST of `values` to `address`."""

    address: str
    values: dict[str, str]


def toast(text: str, kind: str = "good", undo: Undo | None = None) -> dict[str, object]:
    """Return a short notice for `with_events(…, toast=…)`; kind is good or danger. With `undo` it has a button."""
    return {"text": text, "kind": kind} | ({"undo": undo._asdict()} if undo else {})


def see_other(address: str) -> Response:
    """Return the redirect after a successful form without JavaScript."""
    return make_response(redirect(address, 303))


def go_to(address: str) -> Response:
    """Redirect the whole browser to `address`, using htmx's header if needed."""
    return make_response("", 204, redirect=address) if is_htmx() else see_other(address)


def whole_number(name: str, source: str = "args", default: int | None = None) -> int | None:
    """Return a number up to 2^63-1 in ASCII digits from the query or the form. Raises `Invalid` for anything else."""
    values = request.args if source == "args" else request.form
    text = values.get(name, "").strip()
    if not text:
        return default
    if not is_number(text):
        raise Invalid(FieldError(name, "invalid", _("That number is not valid.")))
    return int(text)


def _context() -> dict[str, object]:
    role = role_of(request)
    actor = signed_in if role and signed_in.is_authenticated else None
    return {
        "live_position": g.get("live_position", ""),
        "role": role,
        "actor": actor,
        "console": navigation(actor.actor) if actor else [],
        "place": actor.store.name if actor and actor.store else _("Marketplace"),
        "is_htmx": is_htmx,
    }
