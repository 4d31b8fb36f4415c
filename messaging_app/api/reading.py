"""Strict parsing of requests: invalid input is refused by field; nothing is converted, cut or dropped."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any, Literal, TypeVar, get_args, get_origin

from flask import current_app, g, request
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from werkzeug.datastructures import FileStorage, MultiDict
from werkzeug.formparser import FormDataParser

from messaging_app.api.problems import Malformed, UnsupportedMediaType
from messaging_app.db.types import MAX_ID
from messaging_app.errors import FieldError, Invalid
from messaging_app.models.message import IDEMPOTENCY_KEY_MAX
from messaging_app.services.upload_limits import get_limits

M = TypeVar("M", bound=BaseModel)
FILES = "attachments"

KEY_PATTERN = f"^[!-~]([ -~]{{0,{IDEMPOTENCY_KEY_MAX - 2}}}[!-~])?$"
SEEN_MAX = 10**18 - 1
_SEQ = re.compile("0|[1-9][0-9]{0,17}", re.ASCII)
_WHOLE_NUMBER = re.compile("0|[1-9][0-9]{0,19}", re.ASCII)
_SWITCH = {"true": True, "1": True, "false": False, "0": False}  # pages write 1
_CODES = {
    "missing": "required",
    "literal_error": "not_a_choice",
    "string_too_short": "too_short",
    "string_too_long": "too_long",
    "string_unicode": "invalid_characters",
}


class StrictForm(FormDataParser):
    """Werkzeug's parser, except that a malformed form is refused instead of read as empty."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **(options | {"silent": False}))


def read_query(model: type[M]) -> M:
    """Return the query string as `model`. Raises `Invalid` for unknown, repeated and invalid parameters."""
    return _checked(model, _typed(model, request.args))


def read_key() -> str | None:
    """Return the header Idempotency-Key: up to 200 printable ASCII characters. Raises `Invalid`."""
    key = request.headers.get("Idempotency-Key")
    if key is not None and not re.fullmatch(KEY_PATTERN, key):
        sentence = f"An Idempotency-Key has 1 to {IDEMPOTENCY_KEY_MAX} printable ASCII characters."
        raise Invalid(FieldError("Idempotency-Key", "invalid", sentence))
    return key


def read_seen() -> int | None:
    """Return the header If-Seq-Match: the last seq that the writer has seen. Raises `Malformed`."""
    seen = request.headers.get("If-Seq-Match")
    if seen is None:
        return None
    if not _SEQ.fullmatch(seen):
        raise Malformed("If-Seq-Match is the seq of a line, as a whole number.")
    return int(seen)


def read_json(model: type[M], *, required: bool = True) -> M:
    """Return the JSON body as `model`. If it is not `required`, an empty body counts as {}.

    Raises `UnsupportedMediaType`, `Malformed` for invalid JSON or repeated fields, otherwise `Invalid`.
    """
    body = request.get_data(cache=False)
    if not body and not required:
        return _checked(model, {})
    if request.mimetype != "application/json":
        raise UnsupportedMediaType
    try:
        values = json.loads(body.decode(), object_pairs_hook=_once_each, parse_constant=_no_constant, parse_int=_number)
    except RecursionError:
        raise Malformed("The JSON is nested too deeply.") from None
    except ValueError as error:
        raise Malformed(f"The body is not JSON in UTF-8: {error}.") from None
    return _checked(model, values)


def read_form(model: type[M]) -> tuple[M, list[FileStorage]]:
    """Return the form as `model`, and the files of its parts named `attachments`.

    Raises `Malformed`, and `Invalid` for unknown, repeated and invalid parts, and for text in place of a file.
    """
    if (request.content_length or MAX_ID) > int(current_app.config["MAX_CONTENT_LENGTH"]):
        g.upload_limits = get_limits()  # only a form with files can be this large
        request.max_content_length = g.upload_limits.request_bytes
    request.form_data_parser_class = StrictForm
    try:
        form, files = request.form, request.files
    except ValueError:
        raise Malformed("The form data is broken: its parts cannot be told apart.") from None
    errors = [_no_file(name, name in model.model_fields) for name in files if name != FILES]
    if FILES in form:  # a file name with a line break turns the file into text
        errors.append(FieldError(FILES, "name_invalid", "A part is text and not a file: it has no usable file name."))
    texts = MultiDict((name, value) for name, value in form.items(multi=True) if name != FILES)
    try:
        values = _checked(model, _typed(model, texts))
    except Invalid as refusal:
        errors.extend(error for error in refusal.errors if error.field not in files)
    if errors:
        raise Invalid(*errors)
    return values, files.getlist(FILES)


def _no_file(name: str, known: bool) -> FieldError:
    return FieldError(name, "wrong_type", "This part is text, not a file.") if known else _unknown(name)


def _unknown(name: str) -> FieldError:
    return FieldError(name, "unknown", "There is no such field here.")


def _typed(model: type[BaseModel], texts: MultiDict[str, str]) -> dict[str, object]:
    """Convert texts to the model's numbers and booleans if they are written as in JSON; leave others unchanged."""
    values: dict[str, object] = {}
    kinds = _kinds_of(model)
    for name, given in texts.lists():
        if name in _lists_of(model):  # one part for each of its numbers
            values[name] = [int(text) if _WHOLE_NUMBER.fullmatch(text) else text for text in given]
            continue
        if len(given) > 1:
            raise Invalid(FieldError(name, "repeated", "This may be given only once."))
        kind, text = kinds.get(name), given[0]
        if kind is bool:
            values[name] = _SWITCH.get(text, text)
        elif kind is int and _WHOLE_NUMBER.fullmatch(text):
            values[name] = int(text)
        else:
            values[name] = text
    return values


@cache
def _lists_of(model: type[BaseModel]) -> set[str]:
    """Return the fields that are lists of numbers."""
    return {name for name, field in model.model_fields.items() if get_origin(field.annotation) is list}


@cache
def _kinds_of(model: type[BaseModel]) -> dict[str, type]:
    """Return each field's underlying type: `Annotated[int, ...] | None` is an int."""

    def heart(annotation: object) -> type:
        parts = [heart(part) for part in get_args(annotation)] if get_origin(annotation) is not Literal else []
        return next((kind for kind in (bool, int) if kind in (annotation, *parts)), str)

    return {name: heart(field.annotation) for name, field in model.model_fields.items()}


def _checked(model: type[M], values: object) -> M:
    if not isinstance(values, dict):
        raise Invalid(FieldError("body", "wrong_type", "The body must be a JSON object."))
    try:
        return model.model_validate(values)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        # Pydantic reports an optional parameter twice, the second time as "not null": skip that.
        raise Invalid(*(_field_error(item) for item in found if item["type"] != "none_required")) from None


def _field_error(item: ErrorDetails) -> FieldError:
    name, kind = str(item["loc"][0]) if item["loc"] else "body", str(item["type"])
    if kind == "extra_forbidden" and len(item["loc"]) == 1:
        return _unknown(name)
    code = (
        "wrong_type" if kind.endswith("_type") else "out_of_range" if "_than" in kind else _CODES.get(kind, "invalid")
    )
    return FieldError(name, code, item["msg"] + ".")


def _once_each(pairs: list[tuple[str, object]]) -> dict[str, object]:
    values = dict(pairs)
    if len(values) < len(pairs):
        raise ValueError("a field is named twice")
    return values


def _number(digits: str) -> int:
    try:
        return int(digits)
    except ValueError:  # Python rejects numbers with thousands of digits
        raise Malformed("A number in the JSON has too many digits.") from None


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")
