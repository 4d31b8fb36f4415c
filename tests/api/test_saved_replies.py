"""Saved replies by API: the platform's for everybody, a store's for its staff."""

from __future__ import annotations

import pytest

from tests.api.conftest import Api, faults_of, problem_of

AT = {
    "ada": "/api/v1/admin/saved-replies",
    "sam": "/api/v1/store/saved-replies",
    "tomas": "/api/v1/store/saved-replies",
}


def ask(api: Api, name: str, method: str, path: str = "", **options: object) -> object:
    headers = {"Authorization": f"Bearer {api.token(name)}"}
    return api.call(None, method, AT[name] + path, headers=headers, **options)


def names(api: Api, name: str) -> list[tuple[str, str]]:
    return [(reply["name"], reply["scope"]) for reply in ask(api, name, "GET").json["saved_replies"]]  # type: ignore[attr-defined]


def test_each_team_keeps_its_own_and_stores_use_the_platforms(either_api: Api) -> None:
    api = either_api
    made = {}
    for name in AT:
        answer = ask(api, name, "POST", json={"name": f"Of {name}", "text": "Hello {customer.first_name}"})
        assert answer.status_code == 201, answer.text
        made[name] = answer.json
    assert made["sam"] == {
        "id": made["sam"]["id"],
        "name": "Of sam",
        "text": "Hello {customer.first_name}",
        "scope": "store",
        "used": 0,
    }
    assert names(api, "ada") == [("Of ada", "platform")]
    assert names(api, "sam") == [("Of ada", "platform"), ("Of sam", "store")]
    new = {"name": "New", "text": "words"}
    for method, extra in (("PUT", {"json": new}), ("DELETE", {})):
        problem_of(ask(api, "sam", method, f"/{made['ada']['id']}", **extra), 403, "not_allowed")
        problem_of(ask(api, "sam", method, f"/{made['tomas']['id']}", **extra), 404, "not_found")
        problem_of(ask(api, "ada", method, f"/{made['sam']['id']}", **extra), 404, "not_found")
    assert ask(api, "sam", "PUT", f"/{made['sam']['id']}", json=new).json == made["sam"] | new
    assert ask(api, "sam", "DELETE", f"/{made['sam']['id']}").status_code == 204
    assert names(api, "sam") == [("Of ada", "platform")]


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ({"name": " ", "text": "x"}, ("name", "required")),
        ({"name": "n" * 101, "text": "x"}, ("name", "too_long")),
        ({"name": "n", "text": "​"}, ("text", "required")),
        ({"name": "n", "text": "x" * 10_001}, ("text", "too_long")),
        ({"name": "n", "text": "x", "scope": "platform"}, ("scope", "unknown")),
    ],
)
def test_what_does_not_fit_is_named(body: dict[str, str], fault: tuple[str, str], api: Api) -> None:
    assert fault in faults_of(ask(api, "sam", "POST", json=body))


def test_customers_have_none(api: Api) -> None:
    headers = {"Authorization": f"Bearer {api.token('cleo')}"}
    problem_of(api.call(None, "GET", "/api/v1/storefront/saved-replies", headers=headers), 404, "not_found")
