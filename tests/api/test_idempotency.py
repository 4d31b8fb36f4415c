"""A message counts once, however often and however much at once it is sent."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from werkzeug.test import TestResponse

from messaging_app.extensions import db
from messaging_app.services import messaging
from tests.api.conftest import Api, faults_of, problem_of

KEY = {"Idempotency-Key": "order-17"}


def test_a_repeat_answers_the_message_as_it_stands_now(either_api: Api) -> None:
    api = either_api
    number = api.begin("sam", "cleo")
    path, body = f"/{number}/messages", {"content": "Thanks"}
    first = api.post("cleo", path, json=body, headers=KEY)
    api.post("sam", path, json={"content": "You are welcome."})
    second = api.post("cleo", path, json={"content": " Thanks\r\n"}, headers=KEY)  # what is stored is the same
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json == second.json
    assert api.get("cleo", f"/{number}").json["last_seq"] == 3


def test_a_repeated_beginning_answers_the_conversation_as_it_stands_now(either_api: Api) -> None:
    api, body = either_api, either_api.beginning("sam", "cleo")
    first = api.post("sam", json=body, headers=KEY)
    api.post("cleo", f"/{first.json['id']}/messages", json={"content": "Thanks"})
    api.post("sam", f"/{first.json['id']}/close")
    second = api.post("sam", json=body, headers=KEY)
    assert second.status_code == 201 and second.headers["Location"] == first.headers["Location"]
    assert (second.json["id"], second.json["status"], second.json["last_seq"]) == (first.json["id"], "closed", 3)
    assert len(api.get("sam", "?status=all").json["conversations"]) == 1


def test_a_repeat_counts_though_the_conversation_is_closed_by_now(api: Api) -> None:
    number = api.begin("sam", "cleo")
    path, body = f"/{number}/messages", {"content": "Thanks"}
    first = api.post("cleo", path, json=body, headers=KEY)
    api.post("sam", f"/{number}/close")
    assert api.post("cleo", path, json=body, headers=KEY).json == first.json
    problem_of(api.post("cleo", path, json=body, headers={"Idempotency-Key": "new"}), 409, "conversation_closed")


def test_the_same_key_with_something_else_conflicts(either_api: Api) -> None:
    api = either_api
    number, other = api.begin("sam", "cleo"), api.begin("sam", "omar")
    assert api.post("sam", f"/{number}/messages", json={"content": "A"}, headers=KEY).status_code == 201
    for path, options in (
        (f"/{number}/messages", {"json": {"content": "B"}}),
        (f"/{other}/messages", {"json": {"content": "A"}}),
        ("", {"json": api.beginning("sam", "cleo", content="A")}),
        (f"/{number}/messages", {"data": {"content": "A", "attachments": _file()}}),
    ):
        answer = api.post("sam", path, headers=KEY, **options)
        problem_of(answer, 409, "idempotency_conflict")
    assert api.get("sam", f"/{number}").json["last_seq"] == 2


def test_everybody_has_keys_of_their_own(api: Api) -> None:
    number = api.begin("sam", "cleo")
    sent = [
        api.post(name, f"/{number}/messages", json={"content": "A"}, headers=KEY) for name in ("sam", "nadia", "cleo")
    ]
    assert [answer.json["seq"] for answer in sent] == [2, 3, 4]


def test_files_are_part_of_what_is_repeated(api: Api) -> None:
    number = api.begin("sam", "cleo")

    def send(data: bytes) -> TestResponse:
        form = {"content": "See", "attachments": [_file(data)]}
        return api.post("sam", f"/{number}/messages", data=form, headers=KEY)

    first, second = send(b"one"), send(b"one")
    assert first.status_code == 201 and first.json == second.json
    assert len(first.json["attachments"]) == 1
    problem_of(send(b"two"), 409, "idempotency_conflict")


@pytest.mark.parametrize("begins", [False, True], ids=["send", "create"])
def test_ten_equal_requests_at_once_make_one_message(either_api: Api, begins: bool) -> None:
    api = either_api
    number = api.begin("sam", "cleo")
    path, body = ("", api.beginning("nadia", "omar")) if begins else (f"/{number}/messages", {"content": "Once"})
    api.token("nadia")

    def send(_: int) -> TestResponse:
        headers = KEY | {"Authorization": f"Bearer {api.tokens['nadia']}"}
        return api.app.test_client().post(api.base("nadia") + path, json=body, headers=headers)

    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(send, range(10)))
    assert {answer.status_code for answer in answers} == {201}, [answer.text for answer in answers]
    assert len({answer.json["id"] for answer in answers}) == 1
    assert api.get("sam", f"/{number}").json["last_seq"] == (1 if begins else 2)
    assert len(api.get("sam", "?status=all").json["conversations"]) == (2 if begins else 1)


@pytest.mark.parametrize("begins", [False, True], ids=["send", "create"])
def test_a_request_that_died_after_its_commit_is_found_by_the_next(
    either_api: Api, begins: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = either_api
    number = api.begin("sam", "cleo")
    path, body = ("", api.beginning("sam", "omar")) if begins else (f"/{number}/messages", {"content": "Once"})
    name = "create_conversation" if begins else "send_message"
    sends = getattr(messaging, name)

    def dies(*args: Any, **options: Any) -> None:
        sends(*args, **options)
        db.session.rollback()
        raise ConnectionAbortedError  # the process is gone before it could answer

    with monkeypatch.context() as patch:
        patch.setattr(messaging, name, dies)
        problem_of(api.post("sam", path, json=body, headers=KEY), 500, "internal_error")
    answer = api.post("sam", path, json=body, headers=KEY)
    assert answer.status_code == 201 and answer.json["last_seq" if begins else "seq"] == (1 if begins else 2)
    assert len(api.get("sam", "?status=all").json["conversations"]) == (2 if begins else 1)


def test_a_refused_request_leaves_its_key_unused(api: Api) -> None:
    number = api.begin("sam", "cleo")
    assert faults_of(api.post("sam", f"/{number}/messages", json={"content": " "}, headers=KEY))
    assert api.post("sam", f"/{number}/messages", json={"content": "A"}, headers=KEY).status_code == 201


def test_a_repeat_of_what_is_no_longer_seen_is_not_found(api: Api) -> None:
    number = api.begin("ada", "cleo")
    body = {"content": "Thanks"}
    assert api.post("cleo", f"/{number}/messages", json=body, headers=KEY).status_code == 201
    with api.app.app_context():
        from messaging_app.services.settings import set_settings

        set_settings(None, {"customers_see_platform_conversations": "false"})
    problem_of(api.post("cleo", f"/{number}/messages", json=body, headers=KEY), 404, "not_found")


def _file(data: bytes = b"words") -> tuple[io.BytesIO, str]:
    return io.BytesIO(data), "note.txt"
