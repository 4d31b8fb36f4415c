"""Waiting, assigning, snoozing and marking as unread, for programs; and what a customer's program sees of it: nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.api.conftest import Api, faults_of, problem_of
from tests.api.test_conversations import OF_CUSTOMERS


def in_(**ahead: int) -> str:
    """A moment from now, as a program writes it."""
    return (datetime.now(UTC) + timedelta(**ahead)).isoformat(timespec="seconds").replace("+00:00", "Z")


def listed(api: Api, name: str, query: str) -> list[int]:
    answer = api.get(name, f"?{query}")
    assert answer.status_code == 200, answer.text
    return [row["id"] for row in answer.json["conversations"]]


def test_a_conversation_waits_for_the_side_that_did_not_write_last(either_api: Api) -> None:
    api = either_api
    number = api.begin("sam", "cleo")
    asked = api.post("cleo", f"/{number}/messages", json={"content": "When?"}).json["created_at"]
    api.post("cleo", f"/{number}/messages", json={"content": "Hello?"})
    seen = api.get("sam", f"/{number}").json
    assert (seen["waiting"], seen["waiting_since"], seen["assignee"], seen["snoozed_until"]) == (
        "us",
        asked,
        None,
        None,
    )
    assert listed(api, "sam", "waiting=us") == [number]
    settled = api.post("sam", f"/{number}/no-reply-needed")
    assert (settled.status_code, settled.json["waiting"], settled.json["waiting_since"]) == (200, "nobody", None)
    assert api.post("sam", f"/{number}/no-reply-needed").json == settled.json
    assert listed(api, "nadia", "waiting=us") == []
    assert listed(api, "nadia", "waiting=nobody") == [number]
    assert api.call("nadia", "DELETE", f"/{number}/no-reply-needed").json["waiting_since"] == asked
    api.post("sam", f"/{number}/no-reply-needed")
    api.post("cleo", f"/{number}/messages", json={"content": "Still there?"})
    assert api.get("sam", f"/{number}").json["waiting"] == "us"
    assert api.post("sam", f"/{number}/close").json["waiting"] == "nobody"
    assert api.post("sam", f"/{number}/no-reply-needed").json["waiting"] == "nobody"
    assert api.post("sam", f"/{number}/reopen").json["waiting"] == "us"
    api.post("sam", f"/{number}/messages", json={"content": "Tomorrow."})
    assert listed(api, "sam", "waiting=them&order=waiting") == [number]


def test_each_side_of_a_platform_conversation_has_its_own_view(either_api: Api) -> None:
    api = either_api
    number = api.begin("ada", "bakery")
    api.post("sam", f"/{number}/no-reply-needed")
    api.put("sam", f"/{number}/assignee", json={"user_id": api.cast.nadia.id})
    api.put("ada", f"/{number}/snooze", json={"until": in_(hours=2)})
    store, platform = (api.get(name, f"/{number}").json for name in ("lea", "abe"))
    assert (store["waiting"], store["assignee"]["name"], store["snoozed_until"]) == ("nobody", "Nadia", None)
    assert (platform["waiting"], platform["assignee"]) == ("them", None)
    assert platform["snoozed_until"]


def test_a_conversation_is_taken_given_and_released(either_api: Api) -> None:
    api, cast = either_api, either_api.cast
    number, other = api.begin("sam", "cleo"), api.begin("sam", "omar")
    taken = api.put("sam", f"/{number}/assignee", json={"user_id": cast.sam.id})
    assert (taken.status_code, taken.json["assignee"]) == (200, {"id": cast.sam.id, "name": "Sam"})
    assert listed(api, "sam", "assignee=me") == [number]
    assert listed(api, "nadia", f"assignee={cast.sam.id}") == [number]
    assert listed(api, "nadia", "assignee=nobody&status=all") == [other]
    api.post("nadia", f"/{number}/messages", json={"content": "I know that"})
    assert api.get("lea", f"/{number}").json["assignee"]["name"] == "Sam", "a colleague's reply steals nothing"
    for stranger in (cast.tomas.id, cast.ada.id, 10**6):
        faults = dict(faults_of(api.put("sam", f"/{number}/assignee", json={"user_id": stranger})))
        assert faults == {"user_id": "unknown_user"}
    assert api.put("nadia", f"/{number}/assignee", json={"user_id": None}).json["assignee"] is None
    problem_of(api.put("tomas", f"/{number}/assignee", json={"user_id": None}), 404, "not_found")


def test_what_sleeps_comes_back_when_the_other_side_writes(either_api: Api) -> None:
    api = either_api
    number = api.begin("sam", "cleo")
    api.post("cleo", f"/{number}/messages", json={"content": "When?"})
    until = in_(days=1)
    assert api.put("sam", f"/{number}/snooze", json={"until": until}).json["snoozed_until"] == until
    assert (listed(api, "nadia", "waiting=us"), listed(api, "nadia", "snoozed=1")) == ([], [number])
    api.post("nadia", f"/{number}/messages", json={"content": "Wait"})
    assert api.get("sam", f"/{number}").json["snoozed_until"] == until, "one's own side does not wake it"
    api.post("cleo", f"/{number}/messages", json={"content": "No"})
    assert api.get("sam", f"/{number}").json["snoozed_until"] is None
    api.put("sam", f"/{number}/snooze", json={"until": until})
    assert api.put("sam", f"/{number}/snooze", json={"until": None}).json["snoozed_until"] is None
    for wrong in (
        in_(seconds=-1),
        "2020-01-01T00:00:00Z",
        "9999-12-31T23:59:59-12:00",
        "2030-01-01T00:00:00",
        "tomorrow",
    ):
        assert list(dict(faults_of(api.put("sam", f"/{number}/snooze", json={"until": wrong})))) == ["until"], wrong


def test_messages_are_unread_again_from_a_chosen_one_on(either_api: Api) -> None:
    api = either_api
    number = api.begin("sam", "cleo")
    for text in ("Two", "Three"):
        api.post("cleo", f"/{number}/messages", json={"content": text})
    api.put("sam", f"/{number}/read", json={})
    assert api.post("sam", f"/{number}/unread", json={"from_seq": 3}).json["unread_count"] == 1
    assert api.get("sam", "/unread-count").json["total_unread"] == 1
    for wrong in (0, 4, None):
        assert list(dict(faults_of(api.post("sam", f"/{number}/unread", json={"from_seq": wrong})))) == ["from_seq"]


def test_many_are_acted_on_at_once_and_each_has_its_own_answer(either_api: Api) -> None:
    api, cast = either_api, either_api.cast
    numbers = [api.begin("sam", "cleo") for _ in range(3)]
    foreign = api.begin("tomas", "jun")

    def act(**body: Any) -> list[tuple[int, int, str]]:
        answer = api.post("sam", "/bulk", json=body)
        assert answer.status_code == 200, answer.text
        return [(one["id"], one["status"], one.get("code", "")) for one in answer.json["results"]]

    assert act(ids=[numbers[0], foreign, numbers[1]], action="close") == [
        (numbers[0], 200, ""), (foreign, 404, "not_found"), (numbers[1], 200, "")]  # fmt: skip
    assert listed(api, "sam", "status=closed") == [numbers[1], numbers[0]]
    assert api.get("tomas", f"/{foreign}").json["status"] == "open"
    act(ids=numbers, action="reopen")
    act(ids=numbers, action="assign", user_id=cast.nadia.id)
    assert len(listed(api, "nadia", "assignee=me")) == 3
    assert act(ids=numbers[:1], action="assign", user_id=cast.tomas.id) == [(numbers[0], 422, "invalid")]
    act(ids=numbers, action="snooze", until=in_(hours=3))
    assert len(listed(api, "sam", "snoozed=true")) == 3
    assert act(ids=numbers[:1], action="snooze", until=in_(hours=-3)) == [(numbers[0], 422, "invalid")]
    act(ids=numbers, action="read")
    for ids in ([], list(range(1, 202)), [0], ["1"], None):
        assert list(dict(faults_of(api.post("sam", "/bulk", json={"ids": ids, "action": "read"})))) == ["ids"], ids
    assert len(act(ids=list(range(1, 201)), action="read")) == 200


def test_a_customers_program_knows_nothing_of_it(either_api: Api) -> None:
    api = either_api
    number = api.begin("sam", "cleo")
    assert set(api.get("cleo").json["conversations"][0]) == OF_CUSTOMERS
    assert (
        set(api.get("cleo", f"/{number}").json) > OF_CUSTOMERS and "waiting" not in api.get("cleo", f"/{number}").json
    )
    for query in ("waiting=us", "assignee=me", "snoozed=true", "order=waiting"):
        assert api.get("cleo", f"?{query}").status_code == 422
    for method, path in (
        ("POST", "no-reply-needed"),
        ("DELETE", "no-reply-needed"),
        ("PUT", "assignee"),
        ("POST", "unread"),
        ("PUT", "snooze"),
    ):
        assert api.call("cleo", method, f"/{number}/{path}", json={}).status_code == 404, path
    assert api.post("cleo", "/bulk", json={"ids": [number], "action": "read"}).status_code == 404
