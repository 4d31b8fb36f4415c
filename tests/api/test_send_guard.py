"""`If-Seq-Match`: a program's reply waits until it has seen what others wrote."""

from __future__ import annotations

import pytest

from tests.api.conftest import Api, problem_of


def test_newer_messages_are_in_the_answer_and_nothing_is_sent(either_api: Api) -> None:
    api = either_api
    number = api.begin("sam", "cleo")
    address, mine = f"/{number}/messages", {"content": "Green it is"}
    seen = {"If-Seq-Match": "1", "Idempotency-Key": "k-1"}
    assert api.post("cleo", address, json={"content": "Red!"}).status_code == 201
    answer = api.post("sam", address, json=mine, headers=seen)
    problem = problem_of(answer, 409, "newer_messages")
    assert [(m["seq"], m["content"], m["sender"]["name"]) for m in problem["messages"]] == [(2, "Red!", "Cleo")]
    assert len(api.get("sam", f"/{number}").json["messages"]) == 2
    sent = api.post("sam", address, json=mine, headers=seen | {"If-Seq-Match": "2"})
    assert (sent.status_code, sent.json["seq"]) == (201, 3)
    assert api.post("cleo", address, json={"content": "Thanks"}).status_code == 201
    repeated = api.post("sam", address, json=mine, headers=seen)
    assert (repeated.status_code, repeated.json["seq"]) == (201, 3), "a key that was sent answers as before"
    own = api.post("cleo", address, json={"content": "One more"}, headers={"If-Seq-Match": "3"})
    assert own.status_code == 201, "one's own line from elsewhere is no news"
    assert problem_of(api.post("sam", address, json=mine, headers={"If-Seq-Match": "3"}), 409, "newer_messages")


@pytest.mark.parametrize("header", ["", "one", "-1", "1.0", "٣", "9" * 30, "1, 2"])
def test_a_header_that_is_no_seq_is_malformed(header: str, api: Api) -> None:
    number = api.begin("sam", "cleo")
    answer = api.post("sam", f"/{number}/messages", json={"content": "Hi"}, headers={"If-Seq-Match": header})
    problem_of(answer, 400, "malformed")
