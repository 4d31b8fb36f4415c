"""Saved views by API: each person's own in each team, and the team's."""

from __future__ import annotations

from typing import Any

import pytest

from messaging_app.services.saved_views import VIEWS_MAX
from tests.api.conftest import Api, faults_of, problem_of

AT = {"ada": "admin", "abe": "admin", "sam": "store", "nadia": "store", "tomas": "store"}


def ask(api: Api, name: str, method: str, path: str = "", **options: object) -> Any:
    headers = {"Authorization": f"Bearer {api.token(name)}"}
    return api.call(None, method, f"/api/v1/{AT[name]}/views{path}", headers=headers, **options)


def names(api: Api, name: str) -> list[tuple[str, bool]]:
    return [(view["name"], view["shared"]) for view in ask(api, name, "GET").json["views"]]


def test_each_person_has_their_own_and_each_team_its(either_api: Api) -> None:
    api = either_api
    made: dict[str, int] = {}
    for name in ("ada", "sam", "tomas"):
        for shared in (False, True):
            body = {"name": f"{name} {shared}", "query": "?waiting=us&order=waiting", "shared": shared}
            answer = ask(api, name, "POST", json=body)
            assert answer.status_code == 201, answer.text
            number = made[body["name"]] = answer.json["id"]
            assert answer.json == body | {"id": number, "query": "waiting=us&order=waiting"}
    assert names(api, "ada") == [("ada False", False), ("ada True", True)]
    assert names(api, "abe") == [("ada True", True)]
    assert names(api, "sam") == [("sam False", False), ("sam True", True)]
    assert names(api, "nadia") == [("sam True", True)]
    for name, of_other in (("nadia", "sam False"), ("tomas", "sam True"), ("ada", "sam True"), ("abe", "ada False")):
        problem_of(ask(api, name, "DELETE", f"/{made[of_other]}"), 404, "not_found")
    assert ask(api, "nadia", "DELETE", f"/{made['sam True']}").status_code == 204
    problem_of(ask(api, "sam", "DELETE", f"/{made['sam True']}"), 404, "not_found")
    assert names(api, "sam") == [("sam False", False)]


@pytest.mark.parametrize(
    "query",
    [
        "status=closed&conversation_type=store_customer&unread=true&snoozed=false",
        "status=all&type=store_customer&unread=1&assignee=me",
        "context_kind=order&context_reference=4711",
        "q=cake+is%3Aopen",
        "q=" + "%F0%9F%8E%82" * 500,
    ],
)
def test_what_a_list_can_ask_for_is_kept_as_it_was_given(query: str, api: Api) -> None:
    answer = ask(api, "sam", "POST", json={"name": "Kept", "query": query})
    assert (answer.status_code, answer.json["query"]) == (201, query)


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ({"name": " ", "query": "unread=1"}, ("name", "required")),
        ({"name": "n" * 101, "query": "unread=1"}, ("name", "too_long")),
        ({"name": "a\0b", "query": "unread=1"}, ("name", "invalid_characters")),
        ({"name": "n"}, ("query", "required")),
        ({"name": "n", "query": ""}, ("query", "required")),
        ({"name": "n", "query": "q=+"}, ("query", "required")),
        ({"name": "n", "query": "status=gone"}, ("query", "invalid")),
        ({"name": "n", "query": "waiting=everybody"}, ("query", "invalid")),
        ({"name": "n", "query": "unread=perhaps"}, ("query", "invalid")),
        ({"name": "n", "query": "assignee=0"}, ("query", "invalid")),
        ({"name": "n", "query": "type=admin_customer"}, ("query", "invalid")),
        ({"name": "n", "query": "colour=red"}, ("query", "unknown")),
        ({"name": "n", "query": "cursor=abc&unread=1"}, ("query", "unknown")),
        ({"name": "n", "query": "store_id=1"}, ("query", "unknown")),  # for admins only
        ({"name": "n", "query": "q=cake&unread=1"}, ("query", "invalid")),
        ({"name": "n", "query": "unread=1&unread=1"}, ("query", "invalid")),
        ({"name": "n", "query": "q=%FF"}, ("query", "invalid")),
        ({"name": "n", "query": "q=a%00b"}, ("query", "invalid")),
        ({"name": "n", "query": "q=\ud800"}, ("query", "invalid")),
        ({"name": "n", "query": "q=" + "x" * 501}, ("query", "too_long")),
        ({"name": "n", "query": "q=" + "x" * 10_000}, ("query", "too_long")),
        ({"name": "n", "query": "&".join("a=1" for _ in range(1_000))}, ("query", "invalid")),
        ({"name": "n", "query": "unread=1", "user_id": 3}, ("user_id", "unknown")),
    ],
)
def test_what_does_not_fit_is_named(body: dict[str, str], fault: tuple[str, str], api: Api) -> None:
    assert fault in faults_of(ask(api, "sam", "POST", json=body))
    assert names(api, "sam") == []


def test_there_is_room_for_so_many_of_each(api: Api) -> None:
    body = {"name": "One more", "query": "unread=1"}
    for _ in range(VIEWS_MAX):
        assert ask(api, "sam", "POST", json=body).status_code == 201
    assert ("name", "too_many") in faults_of(ask(api, "sam", "POST", json=body))
    assert ask(api, "sam", "POST", json=body | {"shared": True}).status_code == 201
    assert ask(api, "nadia", "POST", json=body).status_code == 201


def test_customers_have_none(api: Api) -> None:
    headers = {"Authorization": f"Bearer {api.token('cleo')}"}
    problem_of(api.call(None, "GET", "/api/v1/storefront/views", headers=headers), 404, "not_found")
