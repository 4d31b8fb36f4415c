"""What the API says of itself: the OpenAPI document for programs, pages for people; neither needs a token."""

from __future__ import annotations

from flask import Flask, Response, render_template, request

from messaging_app.api import openapi, problems
from messaging_app.api.answers import BASE, etag_of


def init_app(app: Flask) -> None:
    """Mount both."""
    for path, view in (("openapi.json", describe), ("docs", read)):
        app.add_url_rule(
            f"{BASE}/{path}", f"api.{view.__name__}", view, methods=["GET"], provide_automatic_options=False
        )


def describe() -> Response:
    """The OpenAPI 3.1 document."""
    return _public(openapi.text(), "application/json")


def read() -> Response:
    """The same, to be read."""
    shown = {"document": openapi.document(), "problems": problems.KINDS, "resolve": _resolve, "base": BASE}
    return _public(render_template("api/docs.html", **shown), "text/html; charset=utf-8")


def _public(text: str, content_type: str) -> Response:
    response = Response(text, content_type=content_type)
    response.headers["Cache-Control"] = "no-cache"
    response.set_etag(etag_of(text))
    response.make_conditional(request)
    return response


def _resolve(node: dict[str, object]) -> dict[str, object]:
    """`node`, or what its `$ref` names."""
    while "$ref" in node:
        found: object = openapi.document()
        for part in str(node["$ref"]).removeprefix("#/").split("/"):
            found = found[part]  # type: ignore[index]
        node = found  # type: ignore[assignment]
    return node
