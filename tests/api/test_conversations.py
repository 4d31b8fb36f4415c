"""What programs of the three roles read and do: the contract, endpoint by endpoint, on both databases."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.api.conftest import Api, faults_of, problem_of

MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
OF_CUSTOMERS = {
    "id", "conversation_type", "subject", "status", "store_id", "store_name", "counterpart", "last_message_at",
    "last_message_preview", "last_seq", "unread_count", "created_at", "closed_at", "context", "reason",
}  # fmt: skip
SUMMARY = OF_CUSTOMERS | {"waiting", "waiting_since", "assignee", "snoozed_until"}
DETAIL = SUMMARY | {"participants", "email_notifications", "messages", "has_older"}
MESSAGE = {"id", "conversation_id", "seq", "kind", "event", "sender", "content", "created_at", "attachments"}


def test_a_store_begins_a_conversation_and_gets_it_whole(either_api: Api) -> None:
    api, cast = either_api, either_api.cast
    answer = api.post("sam", json=api.beginning("sam", "cleo", subject="Rye\nloaf", content=" Ready\r\nnow "))
    assert answer.status_code == 201
    body = answer.json
    assert set(body) == DETAIL
    assert answer.headers["Location"] == f"/api/v1/store/messages/{body['id']}"
    assert body["conversation_type"] == "store_customer"
    assert (body["subject"], body["status"], body["last_seq"]) == ("Rye loaf", "open", 1)
    assert (body["store_id"], body["store_name"]) == (cast.bakery, "Bakery")
    assert body["counterpart"] == {"type": "customer", "id": cast.cleo.id, "name": "Cleo"}
    assert body["last_message_preview"] == "Ready now"
    assert body["closed_at"] is None and body["unread_count"] == 0 and body["has_older"] is False
    assert body["email_notifications"] is True
    assert MOMENT.fullmatch(body["created_at"]) and MOMENT.fullmatch(body["last_message_at"])
    [message] = body["messages"]
    assert set(message) == MESSAGE
    assert message["sender"] == {"type": "store", "id": cast.sam.id, "name": "Sam"}
    assert (message["seq"], message["kind"], message["content"]) == (1, "message", "Ready\nnow")
    assert message["attachments"] == [] and MOMENT.fullmatch(message["created_at"])
    names = {person["name"]: person for person in body["participants"]}
    assert set(names) == {"Sam", "Nadia", "Lea", "Cleo"}
    assert set(names["Sam"]) == {"type", "id", "name", "last_read_seq", "last_read_at"}


def test_an_admin_begins_with_a_store_and_with_a_customer(either_api: Api) -> None:
    api = either_api
    with_store = api.get("ada", f"/{api.begin('ada', 'bakery')}").json
    with_customer = api.get("ada", f"/{api.begin('ada', 'cleo')}").json
    assert with_store["counterpart"] == {"type": "store", "id": api.cast.bakery, "name": "Bakery"}
    assert with_customer["counterpart"] == {"type": "customer", "id": api.cast.cleo.id, "name": "Cleo"}
    assert with_customer["store_name"] == "Bakery"


def test_the_platform_has_no_number_and_is_called_platform(api: Api) -> None:
    number = api.begin("ada", "bakery")
    assert api.get("sam", f"/{number}").json["counterpart"] == {"type": "platform", "id": None, "name": "Platform"}
    with_customer = api.begin("ada", "cleo")
    counterpart = api.get("cleo", f"/{with_customer}").json["counterpart"]
    assert counterpart == {"type": "platform", "id": None, "name": "Platform"}


def test_a_customer_learns_of_themselves_and_of_those_who_wrote(api: Api) -> None:
    number = api.begin("sam", "cleo")
    assert [person["name"] for person in api.get("cleo", f"/{number}").json["participants"]] == ["Cleo", "Sam"]
    api.post("nadia", f"/{number}/messages", json={"content": "Me too."})
    people = api.get("cleo", f"/{number}").json["participants"]
    assert [(person["type"], person["name"]) for person in people] == [
        ("customer", "Cleo"),
        ("store", "Sam"),
        ("store", "Nadia"),
    ]


@pytest.mark.parametrize("name", ["abe", "tomas", "lea_at_cycles", "omar", "jun"])
def test_who_does_not_see_a_conversation_gets_what_an_unknown_number_gets(kept_api: Api, name: str) -> None:
    api, number = kept_api, kept_api.begin("sam", "cleo")
    for method, path, options in _requests():
        if api.base(name).startswith("/api/v1/storefront") and path.endswith(("close", "reopen")):
            continue
        hidden = api.call(name, method, f"/{number}{path}", **options)
        unknown = api.call(name, method, f"/999999{path}", **options)
        problem_of(hidden, 404, "not_found")
        assert hidden.data == unknown.data and hidden.status_code == unknown.status_code, (method, path)


def _requests() -> list[tuple[str, str, dict[str, Any]]]:
    return [
        ("GET", "", {}),
        ("POST", "/messages", {"json": {"content": "x"}}),
        ("POST", "/close", {}),
        ("POST", "/reopen", {}),
        ("PUT", "/read", {"json": {"up_to": 1}}),
        ("PUT", "/preferences", {"json": {"email_notifications": True}}),
        ("GET", "/attachments/1", {}),
        ("GET", "/attachments/1/thumbnail", {}),
        ("DELETE", "/attachments/1", {}),
    ]


def test_a_customer_begins_nothing_and_has_no_address_for_closing(api: Api) -> None:
    number = api.begin("sam", "cleo")
    problem_of(api.post("cleo", json=api.beginning("sam", "cleo")), 403, "not_allowed")
    for path in (f"/{number}/close", f"/{number}/reopen", "/recipients"):
        problem_of(api.post("cleo", path), 404, "not_found")


def test_messages_are_sent_read_and_counted(either_api: Api) -> None:
    api = either_api
    number = api.begin("sam", "cleo")
    assert api.get("cleo", "/unread-count").json == {"total_unread": 1}
    sent = api.post("cleo", f"/{number}/messages", json={"content": "Thank you!"})
    assert sent.status_code == 201 and set(sent.json) == MESSAGE
    assert (sent.json["conversation_id"], sent.json["seq"]) == (number, 2)
    assert api.get("sam", "/unread-count").json == {"total_unread": 1}
    assert api.get("nadia", "/unread-count").json == {"total_unread": 2}
    read = api.put("cleo", f"/{number}/read", json={"up_to": 1})
    assert read.status_code == 200 and read.json == {"conversation_id": number, "unread_count": 0}
    seat = {person["name"]: person for person in api.get("cleo", f"/{number}").json["participants"]}["Cleo"]
    assert seat["last_read_seq"] == 1 and MOMENT.fullmatch(seat["last_read_at"])


@pytest.mark.parametrize("body", [{}, {"json": {}}, {"json": {"up_to": None}}], ids=["none", "empty", "null"])
def test_reading_without_a_number_reads_to_the_latest(api: Api, body: dict[str, Any]) -> None:
    number = api.begin("sam", "cleo")
    api.post("sam", f"/{number}/messages", json={"content": "And one more."})
    assert api.put("cleo", f"/{number}/read", **body).json == {"conversation_id": number, "unread_count": 0}


def test_reading_never_moves_backward(api: Api) -> None:
    number = api.begin("sam", "cleo")
    api.post("sam", f"/{number}/messages", json={"content": "2"})
    assert api.put("cleo", f"/{number}/read", json={"up_to": 1}).json["unread_count"] == 1
    assert api.put("cleo", f"/{number}/read", json={"up_to": 2}).json["unread_count"] == 0
    assert api.put("cleo", f"/{number}/read", json={"up_to": 0}).json["unread_count"] == 0


def test_closing_refuses_messages_until_it_is_reopened(either_api: Api) -> None:
    api = either_api
    number = api.begin("sam", "cleo")
    closed = api.post("sam", f"/{number}/close")
    assert closed.status_code == 200 and set(closed.json) == SUMMARY
    assert closed.json["status"] == "closed" and MOMENT.fullmatch(closed.json["closed_at"])
    assert closed.json["last_seq"] == 2 and closed.json["last_message_preview"] == "It is ready."
    assert api.post("sam", f"/{number}/close").json == closed.json  # idempotent
    for name, what_to_do in (
        ("cleo", "Only the store or the platform can reopen it"),
        ("sam", "Reopen the conversation"),
    ):
        refused = api.post(name, f"/{number}/messages", json={"content": "But"})
        problem_of(refused, 409, "conversation_closed")
        assert what_to_do in refused.json["detail"]
    event = api.get("cleo", f"/{number}").json["messages"][-1]
    assert (event["kind"], event["content"]) == ("event", "Sam closed this conversation")
    reopened = api.post("nadia", f"/{number}/reopen", json={})
    assert (reopened.json["status"], reopened.json["closed_at"], reopened.json["last_seq"]) == ("open", None, 3)
    assert api.post("cleo", f"/{number}/messages", json={"content": "But"}).status_code == 201


def test_the_mail_switch_is_set_for_oneself(either_api: Api) -> None:
    api = either_api
    number = api.begin("sam", "cleo")
    answer = api.put("cleo", f"/{number}/preferences", json={"email_notifications": False})
    assert answer.status_code == 200 and answer.json == {"email_notifications": False}
    assert api.get("cleo", f"/{number}").json["email_notifications"] is False
    assert api.get("sam", f"/{number}").json["email_notifications"] is True


def test_an_admin_without_a_seat_sees_nothing_unread_and_takes_one_with_the_switch(either_api: Api) -> None:
    api = either_api
    number = api.begin("ada", "bakery")
    api.post("sam", f"/{number}/messages", json={"content": "Hello"})
    seen = api.get("abe", f"/{number}").json
    assert (seen["unread_count"], seen["email_notifications"]) == (0, False)
    assert "Abe" not in {person["name"] for person in seen["participants"]}
    api.put("abe", f"/{number}/preferences", json={"email_notifications": True})
    assert "Abe" in {person["name"] for person in api.get("abe", f"/{number}").json["participants"]}


def test_the_list_holds_what_is_open_unless_asked_otherwise(either_api: Api) -> None:
    api = either_api
    first, second = api.begin("sam", "cleo"), api.begin("sam", "omar")
    api.post("sam", f"/{first}/close")
    api.post("omar", f"/{second}/messages", json={"content": "Thanks"})
    whole = api.get("sam").json
    assert set(whole) == {"conversations", "next_cursor", "total_unread"}
    assert [set(row) for row in whole["conversations"]] == [SUMMARY]
    assert (whole["next_cursor"], whole["total_unread"]) == (None, 1)

    def listed(query: str) -> list[int]:
        return [row["id"] for row in api.get("sam", query).json["conversations"]]

    assert listed("?status=closed") == [first]
    assert listed("?status=all") == [second, first]
    assert listed("?unread=true&status=all") == [second]
    assert listed("?unread=false&status=all") == [second, first]
    assert listed("?conversation_type=admin_store") == []
    assert api.get("sam", "?include_total=true&status=all&limit=1").json["total"] == 2
    assert "total" not in api.get("sam", "?include_total=false").json


def test_pages_stay_stable_while_messages_arrive(either_api: Api) -> None:
    api = either_api
    numbers = [api.begin("sam", "cleo", subject=f"Order {n}") for n in range(7)]
    seen: list[int] = []
    path: str | None = "?limit=2"
    while path:
        answer = api.get("sam", path)
        seen += [row["id"] for row in answer.json["conversations"]]
        link = re.fullmatch(r'<([^>]+)>; rel="next"', answer.headers.get("Link", ""))
        assert bool(link) == bool(answer.json["next_cursor"])
        if link:
            assert f"cursor={answer.json['next_cursor']}" in link[1]
        api.begin("nadia", "omar")  # something new at the top, between two pages
        path = link[1] if link else None
    assert seen == numbers[::-1]


def test_a_walk_misses_nothing_that_moves_to_the_top_meanwhile(either_api: Api) -> None:
    """As before, but older conversations are written in: while the walk goes down, and while it comes back for them."""
    api = either_api
    numbers = [api.begin("sam", "cleo", subject=f"Order {n}") for n in range(9)]
    closed = api.begin("sam", "omar")
    assert api.post("sam", f"/{closed}/close").status_code == 200
    for query in ("", "&status=all&conversation_type=store_customer", "&status=all", "&unread=true"):
        seen: list[int] = []
        written = [numbers[0], numbers[1], numbers[2], numbers[0], numbers[1]]
        cursor = ""
        for _ in range(20):
            answer = api.get("nadia", f"?limit=3{query}{cursor}").json
            seen += [row["id"] for row in answer["conversations"]]
            cursor = f"&cursor={answer['next_cursor']}"
            if answer["next_cursor"] is None:
                break
            if written:
                number = written.pop(0)
                assert api.post("cleo", f"/{number}/messages", json={"content": "Me!"}).status_code == 201
                api.begin("sam", "omar", subject="began meanwhile")
        assert set(numbers) <= set(seen), query
        assert {number for number in seen if seen.count(number) > 1} <= set(numbers[:3])
        assert "began meanwhile" not in {row["subject"] for row in answer["conversations"]}


def test_a_thread_is_read_in_windows_and_each_says_where_it_goes_on(either_api: Api) -> None:
    api = either_api
    number = api.begin("sam", "cleo", content="1")
    for n in range(2, 8):
        api.post("sam", f"/{number}/messages", json={"content": str(n)})

    def window(query: str) -> tuple[list[int], bool, str | None]:
        answer = api.get("cleo", f"/{number}{query}")
        link = re.fullmatch(r'<([^>]+)>; rel="next"', answer.headers.get("Link", ""))
        assert [m["content"] for m in answer.json["messages"]] == [str(m["seq"]) for m in answer.json["messages"]]
        return [m["seq"] for m in answer.json["messages"]], answer.json["has_older"], link[1] if link else None

    here = f"/api/v1/storefront/messages/{number}"
    assert window("") == ([1, 2, 3, 4, 5, 6, 7], False, None)
    assert window("?limit=3") == ([5, 6, 7], True, f"{here}?limit=3&before=5")
    assert window("?limit=3&before=5") == ([2, 3, 4], True, f"{here}?limit=3&before=2")
    assert window("?limit=3&before=2") == ([1], False, None)
    assert window("?after=2&limit=3") == ([3, 4, 5], True, f"{here}?after=5&limit=3")
    assert window("?after=5&limit=3") == ([6, 7], True, None)
    assert window("?after=7") == ([], False, None)
    assert window("?after=2&before=5") == ([3, 4], True, None)
    assert window("?before=1") == ([], False, None)


def test_an_admin_finds_stores_and_customers_and_a_store_its_customers(either_api: Api) -> None:
    api = either_api

    def found(name: str, query: str) -> list[str]:
        answer = api.get(name, f"/recipients{query}")
        assert answer.status_code == 200 and set(answer.json) == {"recipients", "next_cursor"}
        return [row["name"] for row in answer.json["recipients"]]

    assert found("ada", "") == found("ada", "?recipient_type=store") == ["Bakery", "Northwind Cycles"]
    assert found("ada", "?recipient_type=customer") == ["Cleo", "Jun", "Omar"]
    assert found("ada", "?recipient_type=customer&q=CL") == ["Cleo"]
    assert found("sam", "") == ["Cleo", "Omar"]
    assert found("tomas", "?recipient_type=customer&q=cleo") == []
    assert faults_of(api.get("sam", "/recipients?recipient_type=store")) == {("recipient_type", "not_a_choice")}
    [row] = api.get("sam", "/recipients?q=cleo").json["recipients"]
    assert row == {
        "recipient_type": "customer",
        "recipient_id": api.cast.cleo.id,
        "name": "Cleo",
        "detail": "cleo@mail.example · Bakery",
    }


def test_recipients_come_in_pages(either_api: Api) -> None:
    api, names, path = either_api, [], "/recipients?recipient_type=customer&limit=1"
    while path:
        answer = api.get("ada", path)
        names += [row["name"] for row in answer.json["recipients"]]
        link = re.fullmatch(r'<([^>]+)>; rel="next"', answer.headers.get("Link", ""))
        path = link[1] if link else ""
    assert names == ["Cleo", "Jun", "Omar"]


@pytest.mark.parametrize(
    ("name", "body", "fault"),
    [
        ("sam", {"recipient_id": 999_999}, ("recipient_id", "unknown_recipient")),
        ("sam", {"recipient_id": "jun"}, ("recipient_id", "unknown_recipient")),
        ("sam", {"recipient_type": "store"}, ("recipient_id", "unknown_recipient")),
        ("ada", {"conversation_type": "admin_store"}, ("recipient_id", "unknown_recipient")),
        ("sam", {"subject": " "}, ("subject", "required")),
        ("sam", {"subject": "x" * 201}, ("subject", "too_long")),
        ("sam", {"subject": "a\x07b"}, ("subject", "invalid_characters")),
        ("sam", {"content": "\u200b"}, ("content", "required")),
        ("sam", {"content": "x" * 10_001}, ("content", "too_long")),
        ("sam", {"content": "a\0b"}, ("content", "invalid_characters")),
    ],
)
def test_what_a_new_conversation_may_not_be(
    kept_api: Api, name: str, body: dict[str, Any], fault: tuple[str, str]
) -> None:
    api = kept_api
    if body.get("recipient_id") == "jun":
        body = {"recipient_id": api.cast.jun.id}
    assert faults_of(api.post(name, json=api.beginning(name, "cleo") | body)) == {fault}


@pytest.mark.parametrize(
    ("name", "kind"), [("sam", "admin_store"), ("sam", "admin_customer"), ("ada", "store_customer")]
)
def test_another_roles_type_of_conversation_is_not_allowed(kept_api: Api, name: str, kind: str) -> None:
    body = kept_api.beginning(name, "cleo", conversation_type=kind)
    problem_of(kept_api.post(name, json=body), 403, "not_allowed")


def test_exactly_the_longest_text_is_taken(kept_api: Api) -> None:
    body = kept_api.beginning("sam", "cleo", subject="😀" * 200, content="  " + "😀" * 10_000 + "\r\n")
    answer = kept_api.post("sam", json=body)
    assert answer.status_code == 201
    assert (len(answer.json["subject"]), len(answer.json["messages"][0]["content"])) == (200, 10_000)
