"""Events come from one table: a row there is all that a new kind needs in pages, API and doctor."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import insert, update

from messaging_app import doctor
from messaging_app.db.engine import writing
from messaging_app.extensions import db
from messaging_app.models import Conversation, Message, MessageKind, events
from messaging_app.models.events import EventKind, SeenBy
from messaging_app.services import messaging
from tests.conftest import Web

MOVED = EventKind(
    name="moved",
    sentence="%(name)s moved this to %(content)s",
    own_sentence="You moved this to %(content)s",
    icon="selector",
)


def leave(web: Web, number: int, event: str) -> None:
    """Let Sam leave an event of that kind as the next line of a conversation; its text is "shelf <3>"."""
    with web.app.app_context(), writing(db.session) as session:
        head = session.get_one(Conversation, number)
        head.last_seq += 1
        session.execute(
            insert(Message).values(
                conversation_id=number,
                seq=head.last_seq,
                kind=MessageKind.EVENT,
                event=event,
                sender_type="store",
                sender_id=web.cast.sam.id,
                sender_name="Sam & Co",
                content="shelf <3>",
                created_at=head.last_message_at,
            )
        )


def event_lines(web: Web, name: str, number: int) -> list[str]:
    """Return the events of a thread as the bakery's staff see them, without markup and times."""
    page = web.signed_in(name).get(f"/store/messages/{number}").text
    lines = re.findall(r'<p class="event".*?</p>', page, re.DOTALL)
    icons = [re.search(r'href="[^"]*#([\w-]+)"', line)[1] for line in lines]  # type: ignore[index]
    words = [re.sub(r"<[^>]*>", "", line).split(" · ")[0] for line in lines]
    return [f"{icon}: {sentence}" for icon, sentence in zip(icons, words, strict=True)]


def complaint(web: Web) -> str | None:
    """Return the doctor's report about events."""
    with web.app.app_context():
        return next((line for line in doctor.examine().lines if line.startswith("FAIL status and events")), None)


def test_a_row_is_all_that_a_new_kind_needs(web: Web, numbers: dict[str, int], monkeypatch: pytest.MonkeyPatch) -> None:
    number = numbers["bakery-cleo"]
    monkeypatch.setitem(events.EVENT_KINDS, "moved", MOVED)
    with web.app.app_context():
        messaging.close_conversation(web.cast.nadia, number)
    leave(web, number, "moved")
    assert event_lines(web, "nadia", number) == [
        "circle-check: You closed this conversation",
        "selector: Sam &amp; Co moved this to shelf &lt;3&gt;",
    ]
    assert event_lines(web, "sam", number) == [
        f"circle-check: {web.cast.nadia.name} closed this conversation",
        "selector: You moved this to shelf &lt;3&gt;",
    ]
    assert complaint(web) is None, "the conversation stays closed after an event that opens and closes nothing"
    assert MOVED.content_of("Sam", "shelf 3") == "Sam moved this to shelf 3"


def test_an_unknown_kind_is_told_by_its_text_and_by_the_doctor(web: Web, numbers: dict[str, int]) -> None:
    number = numbers["bakery-cleo"]
    leave(web, number, "newer")
    assert event_lines(web, "nadia", number) == ["alert-circle: shelf &lt;3&gt;"]
    assert "no known kind" in (complaint(web) or "")


def test_what_one_side_sees_is_no_line_of_a_thread(
    web: Web, numbers: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    hidden = EventKind("moved", MOVED.sentence, MOVED.own_sentence, MOVED.icon, seen_by=SeenBy.OWN_SIDE)
    monkeypatch.setitem(events.EVENT_KINDS, "moved", hidden)
    leave(web, numbers["bakery-cleo"], "moved")
    assert "no known kind" in (complaint(web) or "")


def test_the_doctor_knows_each_status_that_an_event_gives(web: Web, numbers: dict[str, int]) -> None:
    number = numbers["bakery-cleo"]
    for act, wrong in ((messaging.close_conversation, "open"), (messaging.reopen_conversation, "closed")):
        with web.app.app_context():
            act(web.cast.sam, number)
        assert complaint(web) is None
        with web.app.app_context(), writing(db.session) as session:
            session.execute(update(Conversation).where(Conversation.id == number).values(status=wrong))
        assert f"conversation {number} is {wrong}" in (complaint(web) or "")
        right = "closed" if wrong == "open" else "open"
        with web.app.app_context(), writing(db.session) as session:
            session.execute(update(Conversation).where(Conversation.id == number).values(status=right))
