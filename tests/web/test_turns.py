"""A team works through its waiting conversations, with and without scripts."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from werkzeug.test import TestResponse

from messaging_app.services import assignment, messaging, staff, turns
from tests.conftest import Browser, Web
from tests.world import begin


@pytest.fixture
def three(web: Web) -> list[int]:
    """Three conversations in which Cleo waits for the bakery, the one that waits longest first."""
    with web.app.app_context():
        cast = web.cast
        numbers = [begin(cast.sam, "store_customer", "customer", cast.cleo.id, f"Order {n}") for n in range(3)]
        for number in numbers:
            messaging.send_message(cast.cleo, number, "When?")
    return numbers


def listed(answer: TestResponse) -> list[int]:
    """The rows of an inbox."""
    return [int(number) for number in re.findall(r'id="conversation-(\d+)"', answer.text)]


def toast(answer: TestResponse) -> dict[str, object]:
    """The notice of an answer."""
    found: dict[str, object] = json.loads(answer.headers["HX-Trigger"])["toast"]
    return found


def test_the_list_of_what_waits_is_longest_first_and_counted(web: Web, three: list[int]) -> None:
    sam = web.signed_in("sam")
    page = sam.get("/store/messages?waiting=us&order=waiting")
    assert listed(page) == three
    assert re.search(r"Waiting for us <span[^>]*>3</span>", page.text)
    assert page.text.count("data-since") == 3
    with web.app.app_context():
        turns.rule_reply_out(web.cast.nadia, three[0])
        turns.snooze(web.cast.nadia, three[1], datetime.now(UTC) + timedelta(hours=1))
    assert listed(sam.get("/store/messages?waiting=us&order=waiting")) == three[2:]
    assert listed(sam.get("/store/messages?snoozed=1")) == [three[1]]
    assert listed(sam.get("/store/messages?waiting=nobody")) == [three[0]]
    for query in ("waiting=me", "order=best", "assignee=you", "assignee=0", "assignee=1e3", f"assignee={2**63}"):
        assert sam.get(f"/store/messages?{query}").status_code == 422, query
    assert web.signed_in("cleo").get("/storefront/account/messages?waiting=us").status_code == 200


def test_each_person_chooses_with_which_list_the_inbox_opens(web: Web, three: list[int]) -> None:
    sam = web.signed_in("sam")
    with web.app.app_context():
        turns.rule_reply_out(web.cast.sam, three[0])
    assert len(listed(sam.get("/store/messages"))) == 3
    assert sam.post("/store/preferences", {"opens_with": "waiting"}).status_code == 303
    page = sam.get("/store/messages")
    assert listed(page) == three[1:]
    assert 'href="/store/messages?status=open"' in page.text
    assert len(listed(sam.get("/store/messages?status=open"))) == 3
    assert len(listed(web.signed_in("nadia").get("/store/messages"))) == 3
    assert sam.post("/store/preferences", {"opens_with": "closed"}).status_code == 422
    assert "opens_with" not in web.signed_in("cleo").get("/storefront/account/preferences").text


def test_everything_works_without_scripts(web: Web, three: list[int]) -> None:
    sam, number = web.signed_in("sam"), three[0]
    at = f"/store/messages/{number}"
    assert f'action="{at}/assignee"' in sam.get(f"{at}/assignee").text
    assert sam.post(f"{at}/assignee", {"user_id": str(web.cast.nadia.id)}).location == at
    assert "You gave this conversation to <bdi>Nadia</bdi>" in sam.get(at).text
    assert "<bdi>Sam</bdi> gave this conversation to you" in web.signed_in("nadia").get(at).text
    assert sam.post(f"{at}/assignee", {"user_id": str(web.cast.tomas.id)}).status_code == 422
    assert sam.post(f"{at}/snooze", {"at": "2020-01-01T10:00"}).status_code == 422
    refused = sam.post(f"{at}/snooze", {"at": "tomorrow"})
    assert refused.status_code == 422 and 'value="tomorrow"' in refused.text
    later = (datetime.now(UTC) + timedelta(days=2)).strftime("%Y-%m-%dT%H:%M")
    assert sam.post(f"{at}/snooze", {"at": later}).location == at
    assert "Snoozed until" in sam.get(at).text
    assert sam.post(f"{at}/no-reply-needed").location == at
    assert "You: no reply needed" in sam.get(at).text
    sam.post(f"{at}/read", {"up_to": "2"})
    assert sam.post(f"{at}/unread").location == "/store/messages"
    assert 'data-unread="3"' in sam.get("/store/messages/unread-count", htmx=True).text
    sent = sam.post(f"{at}/messages", {"content": "Done.", "then": "close"})
    assert sent.location == f"{at}#message-3"
    assert "You closed this conversation" in sam.get(at).text


def test_whoever_left_meanwhile_is_refused_where_the_choice_was_made(web: Web, three: list[int]) -> None:
    sam, cast, number = web.signed_in("sam"), web.cast, three[0]
    at = f"/store/messages/{number}/assignee"
    with web.app.app_context():
        assignment.assign(cast.sam, number, cast.lea.id)
    given = sam.post(at, {"user_id": str(cast.sam.id)}, htmx=True)
    with web.app.app_context():
        for gone in (cast.nadia, cast.lea):
            staff.remove_member(cast.ada, cast.bakery, gone.id)
    for htmx in (False, True):
        refused = sam.post(at, {"user_id": str(cast.nadia.id)}, htmx=htmx)
        assert refused.status_code == 422 and ("<html" in refused.text) != htmx
        assert 'role="alert">Choose a colleague from the list.' in refused.text and "Nadia" not in refused.text
    offered = toast(given)["undo"]
    assert isinstance(offered, dict)
    back = sam.post(offered["address"], offered["values"] | {"undo": "1"}, htmx=True)
    assert back.status_code == 422 and toast(back) == {"text": "Choose a colleague from the list.", "kind": "danger"}


@pytest.mark.parametrize(
    ("day", "at", "offered"),
    [
        (4, 9, ["Later today", "Tomorrow", "Next week"]),
        (4, 22, ["Tomorrow", "Next week"]),
        (9, 9, ["Later today", "Tomorrow"]),  # a Sunday: next week is tomorrow
    ],
)
def test_what_is_offered_are_different_moments_to_come(
    web: Web, three: list[int], day: int, at: int, offered: list[str]
) -> None:
    with time_machine.travel(datetime(2027, 5, day, at, 20, tzinfo=UTC), tick=False):
        page = web.signed_in("sam").get(f"/store/messages/{three[0]}/snooze").text
    assert [name for name in ("Later today", "Tomorrow", "Next week") if name in page] == offered
    assert page.count('name="until"') == len(offered)


def test_what_was_done_can_be_undone(web: Web, three: list[int]) -> None:
    sam, number = web.signed_in("sam"), three[0]
    at = f"/store/messages/{number}"
    done = sam.post(f"{at}/no-reply-needed", htmx=True)
    undo(sam, done)
    assert listed(sam.get("/store/messages?waiting=us&order=waiting")) == three
    with web.app.app_context():
        assignment.assign(web.cast.sam, number, web.cast.lea.id)
    undo(sam, sam.post(f"{at}/assignee", {"user_id": str(web.cast.sam.id)}, htmx=True))
    assert "Assigned to <bdi>Lea</bdi>" in sam.get("/store/messages").text


@pytest.mark.parametrize("action", ["close", "read", "assign", "snooze"])
def test_many_are_acted_on_at_once_and_brought_back(web: Web, three: list[int], action: str) -> None:
    sam = web.signed_in("sam")
    with web.app.app_context():
        assignment.assign(web.cast.sam, three[0], web.cast.lea.id)
    before = sam.get("/store/messages").text
    until = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    form = {"ids": [str(n) for n in (*three, 999)], "action": action, "user_id": str(web.cast.nadia.id), "until": until}
    done = sam.post("/store/messages/bulk", form, htmx=True)
    assert str(toast(done)["text"]) == (
        "3 conversations changed. 1 was refused. This does not exist, or you don't have access to it."
    )
    assert rows_of(sam.get("/store/messages").text) != rows_of(before)
    undo(sam, done)
    assert rows_of(sam.get("/store/messages").text) == rows_of(before)


def test_no_more_than_two_hundred_are_acted_on_at_once(web: Web, three: list[int]) -> None:
    sam = web.signed_in("sam")
    many = [str(number) for number in range(1, 202)]
    for form in (
        {"ids": many, "action": "close"},
        {"ids": [], "action": "close"},
        {"ids": ["0"], "action": "close"},
        {"ids": many[:1], "action": "delete"},
        {"ids": many[:1], "action": "snooze", "until": "soon"},
    ):
        assert sam.post("/store/messages/bulk", form, htmx=True).status_code == 422, form
    for before in ("", "x", "1:gone:::", f"{2**70}:open:::", "1:open:::2026-13-45T00:00"):
        assert sam.post("/store/messages/bulk/undo", {"before": before, "action": "close"}).status_code == 422, before
    assert len(listed(sam.get("/store/messages"))) == 3


@pytest.mark.parametrize(
    ("action", "field", "value"), [("assign", "user_id", "lea"), ("snooze", "at", "2027-05-01T08:00")]
)
def test_a_form_asks_to_whom_or_until_when_for_many(
    web: Web, three: list[int], action: str, field: str, value: str
) -> None:
    """Without scripts: a page whose form repeats the conversations."""
    sam = web.signed_in("sam")
    asked = "".join(f"&ids={number}" for number in three[:2])
    page = sam.get(f"/store/messages/bulk?action={action}{asked}").text
    ids = re.findall(r'name="ids" value="(\d+)"', page)
    assert ids == [str(number) for number in three[:2]] and f'name="action" value="{action}"' in page
    form = {"action": action, "ids": ids}
    if action == "snooze":
        refused = sam.post("/store/messages/bulk", form | {"at": "2020-01-01T08:00"})
        assert refused.status_code == 422 and 'value="2020-01-01T08:00"' in refused.text
        assert re.findall(r'name="ids" value="(\d+)"', refused.text) == ids
    else:
        value = str(web.cast.lea.id)
        assert f'name="user_id" value="{value}"' in page
    assert sam.post("/store/messages/bulk", form | {field: value}).status_code == 303
    shown = rows_of(sam.get("/store/messages?status=all").text)
    assert len([row for row in shown if "Lea" in row or "clock" in row]) == 2
    for wrong in ("?action=close&ids=1", "?action=assign", f"?action=assign&ids={2**70}"):
        assert sam.get(f"/store/messages/bulk{wrong}").status_code == 422, wrong


def undo(browser: Browser, done: TestResponse) -> None:
    """Press the button of a notice."""
    offered = toast(done)["undo"]
    assert isinstance(offered, dict)
    answer = browser.post(offered["address"], offered["values"] | {"undo": "1"}, htmx=True)
    assert answer.status_code == 200


def rows_of(page: str) -> list[str]:
    """The rows of an inbox as they look, without their addresses."""
    return re.findall(r'<li class="(conversation.*?)</li>', page, re.DOTALL)
