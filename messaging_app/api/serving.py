"""From the table to routes: the steps of every request, in one order for all."""

from __future__ import annotations

import re
from collections.abc import Callable

from flask import Blueprint, Flask, Response, g, request
from werkzeug.routing import PathConverter, UnicodeConverter

from messaging_app.accounts import tokens
from messaging_app.accounts.last_use import note_use
from messaging_app.api import rates, reading
from messaging_app.api.answers import BASE, Answer, is_held, link_to_next
from messaging_app.api.endpoints import ENDPOINTS, PATH, Endpoint
from messaging_app.api.problems import Unauthenticated, is_for_program
from messaging_app.api.schemas import NoQuery, Nothing
from messaging_app.errors import NotAllowed
from messaging_app.models import ApiToken
from messaging_app.policies import RolePolicy
from messaging_app.web.bodies import sender_is_known

_BEARER = re.compile(r"(?i:bearer) +([!-~]+) *")
_UNDER_A_NUMBER = sorted({under for one in ENDPOINTS if (under := one.path.partition("{reference}")[2])})
_PLACE = re.compile(r"\{(\w+)\}")


class WordConverter(UnicodeConverter):
    """A path segment without NUL, which databases reject."""

    regex = "[^/\\0]+"


class WordsConverter(PathConverter):
    """The same, with slashes: `2026/4711` is a valid order number. The rest of the route's path is not part of it."""

    regex = r"[^/\0][^\0]*?" + "".join(f"(?<!{re.escape(address)})" for address in _UNDER_A_NUMBER)


def init_app(app: Flask) -> None:
    """Mount every endpoint for every role that has it."""
    app.url_map.converters.update(word=WordConverter, words=WordsConverter)
    blueprint = Blueprint("api", __name__, url_prefix=BASE)
    for endpoint in ENDPOINTS:
        rule = _PLACE.sub(lambda place: f"<{PATH[place[1]].converter}:{PATH[place[1]].argument}>", endpoint.path)
        for role in endpoint.roles:
            blueprint.add_url_rule(
                f"/{role.name}{rule}",
                f"{role.name}_{endpoint.name}",
                _view(endpoint, role),
                methods=[endpoint.method],
                provide_automatic_options=False,
            )
    app.register_blueprint(blueprint)
    app.after_request(_finish)


def _view(endpoint: Endpoint, role: RolePolicy) -> Callable[..., Response]:
    query = endpoint.query_of(role)

    def view(**path: int | str) -> Response:
        actor = authenticate(role).actor
        if endpoint.limit:
            rates.count(endpoint.limit, actor.type, actor.id)
        given: dict[str, object] = dict(path)
        asked = reading.read_query(query or NoQuery)
        if query:
            given["query"] = asked
        if endpoint.keyed:
            given["key"] = reading.read_key()
        if endpoint.guarded:
            given["seen"] = reading.read_seen()
        if endpoint.form and request.mimetype == "multipart/form-data":
            given["body"], given["uploads"] = reading.read_form(endpoint.form)
        elif endpoint.body:
            given["body"] = reading.read_json(endpoint.body, required=endpoint.body_required)
            if endpoint.form:
                given["uploads"] = []
        elif endpoint.method == "POST":
            reading.read_json(Nothing, required=False)
        answer = endpoint.run(actor, **given)
        return _respond(endpoint, answer) if isinstance(answer, Answer) else answer

    return view


def authenticate(role: RolePolicy) -> tokens.Bearer:
    """Return the token of the request.

    Raises `Unauthenticated`, `NotAllowed` for a token of another role, `RateLimited`. One statement; at most once in
    five minutes a second one records the use.
    """
    credentials = _BEARER.fullmatch(request.headers.get("Authorization", ""))
    bearer = tokens.find_bearer(credentials[1]) if credentials else None
    if bearer is None:
        raise Unauthenticated
    g.actor = bearer.actor  # for the log
    sender_is_known()
    rates.count("requests", bearer.token_id)
    if bearer.actor.type != role.actor_type:
        raise NotAllowed
    note_use(ApiToken, bearer.token_id, bearer.last_used_at)
    return bearer


def _respond(endpoint: Endpoint, answer: Answer) -> Response:
    text = answer.body.model_dump_json(exclude_unset=True) if answer.body is not None else ""
    if answer.etag and is_held(answer.etag):
        response = Response(status=304)
    else:
        response = Response(text, status=answer.status or endpoint.status, content_type="application/json")
    if answer.etag:
        response.set_etag(answer.etag)
    if not response.get_data():
        del response.headers["Content-Type"]
    if answer.location:
        response.headers["Location"] = answer.location
    if answer.next_page:
        response.headers["Link"] = link_to_next(answer.next_page)
    return response


def _finish(response: Response) -> Response:
    """Complete every response under /api: not cacheable by proxies, with the remaining rate limits."""
    if is_for_program():
        if "Cache-Control" not in response.headers or response.headers.get("Vary") == "Cookie":
            response.headers["Cache-Control"] = "private, no-store"
            response.headers["Vary"] = "Authorization"
        rates.add_headers(response)
    return response
