"""Staff who see only conversations assigned to them or to nobody: in list, counts, badge, search, stream, mail, API."""

from __future__ import annotations

import pytest

from messaging_app.actors import Actor
from messaging_app.db.engine import writing
from messaging_app.extensions import db
from messaging_app.models import Store, StoreMembership
from messaging_app.models.platform import OWNER
from messaging_app.services import assignment, messaging
from messaging_app.services.settings import set_settings
from tests.api.conftest import Api
from tests.conftest import Web
from tests.world import begin


def narrow(bakery: int, sam: Actor, *, by_store: bool) -> None:
    """Make Sam an owner, and hide from the bakery's staff what their colleagues have."""
    with writing(db.session) as session:
        session.get_one(StoreMembership, (bakery, sam.id)).role = OWNER
        session.get_one(Store, bakery).staff_see_only_assigned = by_store
    if not by_store:
        set_settings(None, {"staff_see_only_assigned": "true"})


@pytest.mark.parametrize("by_store", [True, False])
def test_a_colleagues_conversation_is_nowhere(web: Web, by_store: bool) -> None:
    cast, api = web.cast, Api(web.app, web.cast)
    with web.app.app_context():
        narrow(cast.bakery, cast.sam, by_store=by_store)
        leas, nobodys, own = (
            begin(cast.sam, "store_customer", "customer", cast.cleo.id, subject)
            for subject in ("Hidden", "Shared", "Own")
        )
        for number in (leas, nobodys, own):
            messaging.send_message(cast.cleo, number, "When?")
        assignment.assign(cast.sam, leas, cast.lea.id)
        assignment.assign(cast.sam, own, cast.nadia.id)
    nadia, sam, lea = (web.signed_in(name) for name in ("nadia", "sam", "lea"))
    for browser, sees in ((nadia, False), (sam, True), (lea, True)):
        for query in ("", "?status=all", "?waiting=us&order=waiting", "?unread=1", "?waiting=us"):
            assert ("Hidden" in browser.get(f"/store/messages{query}").text) is sees, query
        assert browser.get(f"/store/messages/{leas}").status_code == (200 if sees else 404)
        assert browser.get(f"/store/messages/{nobodys}").status_code == 200
    for browser, name, sees in ((nadia, "nadia", False), (sam, "sam", True), (lea, "lea", True)):
        for words in ("hidden", "when", "from:cleo", "is:waiting when"):
            assert ("Hidden" in browser.get(f"/store/messages?q={words}").text) is sees, words
            found = [hit["conversation"]["id"] for hit in api.get(name, f"/search?q={words}").json["hits"]]
            assert (leas in found) is sees, words
        for path in ("", "/notes", "/attachments/1", "/notes/attachments/1"):
            assert sees or api.get(name, f"/{leas}{path}").status_code == 404, path
    assert 'data-unread="4"' in nadia.get("/store/messages/unread-count", htmx=True).text
    assert 'data-unread="3"' in sam.get("/store/messages/unread-count", htmx=True).text
    assert 'data-waiting="2"' in nadia.get("/store/messages/unread-count", htmx=True).text
    listed = api.get("nadia", "?status=all&include_total=true").json
    assert ({row["id"] for row in listed["conversations"]}, listed["total"]) == ({nobodys, own}, 2)
    assert api.get("nadia", "/unread-count").json["total_unread"] == listed["total_unread"]
    for method, path in (
        ("GET", ""),
        ("POST", "/close"),
        ("PUT", "/read"),
        ("PUT", "/snooze"),
        ("POST", "/no-reply-needed"),
    ):
        body = {"json": {"until": None} if path == "/snooze" else {}} if method != "GET" else {}
        assert api.call("nadia", method, f"/{leas}{path}", **body).status_code == 404, path
    assert api.get("nadia", f"?assignee={cast.lea.id}").json["conversations"] == []
    given = api.put("nadia", f"/{own}/assignee", json={"user_id": cast.lea.id})
    assert (given.status_code, given.json["assignee"]["name"]) == (200, "Lea")
    assert api.get("nadia", f"/{own}").status_code == 404


def test_a_stream_tells_nothing_of_a_colleagues_conversation(web: Web) -> None:
    cast = web.cast
    with web.app.app_context():
        narrow(cast.bakery, cast.sam, by_store=True)
        hidden, shared = (begin(cast.sam, "store_customer", "customer", cast.cleo.id, "Bread") for _ in range(2))
        assignment.assign(cast.sam, hidden, cast.lea.id)
    for name, sees in (("nadia", False), ("lea", True), ("sam", True)):
        frames = web.signed_in(name).client.get("/store/messages/events").response
        heard = next(iter(frames))
        with web.app.app_context():
            for number in (hidden, shared):
                messaging.send_message(cast.cleo, number, "When?")
        while f'"id":{shared}'.encode() not in heard.replace(b" ", b""):
            heard += next(iter(frames))
        assert (f'"id":{hidden}'.encode() in heard.replace(b" ", b"")) is sees, name
