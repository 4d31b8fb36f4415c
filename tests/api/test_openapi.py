"""The document is the whole truth: every address, status, parameter and field that there is, described."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, get_args, get_origin

import pytest
from pydantic import BaseModel, TypeAdapter

from messaging_app.api import openapi, problems, schemas
from messaging_app.api.endpoints import ENDPOINTS, PATH
from messaging_app.api.examples import EXAMPLES
from tests.api.conftest import Api

DOCUMENT = openapi.document()
UNDESCRIBED = {"/api/v1/openapi.json", "/api/v1/docs"}  # the descriptions themselves


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            yield path, method.upper(), operation


def test_every_route_is_described_and_nothing_else_is(kept_api: Api) -> None:
    routes = set()
    named = {place.argument: name for name, place in PATH.items()}
    for rule in kept_api.app.url_map.iter_rules():
        if rule.rule.startswith("/api") and rule.rule not in UNDESCRIBED:
            path = re.sub(r"<\w+:(\w+)>", lambda place: f"{{{named[place[1]]}}}", rule.rule)
            routes |= {(path, method) for method in (rule.methods or set()) - {"HEAD"}}
    assert routes == {(path, method) for path, method, _ in operations()}


def test_operations_are_named_once_and_said_in_words() -> None:
    names = [operation["operationId"] for _, _, operation in operations()]
    assert len(names) == len(set(names)) == sum(len(endpoint.roles) for endpoint in ENDPOINTS)
    for path, method, operation in operations():
        assert operation["summary"] and operation["description"].endswith("."), (method, path)
        assert operation["tags"] == [path.split("/")[3]]


def test_every_parameter_is_described_and_bounded() -> None:
    for path, method, operation in operations():
        placed = set(re.findall(r"\{(\w+)\}", path))
        assert {p["name"] for p in operation["parameters"] if p["in"] == "path"} == placed
        for parameter in operation["parameters"]:
            assert parameter["description"].endswith("."), (method, path, parameter)
            schema = parameter["schema"]
            if schema["type"] == "integer":
                assert {"minimum", "maximum"} <= set(schema), (method, path, parameter["name"])
            assert None not in schema.values(), (method, path, parameter["name"])


def test_every_schema_and_field_is_described() -> None:
    for name, schema in DOCUMENT["components"]["schemas"].items():
        assert schema.get("description", "").endswith("."), name
        for field, described in schema.get("properties", {}).items():
            told = described.get("description") or _resolve(described).get("description", "")
            assert told.rstrip("`").endswith("."), (name, field)


def test_what_is_sent_takes_no_other_field() -> None:
    for endpoint in ENDPOINTS:
        for model in (endpoint.body, endpoint.form):
            if model:
                assert DOCUMENT["components"]["schemas"][model.__name__]["additionalProperties"] is False


def test_every_problem_is_described_with_an_example() -> None:
    assert set(DOCUMENT["components"]["responses"]) == set(problems.KINDS)
    seen = set()
    for _, _, operation in operations():
        for status, answer in operation["responses"].items():
            if int(status) >= 400:
                content = _resolve(answer)["content"][problems.MEDIA_TYPE]
                for code, example in content["examples"].items():
                    assert example["value"]["status"] == problems.KINDS[code].status == int(status)
                    schemas.Problem.model_validate(example["value"])
                    seen.add(code)
    assert set(problems.KINDS) - seen == {"method_not_allowed"}  # which no described method ever answers


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_example_is_what_it_is_an_example_of(name: str) -> None:
    model: type[BaseModel] = getattr(schemas, name)
    adapter = TypeAdapter(model)
    text = adapter.dump_json(adapter.validate_python(EXAMPLES[name], strict=False), exclude_unset=True)
    assert adapter.dump_python(adapter.validate_json(text), mode="json", exclude_unset=True) == EXAMPLES[name]


def test_every_body_and_answer_has_an_example() -> None:
    wanted = {model.__name__ for endpoint in ENDPOINTS for model in (endpoint.body, endpoint.answer) if model}
    assert wanted <= set(EXAMPLES)


def test_every_reference_and_link_leads_somewhere() -> None:
    names = {operation["operationId"]: operation for _, _, operation in operations()}

    def walk(node: Any) -> None:
        if isinstance(node, dict):
            if isinstance(node.get("$ref"), str):
                assert _resolve(node)
            if "operationId" in node and "parameters" in node and "summary" not in node:
                known = {parameter["name"] for parameter in names[node["operationId"]]["parameters"]}
                assert set(node["parameters"]) <= known
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    walk(DOCUMENT)


def test_answers_hold_exactly_the_fields_that_are_described(kept_api: Api) -> None:
    number = kept_api.begin("sam", "cleo")
    kept_api.put("cleo", f"/{number}/read")
    body = kept_api.get("sam", f"/{number}").json
    for model, value in (
        (schemas.ConversationDetailResponse, body),
        (schemas.ParticipantResponse, body["participants"][0]),
        (schemas.MessageResponse, body["messages"][0]),
        (schemas.ConversationListResponse, kept_api.get("sam", "?include_total=true").json),
        (schemas.ConversationSummary, kept_api.get("sam").json["conversations"][0]),
    ):
        assert list(value) == list(DOCUMENT["components"]["schemas"][model.__name__]["properties"])


FREE = {("AuditEntryResponse", "before"), ("AuditEntryResponse", "after")}  # whose keys follow from what was changed


def test_times_and_whole_numbers_are_what_they_are_said_to_be() -> None:
    """An outgoing field of a time says `date-time`, so that clients make times of it."""
    for name in DOCUMENT["components"]["schemas"]:
        model = getattr(schemas, name, None)
        if model is None or not issubclass(model, schemas.Outgoing):
            continue
        for field, info in model.model_fields.items():
            if field.endswith("_at"):
                described = DOCUMENT["components"]["schemas"][name]["properties"][field]
                assert "date-time" in str(described), (name, field)
            if (name, field) in FREE:
                continue
            assert get_origin(info.annotation) is not dict and Any not in get_args(info.annotation)


@pytest.mark.parametrize("path", sorted(UNDESCRIBED))
def test_descriptions_need_no_token_and_may_be_kept(kept_api: Api, path: str) -> None:
    answer = kept_api.get(None, path)
    assert answer.status_code == 200 and answer.headers["Cache-Control"] == "no-cache"
    again = kept_api.get(None, path, headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304 and again.data == b""


def test_the_document_is_openapi_three_one(kept_api: Api) -> None:
    served = kept_api.get(None, "/api/v1/openapi.json")
    assert served.headers["Content-Type"] == "application/json"
    assert served.json == DOCUMENT and served.json["openapi"] == "3.1.0"
    assert served.json["security"] == [{"token": []}]


def test_the_pages_show_everything_and_fetch_nothing_from_elsewhere(kept_api: Api) -> None:
    answer = kept_api.get(None, "/api/v1/docs")
    for endpoint in ENDPOINTS:
        for role in endpoint.roles:
            assert f"/api/v1{endpoint.mounted_at(role)}</code>" in answer.text
    for name, schema in DOCUMENT["components"]["schemas"].items():
        assert f'id="{name}"' in answer.text
        for field in schema.get("properties", {}):
            assert f"<code>{field}</code>" in answer.text, (name, field)
    sources = re.findall(r'(?:src|href|action)="([^"]+)"', answer.text)
    assert sources and all(source.startswith(("/", "#")) and not source.startswith("//") for source in sources)
    assert all(f'id="{target[1:]}"' in answer.text for target in sources if target.startswith("#"))
    assert "style=" not in answer.text and "<script>" not in answer.text
    assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
    assert "'unsafe" not in answer.headers["Content-Security-Policy"]


def _resolve(node: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in node:
        found: Any = DOCUMENT
        for part in node["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        node = found
    return node
