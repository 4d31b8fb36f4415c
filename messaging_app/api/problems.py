"""Every error under /api, in the format of RFC 9457: a stable `code` for programs, advice for the reader.

No response contains a trace, a file path or a version. A missing and an invisible record return the same bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus

from flask import Response, request
from werkzeug.exceptions import HTTPException

from messaging_app.api.schemas import FieldProblem, MessageResponse, Problem
from messaging_app.db.types import Fields
from messaging_app.errors import ConversationClosed, DuplicateOpen, FieldError, Refusal, Unavailable

MEDIA_TYPE = "application/problem+json"
EXPLAINED_AT = "/api/v1/docs#"
MOST_ERRORS = 50


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of problem. `detail` is the default advice."""

    status: int
    title: str
    detail: str


KINDS = {
    "malformed": Kind(400, "The request cannot be read", "Send well-formed JSON in UTF-8, or well-formed form data."),
    "unauthenticated": Kind(
        401, "No valid token", "Send the header `Authorization: Bearer TOKEN` with a token that has not ended."
    ),
    "not_allowed": Kind(403, "Not allowed", "This token can see this, but not do that. Use a token of the right role."),
    "not_found": Kind(404, "Not found", "There is nothing at this address that this token may see."),
    "method_not_allowed": Kind(405, "Method not allowed", "The header `Allow` lists the methods of this address."),
    "conversation_closed": Kind(
        409,
        "The conversation is closed",
        "Nothing was sent. Only the store or the platform can reopen it.",
    ),
    "duplicate_open": Kind(
        409,
        "Another conversation is open",
        "Nothing was changed. The conversation `conversation_id` of the same parties about the same context is open: "
        "write there.",
    ),
    "newer_messages": Kind(
        409,
        "Newer messages",
        "Nothing was sent. `messages` contains what is newer than `If-Seq-Match`; send again with the seq of its last one.",
    ),
    "idempotency_conflict": Kind(
        409,
        "Idempotency-Key already used",
        "This key was used for different content. Send new content with a new key; repeat old content unchanged.",
    ),
    "too_large": Kind(413, "Too large", "Nothing was sent. Send less in one request."),
    "unsupported_media_type": Kind(
        415,
        "Wrong content type",
        "Send `Content-Type: application/json`, or `multipart/form-data` if files are accepted.",
    ),
    "range_not_satisfiable": Kind(
        416, "No such range", "The file is shorter; the header `Content-Range` has its size."
    ),
    "invalid": Kind(422, "Invalid input", "Nothing was changed. Correct what `errors` names and send it again."),
    "context_required": Kind(422, "Context required", "Nothing was changed. Add a `context` and send it again."),
    "reason_required": Kind(
        422, "Reason required", "Nothing was changed. Add the code of a `reason` and send it again."
    ),
    "rate_limited": Kind(
        429,
        "Too many requests",
        "Nothing was changed. Wait for the seconds in `Retry-After`, then send the same again.",
    ),
    "internal_error": Kind(
        500, "Internal error", "It was logged. Send the same again; with an Idempotency-Key it counts once."
    ),
    "unavailable": Kind(
        503, "Temporarily unavailable", "Nothing was changed. Wait for the seconds in `Retry-After`, then try again."
    ),
}
_BY_STATUS = {kind.status: code for code, kind in reversed(KINDS.items())}


class Malformed(Refusal):
    """A body that cannot be parsed."""


class Unauthenticated(Refusal):
    """No token, or an invalid one."""

    status = 401
    code = "unauthenticated"


class UnsupportedMediaType(Refusal):
    """A body of a type that this endpoint does not accept."""

    status = 415
    code = "unsupported_media_type"


def is_for_program() -> bool:
    """Whether the request is for the API, so that errors are problems instead of pages."""
    path = request.path
    return path == "/api" or path.startswith("/api/")


def answer(
    code: str,
    detail: str = "",
    errors: Sequence[FieldError] = (),
    status: int | None = None,
    conversation_id: int | None = None,
    messages: Sequence[Fields] = (),
) -> Response:
    """Return the problem `code` as a response."""
    kind = KINDS[code]
    problem = Problem(
        type=EXPLAINED_AT + code,
        title=kind.title,
        status=status or kind.status,
        detail=detail or kind.detail,
        code=code,
    )
    if errors:
        problem.errors = [_field(error) for error in errors[:MOST_ERRORS]]
    if conversation_id is not None:
        problem.conversation_id = conversation_id
    if messages:
        problem.messages = [MessageResponse.model_validate(message) for message in messages]
    body = problem.model_dump_json(exclude_unset=True)
    return Response(body, status=problem.status, content_type=MEDIA_TYPE)


def example(code: str) -> dict[str, object]:
    """Return the problem `code` as the documentation shows it."""
    kind = KINDS[code]
    shown = {
        "type": EXPLAINED_AT + code,
        "title": kind.title,
        "status": kind.status,
        "detail": kind.detail,
        "code": code,
    }
    if code == "duplicate_open":
        return shown | {"conversation_id": 17}
    if code == "context_required":
        return shown | {"errors": [{"field": "context", "code": code, "message": "Choose what it is about."}]}
    if code == "reason_required":
        return shown | {"errors": [{"field": "reason", "code": code, "message": "Choose a reason."}]}
    if code == "invalid":
        fault = {"field": "content", "code": "required", "message": "Write a message."}
        return shown | {"errors": [fault]}
    return shown


def refused(error: Refusal) -> Response:
    """Return the response for a `Refusal`."""
    if isinstance(error, ConversationClosed) and error.may_reopen:
        return answer(error.code, "Nothing was sent. Reopen the conversation, then send the same again.")
    if isinstance(error, DuplicateOpen):
        return answer(error.code, conversation_id=error.conversation_id)
    own_words = isinstance(error, Malformed | UnsupportedMediaType | Unavailable)
    detail = str(error.detail) if own_words and error.detail is not type(error).sentence else ""
    response = answer(error.code, detail, getattr(error, "errors", ()))
    if isinstance(error, Unauthenticated):
        invalid = ', error="invalid_token"' if "Authorization" in request.headers else ""
        response.headers["WWW-Authenticate"] = f'Bearer realm="messages"{invalid}'
    return response


def http_error(error: HTTPException) -> Response:
    """Return the response for an error of Flask or Werkzeug. Redirects to a canonical path become 404."""
    status = error.code or 500
    if status < 400:
        return answer("not_found")
    code = _BY_STATUS.get(status, "malformed" if status < 500 else "internal_error")
    return answer(code, "" if code in _BY_STATUS.values() else HTTPStatus(status).phrase, status=status)


def _field(error: FieldError) -> FieldProblem:
    return FieldProblem(field=error.field[:100], code=error.code, message=str(error.message))
