"""A closed conversation is not a wall: who may close it reopens and sends at once; customers for some days."""

from __future__ import annotations

from datetime import timedelta

from messaging_app.db.engine import now
from messaging_app.extensions import db
from messaging_app.models import Conversation
from messaging_app.services.settings import set_settings
from tests.api.conftest import Api, problem_of
from tests.api.test_contexts import NAME, begin


def closed(api: Api) -> int:
    number = api.begin("sam", "cleo")
    assert api.post("sam", f"/{number}/close").status_code == 200
    return number


def shape(api: Api, number: int) -> list[str]:
    return [line["event"] or "message" for line in api.get("sam", f"/{number}").json["messages"]]


def test_who_may_close_reopens_and_sends_at_once(either_api: Api) -> None:
    api = either_api
    number = closed(api)
    problem_of(api.post("sam", f"/{number}/messages", json={"content": "Oh"}), 409, "conversation_closed")
    sent = api.post("sam", f"/{number}/messages", json={"content": "Oh", "reopen": True})
    assert (sent.status_code, sent.json["seq"]) == (201, 4)
    assert shape(api, number) == ["message", "closed", "reopened", "message"]
    assert api.get("cleo", f"/{number}").json["unread_count"] == 2
    again = api.post("sam", f"/{number}/messages", json={"content": "And", "reopen": True})
    assert (again.status_code, again.json["seq"]) == (201, 5), "what is open stays open"


def test_a_reply_of_the_customer_reopens_for_some_days(either_api: Api) -> None:
    api = either_api
    number = closed(api)
    body = {"content": "Still broken", "reopen": True}
    problem_of(api.post("cleo", f"/{number}/messages", json=body), 409, "conversation_closed")
    with api.app.app_context():
        set_settings(None, {"reply_reopens_days": "3"})
        db.session.get_one(Conversation, number).closed_at = now() - timedelta(days=3, seconds=5)
        db.session.commit()
    problem_of(api.post("cleo", f"/{number}/messages", json=body), 409, "conversation_closed")
    with api.app.app_context():
        db.session.get_one(Conversation, number).closed_at = now() - timedelta(days=2, hours=23)
        db.session.commit()
    assert api.post("cleo", f"/{number}/messages", json={"content": "Still broken"}).json["seq"] == 4
    assert shape(api, number) == ["message", "closed", "reopened", "message"]
    assert api.get("sam", f"/{number}").json["status"] == "open"
    assert api.post("sam", f"/{number}/close").status_code == 200
    problem_of(api.post("sam", f"/{number}/messages", json={"content": "x"}), 409, "conversation_closed")


def test_one_matter_still_has_one_open_conversation(api: Api) -> None:
    first = begin(api).json["id"]
    api.post("sam", f"/{first}/close")
    second = begin(api)
    assert second.status_code == 201
    refused = api.post("sam", f"/{first}/messages", json={"content": "x", "reopen": True})
    assert refused.status_code == 409 and refused.json["conversation_id"] == second.json["id"], NAME
