"""The API's documentation: the OpenAPI document for programs, and pages generated from it. Neither needs a token."""

from __future__ import annotations

import json
from functools import cache

from flask import Flask, Response, render_template, request
from pydantic.json_schema import JsonSchemaValue

from messaging_app.api import openapi, problems
from messaging_app.api.answers import BASE
from messaging_app.api.endpoints import ENDPOINTS


def init_app(app: Flask) -> None:
    """Mount both."""
    for path, view in (("openapi.json", describe), ("docs", read)):
        rule, name = f"{BASE}/{path}", f"api.{view.__name__}"
        app.add_url_rule(rule, name, view, methods=["GET"], provide_automatic_options=False)


def describe() -> Response:
    """The OpenAPI 3.1 document."""
    return _public(openapi.text(), "application/json")


def read() -> Response:
    """The OpenAPI document as a page."""
    shown = {
        "document": openapi.document(),
        "operations": _operations(),
        "problems": problems.KINDS,
        "resolve": _resolve,
        "kind_of": kind_of,
        "pretty": _pretty,
    }
    return _public(render_template("api/docs.html", **shown), "text/html; charset=utf-8")


def kind_of(schema: JsonSchemaValue) -> str:
    """Describe a schema in a few words: "integer, 1 to 100", "one of open, closed", "list of MessageResponse"."""
    if "$ref" in schema:
        return str(schema["$ref"]).rsplit("/", 1)[1]
    if "anyOf" in schema:
        return " or ".join(kind_of(part) for part in schema["anyOf"])
    if "enum" in schema:
        return f"one of {', '.join(map(str, schema['enum']))}"
    if "const" in schema:
        return f"always {schema['const']}"
    if schema.get("type") == "array":
        return f"list of {kind_of(schema['items'])}"
    name = {"date-time": "time", "binary": "file"}.get(schema.get("format", ""), str(schema.get("type", "anything")))
    if "minimum" in schema and schema.get("maximum", 2**63) < 2**53:
        name += f", {schema['minimum']} to {schema['maximum']}"
    if "maxLength" in schema:
        name += f", at most {schema['maxLength']:,} characters"
    return name


@cache
def _operations() -> list[JsonSchemaValue]:
    """List each operation once, with its path for every role that has it."""
    paths = openapi.document()["paths"]
    found = []
    for endpoint in ENDPOINTS:
        addresses = {role.name: BASE + endpoint.mounted_at(role) for role in endpoint.roles}
        shown = paths[next(iter(addresses.values()))][endpoint.method.lower()]
        found.append({"name": endpoint.name, "method": endpoint.method, "addresses": addresses, "shown": shown})
    return found


def _public(text: str, content_type: str) -> Response:
    response = Response(text, content_type=content_type)
    response.headers["Cache-Control"] = "no-cache"
    response.add_etag()
    response.make_conditional(request)
    return response


def _resolve(node: JsonSchemaValue) -> JsonSchemaValue:
    """Return `node`, or the target of its `$ref`."""
    while "$ref" in node:
        found = openapi.document()
        for part in str(node["$ref"]).removeprefix("#/").split("/"):
            found = found[part]
        node = found
    return node


def _pretty(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
