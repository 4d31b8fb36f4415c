"""Nothing that comes in is converted, cut or dropped: for every endpoint, field and parameter that there is."""

from __future__ import annotations

from typing import Any

import pytest

from messaging_app.api.endpoints import ENDPOINTS, Endpoint
from messaging_app.api.examples import EXAMPLES
from messaging_app.api.openapi import document
from messaging_app.policies import STORE
from tests.api.conftest import Api

NOT_A_NUMBER: list[Any] = [True, False, 1.0, 1e0, "1", "", " 1", "٥", None, [1], {"id": 1}, -1, 2**63, 10**30]
NOT_A_SWITCH: list[Any] = [1, 0, "true", "on", "", None, [True], {}]
NOT_A_TEXT: list[Any] = [1, True, None, ["x"], {"x": "x"}, 1.5]
NOT_A_WORD = [
    "٥",
    "1e0",
    "1.0",
    "+1",
    "-1",
    " 1",
    "1 ",
    "01",
    "0x1",
    "1_0",
    "true",
    "",
    str(2**63),
    "9" * 30,
    "½",
    "\0",
]
NOT_TRUE_OR_FALSE = ["2", "00", "True", "TRUE", "yes", "on", "", " true", "null", "[]"]


def fields() -> list[tuple[Endpoint, str, list[Any]]]:
    """Every field of every body with what it must refuse."""
    found = []
    for endpoint in ENDPOINTS:
        if endpoint.body:
            schema = document()["components"]["schemas"][endpoint.body.__name__]
            for name, field in schema["properties"].items():
                optional = name not in schema.get("required", [])
                kinds = {field.get("type"), *(part.get("type") for part in field.get("anyOf", []))}
                junk = NOT_A_SWITCH if "boolean" in kinds else NOT_A_NUMBER if "integer" in kinds else NOT_A_TEXT
                nullable = "null" in kinds or ("integer" in kinds and optional)
                found.append((endpoint, name, [value for value in junk if not (nullable and value is None)]))
    return found


@pytest.mark.parametrize(("endpoint", "name", "junk"), fields(), ids=lambda value: getattr(value, "name", value))
def test_a_field_takes_only_its_own_kind(kept_api: Api, endpoint: Endpoint, name: str, junk: list[Any]) -> None:
    assert endpoint.body
    who, path = _whose(kept_api, endpoint)
    good = EXAMPLES[endpoint.body.__name__] | (
        {"recipient_id": kept_api.cast.cleo.id} if endpoint.name == "create_conversation" else {}
    )
    assert kept_api.call(who, endpoint.method, path, json=good).status_code in (endpoint.status, *endpoint.also)
    for value in junk:
        answer = kept_api.call(who, endpoint.method, path, json=good | {name: value})
        assert answer.status_code == 422, (name, value, answer.text)
        assert name in {error["field"] for error in answer.json["errors"]}, (name, value, answer.text)
    unknown = kept_api.call(who, endpoint.method, path, json=good | {"colour": "red"})
    assert [error["field"] for error in unknown.json["errors"]] == ["colour"]


def queries() -> list[tuple[Endpoint, str, list[str]]]:
    """Every query parameter with what it must refuse."""
    found = []
    for endpoint in ENDPOINTS:
        operation = document()["paths"][f"/api/v1/{endpoint.roles[-1].name}{endpoint.path}"][endpoint.method.lower()]
        for parameter in operation["parameters"]:
            schema = parameter["schema"]
            if parameter["in"] == "query":
                junk = {"integer": NOT_A_WORD, "boolean": NOT_TRUE_OR_FALSE}.get(schema["type"], [])
                junk = ["", "nonsense", "all,open", "\0"] if "enum" in schema else junk
                junk = ["", "nonsense!", "\0", "1.2.3", "ü.1"] if "cursor" in parameter["name"] else junk
                found.append((endpoint, parameter["name"], junk))
    return found


@pytest.mark.parametrize(("endpoint", "name", "junk"), queries(), ids=lambda value: getattr(value, "name", value))
def test_a_query_parameter_takes_only_what_it_says(
    kept_api: Api, endpoint: Endpoint, name: str, junk: list[str]
) -> None:
    who, path = _whose(kept_api, endpoint)
    for value in junk:
        answer = kept_api.call(who, endpoint.method, path, query_string={name: value})
        assert answer.status_code == 422, (name, value, answer.text)
        assert [error["field"] for error in answer.json["errors"]] == [name]
    twice = kept_api.call(who, endpoint.method, path, query_string=[(name, "1"), (name, "1")])
    assert [(error["field"], error["code"]) for error in twice.json["errors"]] == [(name, "repeated")]


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.name)
def test_an_unknown_query_parameter_is_refused(kept_api: Api, endpoint: Endpoint) -> None:
    who, path = _whose(kept_api, endpoint)
    answer = kept_api.call(who, endpoint.method, path, query_string={"colour": "red"})
    assert answer.status_code == 422
    assert [(error["field"], error["code"]) for error in answer.json["errors"]] == [("colour", "unknown")]


@pytest.mark.parametrize("value", NOT_A_WORD)
def test_a_number_in_a_form_is_written_as_in_json(kept_api: Api, value: str) -> None:
    good = {key: str(text) for key, text in kept_api.beginning("sam", "cleo").items()}
    answer = kept_api.post("sam", data=good | {"recipient_id": value}, content_type="multipart/form-data")
    assert [error["field"] for error in answer.json["errors"]] == ["recipient_id"], answer.text


@pytest.mark.parametrize("key", ["", " ", "x" * 201, "a\tb", "ü", "\x7f"])
def test_an_idempotency_key_is_printable_and_short(kept_api: Api, key: str) -> None:
    for path in ("", f"/{_number(kept_api)}/messages"):
        body = {"content": "x"} if path else kept_api.beginning("sam", "cleo")
        answer = kept_api.post("sam", path, json=body, headers={"Idempotency-Key": key})
        assert [error["field"] for error in answer.json["errors"]] == ["Idempotency-Key"], answer.text


@pytest.mark.parametrize("key", ["x", "x" * 200, "a b", "~!"])
def test_an_idempotency_key_may_be_anything_printable(kept_api: Api, key: str) -> None:
    path = f"/{_number(kept_api)}/messages"
    answer = kept_api.post("sam", path, json={"content": "x"}, headers={"Idempotency-Key": key})
    assert answer.status_code == 201


def _whose(api: Api, endpoint: Endpoint) -> tuple[str, str]:
    """Somebody who has the endpoint, and its whole address."""
    who = "sam" if STORE in endpoint.roles else "ada"
    path = endpoint.path.format(
        id=_number(api), att_id=1, reply_id=1, view_id=1, store="bakery", kind="order", reference="4711"
    )
    return who, api.base(who).removesuffix("/messages") + path


def _number(api: Api) -> int:
    number: int = getattr(api, "number", 0) or api.begin("sam", "cleo")
    api.number = number  # type: ignore[attr-defined]
    return number
