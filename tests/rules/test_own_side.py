"""Rule 28: the other side never sees what a side does for itself.

Everything that the other side can ask for is asked before and after; it is the same to the byte, tags included, and the
planted name of the assignee and the planted word of a note stand in none of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from sqlalchemy import update
from werkzeug.datastructures import FileStorage

from messaging_app.api.endpoints import ENDPOINTS
from messaging_app.bus import Subscription, current_bus
from messaging_app.db.engine import now, writing
from messaging_app.extensions import db
from messaging_app.models import ConversationParticipant, User
from messaging_app.policies import ROLES, policy_of
from messaging_app.services import assignment, bulk, messaging, notes, turns, undo
from messaging_app.services.announcements import topics_of
from tests.api.conftest import Api
from tests.cast import bring_in
from tests.conftest import Browser, Kept, Web, empty, role_of
from tests.files.makers import image
from tests.rules.routes import is_export, role_routes
from tests.world import four_conversations

PLANTED = "Quirinius Planted"
NOTED = "Zygomorphic"
VARIES = re.compile(
    r'(?<=name="csrf_token" )[^>]+|(?<=X-CSRFToken": ")[^"]+|(?<=from=)[^"]+|(?<=name="idempotency_key" )[^>]+'
)
OTHERS = {"bakery-cleo": ("cleo",), "admin-bakery": ("ada", "abe")}


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def world(request: pytest.FixtureRequest, kept_sqlite: Kept) -> tuple[Web, Api, dict[str, int]]:
    """The web and the API on one database, with the four conversations; the bakery is to answer Cleo and Ada."""
    if request.param == "sqlite":
        app, people = kept_sqlite.with_cast()
    else:
        app = request.getfixturevalue("kept_postgres")
        with app.app_context():
            empty(db.engine)
            people = bring_in()
    with app.app_context():
        numbers = four_conversations(people)
        with writing(db.session) as session:
            session.execute(update(User).where(User.id == people.nadia.id).values(name=PLANTED))
        messaging.send_message(people.cleo, numbers["bakery-cleo"], "Is it ready?")
        messaging.send_message(people.ada, numbers["admin-bakery"], "Are you there?")
    return Web(app, people), Api(app, people), numbers


def asked(web: Web, api: Api, browser: Browser, name: str, number: int) -> Iterator[tuple[str, Any]]:
    """Return every page, fragment and API response of a user with its ETag, without parts that always differ."""
    role = role_of(name)
    for route in role_routes(web.app):
        skipped = route.changes or is_export(route) or route.view in {"events", "logo"} or not route.guarded
        if route.role != role or skipped or "tokens" in route.rule or "console" in route.rule:
            continue
        if "messages" not in route.rule and route.rule != ROLES[role].home:
            continue
        for htmx in (False, True):
            answer = browser.get(route.path(number), htmx=htmx)
            yield f"{route} {htmx}", (answer.status_code, VARIES.sub("", answer.text))
    for endpoint in ENDPOINTS:
        if endpoint.method == "GET" and ROLES[role] in endpoint.roles and endpoint.path.startswith("/messages"):
            answer = api.get(name, endpoint.path.removeprefix("/messages").format(id=number, att_id=1))
            yield f"API {endpoint.name}", (answer.status_code, answer.headers.get("ETag"), answer.text)
    answer = api.get(name, "?status=all&include_total=true")
    yield "API all", (answer.headers.get("ETag"), answer.text)
    yield "API search", api.get(name, f"/search?q={NOTED.lower()}").text
    yield "search", VARIES.sub("", browser.get(f"{ROLES[role].messages}?q={NOTED.lower()}").text)


def kinds_in(stream: Subscription | None) -> list[str]:
    """What has come in a stream."""
    assert stream is not None
    return [delivered.event.kind for delivered in iter(lambda: stream.next(0.01), None)]


@pytest.mark.parametrize("which", OTHERS)
def test_what_a_side_does_for_itself_is_nowhere_on_the_other(
    world: tuple[Web, Api, dict[str, int]], which: str
) -> None:
    web, api, numbers = world
    number, cast = numbers[which], web.cast
    browsers = {name: web.signed_in(name) for name in OTHERS[which]}
    for _ in ("to warm up", "to compare"):
        before = {name: dict(asked(web, api, browsers[name], name, number)) for name in OTHERS[which]}
    with web.app.app_context():
        streams = {name: current_bus().listen("x", topics_of(getattr(cast, name)), "") for name in OTHERS[which]}
        own = current_bus().listen("y", topics_of(cast.lea), "")
        for stream in (own, *streams.values()):
            kinds_in(stream)  # what comes at the beginning
        assignment.assign(cast.sam, number, cast.nadia.id)
        turns.rule_reply_out(cast.sam, number)
        turns.expect_reply(cast.sam, number)
        turns.snooze(cast.lea, number, now() + timedelta(days=1))
        turns.mark_unread(cast.lea, number, 1)
        notes.write_note(cast.sam, number, f"{NOTED} flowers", [cast.lea.id])
        notes.write_note(cast.sam, number, "", uploads=[FileStorage(BytesIO(image("PNG")), f"{NOTED}.png")])
        undo.send_later(cast.sam, number, f"{NOTED} bread", seconds=20)
        undo.send_later(cast.nadia, number, f"{NOTED} rolls", seconds=20)
        undo.take_back(cast.sam, number, undo.list_delayed(cast.sam, number)[0].id)
        bulk.act(cast.sam, [number], "assign", user_id=None)
        bulk.act(cast.sam, [number], "assign", user_id=cast.nadia.id)
        assert "turn" in kinds_in(own)
        for name, stream in streams.items():
            assert kinds_in(stream) == [], name
        due = db.session.query(ConversationParticipant).filter(ConversationParticipant.mail_due_at.is_not(None))
        assert due.count() == 0
    assert NOTED in api.get("lea", f"/{number}/notes").text
    own_page = web.signed_in("sam").get(f"/store/messages/{number}").text
    assert PLANTED in own_page and f"{NOTED} rolls" in own_page and f"{NOTED} bread" not in own_page
    assert NOTED in own_page and own_page.count("event--own") >= 5
    for name in OTHERS[which]:
        after = dict(asked(web, api, browsers[name], name, number))
        assert len(after) >= 20
        assert not [what for what, answer in after.items() if NOTED in str(answer)]
        if name == "cleo":  # the platform knows everybody who works at a store: they have seats
            assert not [what for what, answer in after.items() if PLANTED in str(answer)]
        assert {
            what: (before[name][what], answer) for what, answer in after.items() if answer != before[name][what]
        } == {}
    assert policy_of(cast.cleo).has_team is False
