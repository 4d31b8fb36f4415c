"""The OpenAPI 3.1 document, generated from the table of endpoints and the models, once per process."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue, models_json_schema

from messaging_app.api import problems
from messaging_app.api.answers import BASE
from messaging_app.api.endpoints import ENDPOINTS, PATH, Endpoint
from messaging_app.api.examples import EXAMPLES
from messaging_app.api.reading import FILES, KEY_PATTERN, SEEN_MAX
from messaging_app.api.schemas import CONTENT_PATTERN, Problem
from messaging_app.files import BY_STORED
from messaging_app.models.message import IDEMPOTENCY_KEY_MAX
from messaging_app.policies import ROLES, RolePolicy

VERSION = "1.0.0"
ABOUT = """Conversations between a platform, its stores and their customers. A program can do and see exactly what its \
user can in the browser.

Every request needs `Authorization: Bearer TOKEN`; cookies are neither read nor set. A token acts as one user in one \
role, and for staff in one store. Times are UTC, RFC 3339, ending in `Z`. Unknown fields, query parameters and form \
parts are refused.

Problems are `application/problem+json` (RFC 9457) with a stable `code`. After 429 and 503 wait for `Retry-After` and \
send the same request again; with an `Idempotency-Key` a message is stored once, however often it is sent."""

TAGS = {
    "admin": "The platform's side, with an admin token: conversations with stores and with customers.",
    "store": "A store's side, with a store token: conversations with its customers and with the platform.",
    "storefront": "A customer's side, with a customer token: their own conversations.",
}
_REF = "#/components/schemas/{model}"
_EVERYWHERE = ("unauthenticated", "not_allowed", "invalid", "rate_limited", "internal_error", "unavailable")
_WITH_BODY = ("malformed", "too_large", "unsupported_media_type")
_HEADERS = {
    "ETag": "Send it back as `If-None-Match` to get 304 while nothing has changed.",
    "Link": 'The path of the next page, as `<…>; rel="next"`; absent on the last.',
    "Location": "The path of the new resource.",
    "RateLimit-Policy": 'Limits that apply: `"name";q=requests;w=seconds`. Absent where limits are switched off.',
    "RateLimit": 'What is left of them: `"name";r=requests;t=seconds until it is full again`.',
    "Retry-After": "Seconds to wait.",
    "WWW-Authenticate": "How to authenticate.",
    "Allow": "The methods of this address.",
}


class _Untitled(GenerateJsonSchema):
    """Schemas without the titles that Pydantic generates from field names."""

    def field_title_should_be_set(self, schema: object) -> bool:
        return False

    def get_title_from_name(self, name: str) -> str:
        return name


@cache
def document() -> JsonSchemaValue:
    """Return the whole document."""
    paths: dict[str, JsonSchemaValue] = {}
    for role in ROLES.values():
        for endpoint in ENDPOINTS:
            if role in endpoint.roles:
                at = paths.setdefault(BASE + endpoint.mounted_at(role), {})
                at[endpoint.method.lower()] = _operation(endpoint, role)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Messages",
            "version": VERSION,
            "description": ABOUT,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "security": [{"token": []}],
        "tags": [{"name": name, "description": text} for name, text in TAGS.items()],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A token from the page API tokens, or from `flask token create`.",
                }
            },
            "schemas": _schemas(),
            "headers": {name: {"description": text, "schema": {"type": "string"}} for name, text in _HEADERS.items()},
            "responses": {code: _problem(code) for code in problems.KINDS},
        },
    }


@cache
def text() -> str:
    """Return the document as JSON."""
    return json.dumps(document(), ensure_ascii=False)


def operation_id(role: RolePolicy, name: str) -> str:
    """Return the stable name of an operation."""
    return f"{role.name}_{name}"


def codes_of(endpoint: Endpoint) -> list[str]:
    """Return every problem code that this endpoint may return."""
    codes = {*_EVERYWHERE, *endpoint.problems}
    codes |= {"not_found"} if "{" in endpoint.path else set()
    codes |= set(_WITH_BODY) if endpoint.method in ("POST", "PUT") else set()
    return [code for code in problems.KINDS if code in codes]


def _operation(endpoint: Endpoint, role: RolePolicy) -> JsonSchemaValue:
    operation: JsonSchemaValue = {
        "operationId": operation_id(role, endpoint.name),
        "tags": [role.name],
        "summary": endpoint.summary,
        "description": endpoint.description or f"{endpoint.summary}.",
        "parameters": _parameters(endpoint, role),
        "responses": {str(endpoint.status): _success(endpoint, role)},
    }
    for other, about in endpoint.also.items():
        operation["responses"][str(other)] = operation["responses"][str(endpoint.status)] | {"description": about}
    if endpoint.body:
        operation["requestBody"] = {"required": endpoint.body_required, "content": _content(endpoint, endpoint.body)}
    if endpoint.conditional:
        unchanged = "Nothing has changed since the response with this ETag."
        operation["responses"]["304"] = {"description": unchanged, "headers": _headers("ETag", "RateLimit")}
    by_status: dict[str, list[str]] = {}
    for code in codes_of(endpoint):
        by_status.setdefault(str(problems.KINDS[code].status), []).append(code)
    for status, codes in by_status.items():
        one = {"$ref": f"#/components/responses/{codes[0]}"}
        operation["responses"][status] = one if len(codes) == 1 else _problem(*codes)
    return operation


def _parameters(endpoint: Endpoint, role: RolePolicy) -> list[dict[str, object]]:
    found: list[dict[str, object]] = [
        {"name": name, "in": "path", "required": True, "description": place.about}
        | {"schema": dict(place.schema), "example": place.example}
        for name, place in PATH.items()
        if f"{{{name}}}" in endpoint.path
    ]
    query = endpoint.query_of(role)
    if query:
        schema = query.model_json_schema(schema_generator=_Untitled)
        for name, field in schema["properties"].items():
            about = field.pop("description")
            if field.get("default", "") is None:
                del field["default"]
            found.append({"name": name, "in": "query", "description": about, "schema": field})
    if endpoint.keyed:
        about = (
            "Your own unique name for this request, such as a UUID. It never expires: repeating it never sends twice."
        )
        key = {"type": "string", "minLength": 1, "maxLength": IDEMPOTENCY_KEY_MAX, "pattern": KEY_PATTERN}
        found.append({"name": "Idempotency-Key", "in": "header", "description": about, "schema": key})
    if endpoint.guarded:
        about = "The last `seq` that the sender has seen. If others have written since, nothing is sent: 409."
        found.append(
            {
                "name": "If-Seq-Match",
                "in": "header",
                "description": about,
                "schema": {"type": "integer", "minimum": 0, "maximum": SEEN_MAX},
            }
        )
    if endpoint.conditional:
        about = "The `ETag` of the last response you have."
        found.append({"name": "If-None-Match", "in": "header", "description": about, "schema": {"type": "string"}})
    return found


def _content(endpoint: Endpoint, body: type[BaseModel]) -> JsonSchemaValue:
    content = {"application/json": {"schema": _ref(body), "example": EXAMPLES[body.__name__]}}
    if endpoint.form:
        kinds = ", ".join(sorted({kind.mime for kind in BY_STORED.values()}))
        content["multipart/form-data"] = {"schema": _ref(endpoint.form), "encoding": {FILES: {"contentType": kinds}}}
    return content


def _success(endpoint: Endpoint, role: RolePolicy) -> JsonSchemaValue:
    names = ["ETag"] if endpoint.conditional else []
    names += ["Link"] if endpoint.query and "limit" in endpoint.query.model_fields else []
    names += ["Location"] if endpoint.name == "create_conversation" else []
    success: JsonSchemaValue = {
        "description": endpoint.summary,
        "headers": _headers(*names, "RateLimit-Policy", "RateLimit"),
    }
    if answer := endpoint.answer_of(role):
        success["content"] = {"application/json": {"schema": _ref(answer), "example": EXAMPLES[answer.__name__]}}
    elif endpoint.status == 200:
        success["content"] = {kind: {"schema": {"type": "string", "format": "binary"}} for kind in endpoint.media_types}
    else:
        success["description"] = "Done; the response has no body."
    links = {name: _link(role, name, given) for name, given in endpoint.links.items() if _has(role, name)}
    return success | ({"links": links} if links else {})


def _has(role: RolePolicy, name: str) -> bool:
    return any(endpoint.name == name and role in endpoint.roles for endpoint in ENDPOINTS)


def _link(role: RolePolicy, name: str, given: Any) -> JsonSchemaValue:
    link: dict[str, object] = {"operationId": operation_id(role, name)}
    if "body" in given:
        parts = ("recipient_type", "recipient_id")
        return link | {"requestBody": {part: f"{given['body']}/{part}" for part in parts}}
    endpoint = next(endpoint for endpoint in ENDPOINTS if endpoint.name == name)
    return link | {"parameters": {key: value for key, value in given.items() if f"{{{key}}}" in endpoint.path}}


def _problem(*codes: str) -> JsonSchemaValue:
    kinds = [problems.KINDS[code] for code in codes]
    names = {401: ("WWW-Authenticate",), 405: ("Allow",), 429: ("Retry-After", "RateLimit"), 503: ("Retry-After",)}
    examples = {
        code: {"summary": kind.title, "value": problems.example(code)} for code, kind in zip(codes, kinds, strict=True)
    }
    content = {problems.MEDIA_TYPE: {"schema": _ref(Problem), "examples": examples}}
    described = {
        "description": " ".join(f"`{code}`: {problems.KINDS[code].title}." for code in codes),
        "content": content,
    }
    headers = _headers(*names.get(kinds[0].status, ()))
    return described | ({"headers": headers} if headers else {})


def _headers(*names: str) -> JsonSchemaValue:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _ref(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": _REF.format(model=model.__name__)}


def _schemas() -> JsonSchemaValue:
    incoming = {model for endpoint in ENDPOINTS for model in (endpoint.body, endpoint.form) if model}
    outgoing = {answer for endpoint in ENDPOINTS for role in endpoint.roles if (answer := endpoint.answer_of(role))} | {
        Problem
    }
    made: JsonSchemaValue = {}
    for models, mode in ((incoming, "validation"), (outgoing, "serialization")):
        wanted: Any = [(model, mode) for model in sorted(models, key=lambda model: model.__name__)]
        made |= models_json_schema(wanted, ref_template=_REF, schema_generator=_Untitled)[1]["$defs"]
    for name, schema in made.items():
        schema.pop("title", None)
        if name in EXAMPLES:
            schema["examples"] = [EXAMPLES[name]]
    for name in ("ConversationCreate", "ConversationCreateForm"):
        made[name]["anyOf"] = [_pair("store", "admin_store"), _pair("customer", "store_customer", "admin_customer")]
    for endpoint in ENDPOINTS:
        if endpoint.form:
            _add_files(made[endpoint.form.__name__])
    return dict(sorted(made.items()))


def _pair(recipient: str, *kinds: str) -> JsonSchemaValue:
    return {"properties": {"recipient_type": {"const": recipient}, "conversation_type": {"enum": list(kinds)}}}


def _add_files(schema: JsonSchemaValue) -> None:
    about = (
        "Files to send with the message; how many and how large is the platform's setting (10 of 10 MB unless changed)."
    )
    file = {"type": "string", "format": "binary"}
    schema["properties"][FILES] = {"type": "array", "items": file, "maxItems": 50, "description": about}
    words = {"required": ["content"], "properties": {"content": {"minLength": 1, "pattern": CONTENT_PATTERN}}}
    either = {"anyOf": [words, {"required": [FILES], "properties": {FILES: {"minItems": 1}}}]}
    schema["allOf"] = [*([{"anyOf": schema.pop("anyOf")}] if "anyOf" in schema else []), either]
