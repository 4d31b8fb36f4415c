"""Stores write to the platform where the platform lets them, and then it is the platform's turn."""

from __future__ import annotations

from typing import Any

from messaging_app import doctor
from tests.api.conftest import Api, faults_of, problem_of
from tests.api.test_contexts import NAME, put
from tests.api.test_reasons import REASONS, keep, offered, set_to

PAYOUT = {
    "code": "payout",
    "name": "A payout",
    "sides": ["store"],
    "kinds": [],
    "states": [],
    "recipients": ["platform"],
}


def write(api: Api, who: str = "sam", **fields: Any) -> Any:
    body = {"conversation_type": "admin_store", "recipient_type": "platform", "reason": "payout"}
    return api.post(who, json=body | {"subject": "November", "content": "It is late."} | fields)


def test_without_the_setting_stores_write_to_their_customers_only(api: Api) -> None:
    keep(api, PAYOUT)
    problem_of(write(api), 403, "not_allowed")
    problem_of(write(api, recipient_type="store", recipient_id=api.cast.bakery), 403, "not_allowed")
    wrong = write(api, conversation_type="store_customer", recipient_id=api.cast.cleo.id)
    assert faults_of(wrong) == {("recipient_id", "unknown_recipient")}
    for who in ("ada", "cleo"):
        assert write(api, who).status_code in (403, 422)
    assert api.get("ada", "?status=all").json["conversations"] == []


def test_what_a_store_writes_waits_for_the_platform(either_api: Api) -> None:
    api = either_api
    keep(api, PAYOUT)
    set_to(api, stores_may_write_to_platform="true")
    made = write(api)
    assert made.status_code == 201, made.text
    assert (made.json["waiting"], made.json["counterpart"]) == (
        "them",
        {"type": "platform", "id": None, "name": "Platform"},
    )
    number = made.json["id"]
    for who in ("ada", "abe"):
        [listed] = api.get(who, "?waiting=us").json["conversations"]
        assert (listed["id"], listed["waiting"], listed["reason"]["code"]) == (number, "us", "payout")
        assert listed["counterpart"]["name"] == "Bakery"
    assert api.get("nadia", f"/{number}").json["unread_count"] == 1, "a colleague has not read it"
    for other in ("tomas", "cleo"):
        problem_of(api.get(other, f"/{number}"), 404, "not_found")
    assert api.post("ada", f"/{number}/messages", json={"content": "Tomorrow."}).status_code == 201
    assert api.get("sam", f"/{number}").json["waiting"] == "us"
    assert api.get("ada", "?waiting=us").json["conversations"] == []


def test_a_store_always_says_why_and_names_no_number(api: Api) -> None:
    keep(api, PAYOUT, REASONS[2])
    set_to(api, stores_may_write_to_platform="true")
    assert faults_of(write(api, reason=""), 422, "reason_required") == {("reason", "reason_required")}
    assert faults_of(write(api, reason="delay")) == {("reason", "does_not_fit")}
    assert faults_of(write(api, recipient_id=1)) == {("recipient_id", "unknown_recipient")}
    assert faults_of(write(api, conversation_type="store_customer")) == {("recipient_id", "unknown_recipient")}
    assert faults_of(api.post("sam", json=api.beginning("sam", "cleo", recipient_id=None))) == {
        ("recipient_id", "required")
    }
    assert faults_of(api.post("sam", json=api.beginning("sam", "cleo", reason="payout"))) == {
        ("reason", "does_not_fit")
    }
    only = "Only for messages to the platform."
    assert offered(api, "sam", "?recipient_type=customer") == {"payout": only, "delay": "Only for orders."}
    assert offered(api, "sam", "?recipient_type=platform")["payout"] is None
    keep(api, REASONS[1])
    assert write(api, reason="").status_code == 201, "there is no reason to choose from"


def test_one_matter_one_conversation_whoever_begins_it(api: Api) -> None:
    keep(api, PAYOUT)
    set_to(api, stores_may_write_to_platform="true")
    put(api)
    first = write(api, context=NAME)
    again = write(api, context=NAME)
    assert (first.status_code, again.status_code, again.json["id"]) == (201, 200, first.json["id"])
    assert api.post("ada", json=api.beginning("ada", "bakery", context=NAME)).json["id"] == first.json["id"]
    with api.app.app_context():
        assert not doctor.examine().broken
