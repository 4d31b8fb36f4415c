"""Page or fragment: what htmx asked for, and what it is told besides the HTML."""

from __future__ import annotations

import hmac
import json
from functools import lru_cache
from typing import Any

from flask import Flask, Response, make_response, redirect
from flask_babel import gettext as _
from flask_wtf.csrf import generate_csrf
from itsdangerous import BadData, URLSafeTimedSerializer

from messaging_app.accounts.sessions import SignIn, role_of
from messaging_app.db.engine import MAX_ID
from messaging_app.errors import FieldError, Invalid
from messaging_app.extensions import login
from messaging_app.here import app_here, g_here, loaded_here, request_here, session_here
from messaging_app.policies import RolePolicy

HTML = "text/html; charset=utf-8"


def init_app(app: Flask) -> None:
    """Give every template the role, the actor, whose pages they are, and whether htmx asks."""
    app.context_processor(_context)


def csrf_token() -> str:
    """The CSRF token of this session. It does not expire (see `create_app`), so one signature serves all its pages."""
    raw = session_here().get("csrf_token")
    return str(generate_csrf()) if raw is None else _signed(str(app_here().secret_key), raw)


def is_csrf_token(given: str) -> bool:
    """Whether `given` was made for this session. Each process signs at its own moment, so there are several that were."""
    try:
        raw = _unsigned(str(app_here().secret_key), given)
    except BadData:
        return False
    return hmac.compare_digest(raw, session_here().get("csrf_token", ""))


@lru_cache(maxsize=4_096)
def _signed(secret_key: str, raw: str) -> str:
    return str(_serializer(secret_key).dumps(raw))


@lru_cache(maxsize=4_096)  # of what was signed by us, and by nobody else
def _unsigned(secret_key: str, given: str) -> str:
    return str(_serializer(secret_key).loads(given))


def _serializer(secret_key: str) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(secret_key, salt="wtf-csrf-token")  # as Flask-WTF makes and reads them


def is_htmx() -> bool:
    """Whether htmx wants a fragment; going back in history wants the page."""
    asked = request_here().htmx  # type: ignore[attr-defined] # put there by htmx-flask
    return bool(asked) and not asked.history_restore_request


def is_poll() -> bool:
    """A request that a page makes by itself: it gets a bare 401 when signed out and never prolongs a session."""
    asked = request_here()
    return asked.method == "GET" and (
        asked.path.endswith(("/unread-count", "/events")) or "have" in asked.args or "after" in asked.args
    )


def sign_in() -> SignIn:
    """Who is signed in; views behind a role's door always have one."""
    found = loaded_here()
    if found is None:
        login._load_user()  # as `current_user` does, after a dozen steps that find out where it is
        found = loaded_here()
    return found  # type: ignore[no-any-return]


def rendered(template: str, status: int = 200, **context: Any) -> Response:
    """The answer that `template` makes of `context`, and of what every page is given (`_context`).

    Not by Flask's `render_template`, which asks a row of processors for things that no page of ours shows.
    """
    page = app_here().jinja_env.get_template(template).render({**_context(), **context})
    return Response(page, status, content_type=HTML)


def page_or_fragment(page: str, fragment: str, *, status: int = 200, **context: Any) -> Response:
    """The fragment for htmx, the whole page otherwise, from the same context."""
    return rendered(fragment if is_htmx() else page, status, **context)


def tell(response: Response, **events: Any) -> Response:
    """Let the browser know: htmx raises each of `events` on the page after the swap."""
    response.headers["HX-Trigger"] = json.dumps({name.replace("_", "-"): detail for name, detail in events.items()})
    return response


def toast(text: str, kind: str = "good") -> dict[str, str]:
    """A short notice for `tell(..., toast=...)`; kind is good or danger."""
    return {"text": text, "kind": kind}


def done(address: str) -> Response:
    """See other: where a form without JavaScript goes on."""
    return redirect(address, 303)  # type: ignore[return-value] # werkzeug's Response, Flask's at run time


def go(address: str) -> Response:
    """The whole browser goes to `address`: by redirect, or by htmx's header."""
    if not is_htmx():
        return done(address)
    response = make_response("", 204)
    response.headers["HX-Redirect"] = address
    return response


def whole_number(name: str, source: str = "args", default: int | None = None) -> int | None:
    """A number up to 2^63-1 in ASCII digits from the query or the form. Raises `Invalid` for anything else."""
    asked = request_here()
    values = asked.args if source == "args" else asked.form
    text = values.get(name, "").strip()
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 19 and int(text) <= MAX_ID):
        raise Invalid(FieldError(name, "invalid", _("This is not a number of ours.")))
    return int(text)


def _context() -> dict[str, Any]:
    asked = request_here()
    role: RolePolicy | None = role_of(asked)
    signed_in: Any = sign_in() if role else None
    actor = signed_in if isinstance(signed_in, SignIn) else None
    token = ""

    def token_once() -> str:  # a thread has four forms
        nonlocal token
        token = token or csrf_token()
        return token

    return {
        "request": asked,
        "live_position": g_here().get("live_position", ""),
        "role": role,
        "actor": actor,
        "place": actor.store.name if actor and actor.store else _("Marketplace"),
        "is_htmx": is_htmx,
        "csrf_token": token_once,
    }
