"""Slow, silent and dying mail servers: each mail reaches them once, or once more where nobody can know."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from messaging_app.db.engine import now
from messaging_app.extensions import db
from messaging_app.mail import delivery, outbox
from messaging_app.mail.smtp import Limits
from messaging_app.models import Notification
from messaging_app.services import messaging
from messaging_app.services.notes import write_note
from tests.mail.slow_server import SlowServer
from tests.post import Post

PATIENT = Limits(*[60.0] * 6)


@pytest.fixture
def server() -> Iterator[SlowServer]:
    server = SlowServer()
    yield server
    server.stop()


@pytest.fixture
def slow_post(post: Post, server: SlowServer, monkeypatch: pytest.MonkeyPatch) -> Post:
    """An application whose mail server is `server`, for which it has a minute in each phase."""
    given = post.app.extensions["settings"].mail_url
    object.__setattr__(post.app.extensions["settings"], "mail_url", server.url)
    monkeypatch.setattr(delivery, "LIMITS", PATIENT)
    monkeypatch.setattr(post, "server", server)
    yield post
    object.__setattr__(post.app.extensions["settings"], "mail_url", given)


def impatient(monkeypatch: pytest.MonkeyPatch, **limits: float) -> None:
    monkeypatch.setattr(delivery, "LIMITS", replace(PATIENT, **limits))


def notes() -> list[Notification]:
    db.session.rollback()
    return list(db.session.scalars(select(Notification).order_by(Notification.id)))


def test_each_phase_has_the_limit_of_the_standard() -> None:
    limits = Limits()
    assert (limits.greeting, limits.command, limits.data, limits.content, limits.end) == (300, 300, 120, 180, 600)
    assert delivery.LEASE.total_seconds() > max(limits.greeting, limits.command, limits.data + limits.content)
    assert delivery.UNSURE_PAUSE.total_seconds() > limits.end


@pytest.mark.parametrize(("phase", "limit"), [
    ("greeting", "greeting"), ("EHLO", "command"), ("MAIL", "command"), ("RCPT", "command"), ("DATA", "data"),
])  # fmt: skip
@pytest.mark.parametrize("end", ["silence", "the connection lost"])
def test_a_server_that_fails_before_it_has_the_mail_gets_it_soon_again(
    slow_post: Post, server: SlowServer, monkeypatch: pytest.MonkeyPatch, phase: str, limit: str, end: str
) -> None:
    slow_post.begin(slow_post.cast.sam, slow_post.cast.cleo)
    if end == "silence":
        server.silent(phase)
        impatient(monkeypatch, **{limit: 0.3})
    else:
        server.at[phase] = str
    assert slow_post.sweep(2.1) == 0
    [note] = notes()
    assert (note.state, note.hand_overs, server.messages) == ("due", 0, [])
    impatient(monkeypatch)
    server.speak()
    assert slow_post.sweep(3) == 1
    assert server.ids() == [note.message_id]


def test_a_server_that_is_slow_in_every_phase_gets_the_mail_once(slow_post: Post, server: SlowServer) -> None:
    slow_post.begin(slow_post.cast.sam, slow_post.cast.cleo)
    for phase in server.reached:
        server.at[phase] = lambda: (threading.Event().wait(0.4) and None) or None
    assert slow_post.sweep(2.1) == 1
    assert slow_post.sweep(60) == 0
    assert len(server.messages) == server.seen["end"] == 1


def unanswered(post: Post, server: SlowServer, monkeypatch: pytest.MonkeyPatch, how: str) -> int:
    """A mail whose end the server never answers; returns the number of its conversation."""
    number = post.begin(post.cast.sam, post.cast.cleo)
    if how == "silence":
        server.silent("end")
        impatient(monkeypatch, end=0.3)
    else:
        answer = {"the connection lost": "", "nonsense": "what?"}[how]
        server.at["end"] = lambda: answer
    assert post.sweep(2.1) == 0
    return number


def recovered(server: SlowServer, monkeypatch: pytest.MonkeyPatch) -> None:
    server.speak()
    impatient(monkeypatch)


@pytest.mark.parametrize("how", ["silence", "the connection lost", "nonsense"])
def test_a_mail_that_may_have_been_taken_is_marked_and_sent_once_more_much_later(
    slow_post: Post, server: SlowServer, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    unanswered(slow_post, server, monkeypatch, how)
    [note] = notes()
    assert (note.state, note.hand_overs) == ("due", 1) and "may have been taken" in (note.last_error or "")
    recovered(server, monkeypatch)
    for minutes in (3, 10, 20, 31):
        assert slow_post.sweep(minutes) == 0
    assert slow_post.sweep(33) == 1
    assert server.ids() == [note.message_id] * 2
    assert slow_post.sweep(600) == 0


def test_who_has_read_meanwhile_gets_it_no_second_time(
    slow_post: Post, server: SlowServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = unanswered(slow_post, server, monkeypatch, "silence")
    messaging.mark_conversation_read(slow_post.cast.cleo, number)
    recovered(server, monkeypatch)
    assert slow_post.sweep(600) == 0
    assert len(server.messages) == 1 and [note.state for note in notes()] == ["skipped"]


def test_new_words_go_out_under_a_new_name(
    slow_post: Post, server: SlowServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mailbox that drops what it has seen would else drop them with the mail that it may have."""
    number = unanswered(slow_post, server, monkeypatch, "silence")
    messaging.send_message(slow_post.cast.sam, number, "What came since")
    recovered(server, monkeypatch)
    assert slow_post.sweep(33) == 1
    first, second = server.messages
    assert "What came since" in second.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert first["Message-ID"] != second["Message-ID"]
    assert slow_post.sweep(600) == 0


def test_a_mention_that_came_since_goes_out_under_a_new_name(
    slow_post: Post, server: SlowServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    cast = slow_post.cast
    number = unanswered(slow_post, server, monkeypatch, "silence")
    recovered(server, monkeypatch)
    slow_post.sweep(33)
    server.silent("end")
    impatient(monkeypatch, end=0.3)
    for word in ("First", "Second"):
        write_note(cast.sam, number, f"{word} @Lea", [cast.lea.id])
        slow_post.sweep(60)
    recovered(server, monkeypatch)
    assert slow_post.sweep(95) == 1
    first, second = server.messages[-2:]
    assert "Second" in second.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert first["Message-ID"] != second["Message-ID"]
    assert slow_post.sweep(600) == 0


def test_a_mail_is_handed_over_twice_at_most_and_then_shown_to_operators(
    slow_post: Post, server: SlowServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    unanswered(slow_post, server, monkeypatch, "silence")
    for hours in range(1, 30):
        assert slow_post.sweep(60 * hours) == 0
    assert len(server.messages) == 2 and len(set(server.ids())) == 1
    assert [note.state for note in notes()] == ["failed"] and outbox.standing().failed == 1
    assert "may have been taken 2 times" in caplog.text


@pytest.mark.parametrize("answer", ["451 later", "552 too much", "421 closing"])
def test_a_refusal_of_the_whole_mail_is_certain(slow_post: Post, server: SlowServer, answer: str) -> None:
    for customer in (slow_post.cast.cleo, slow_post.cast.omar):
        slow_post.begin(slow_post.cast.sam, customer)
    server.at["end"] = lambda: answer
    assert slow_post.sweep(2.1) == 0
    assert [(note.state, note.hand_overs, note.attempts) for note in notes()] == [("due", 0, 1)] * 2
    assert server.seen["greeting"] == (2 if answer.startswith("421") else 1)
    server.speak()
    server.messages.clear()
    assert slow_post.sweep(3) == 2
    assert len(set(server.ids())) == 2


ANSWERS = {
    "RCPT": "550-5.1.1 <cleo@mail.example>:\r\n550 User unknown",
    "DATA": '554 no such user "cleo@mail.example"',
    "end": "552 CLEO@mail.example has no room",
}


@pytest.mark.parametrize("phase", ANSWERS)
def test_what_a_server_said_is_told_without_the_address_that_it_repeats(
    slow_post: Post, server: SlowServer, phase: str, caplog: pytest.LogCaptureFixture
) -> None:
    slow_post.begin(slow_post.cast.sam, slow_post.cast.cleo)
    server.at[phase] = lambda: ANSWERS[phase]
    assert slow_post.sweep(2.1) == 0
    said = notes()[0].last_error or ""
    assert "cleo" not in said.lower() and "\n" not in said and said in caplog.text
    assert any(words in said for words in ("User unknown", "no such user", "has no room"))


def test_a_worker_killed_before_the_answer_leaves_a_mail_that_may_have_been_taken(
    slow_post: Post, server: SlowServer
) -> None:
    slow_post.begin(slow_post.cast.sam, slow_post.cast.cleo)
    server.silent("end")
    with beside(slow_post, 2.1):
        assert server.reached["end"].wait(30)
        for minutes in (3, 12, 32):
            assert slow_post.sweep(minutes) == 0
        server.at.clear()
        assert slow_post.sweep(33) == 1
        server.speak()
    assert len(server.messages) == 2 and len(set(server.ids())) == 1
    assert [note.state for note in notes()] == ["sent"]


class beside:
    """The round of another worker, in another thread."""

    def __init__(self, post: Post, minutes: float) -> None:
        self._post, self._at = post, now() + timedelta(minutes=minutes)
        self._thread = threading.Thread(target=self._work)

    def _work(self) -> None:
        with self._post.app.app_context():
            outbox.sweep(self._at)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_raised: object) -> None:
        self._thread.join(60)
        assert not self._thread.is_alive()


@pytest.mark.parametrize("phase", ["greeting", "RCPT", "DATA", "end"])
def test_two_workers_and_a_slow_server_send_each_mail_once(slow_post: Post, server: SlowServer, phase: str) -> None:
    """The first has claimed all of them and waits for the server until its claims are over; the second sends them."""
    for index in range(10):
        slow_post.begin(slow_post.cast.sam, slow_post.cast.cleo, subject=f"Number {index}")
    server.silent(phase)
    with beside(slow_post, 2.1):
        assert server.reached[phase].wait(30)
        server.at.clear()  # the next connection finds it well
        assert slow_post.sweep(12) == (9 if phase == "end" else 10)
        server.speak()
    assert len(server.messages) == len(set(server.ids())) == 10
    assert {note.state for note in notes()} == {"sent"}
    assert not any(b"QUIT" in content for content in server.cut)
    assert slow_post.sweep(60) == 0


def test_a_worker_that_lost_its_claim_does_not_end_the_mail(slow_post: Post, server: SlowServer) -> None:
    """The other worker has the mail and has not sent it yet."""
    slow_post.begin(slow_post.cast.sam, slow_post.cast.cleo)
    server.silent("RCPT")
    with beside(slow_post, 2.1):
        assert server.reached["RCPT"].wait(30)
        at = now() + timedelta(minutes=12)
        assert len(delivery.claim_due(lambda: at)) == 1
        server.speak()
    assert server.messages == []
    assert slow_post.sweep(19) == 1


def test_a_claim_is_renewed_while_the_server_takes_its_time(
    slow_post: Post, server: SlowServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four minutes pass in each phase, and no other worker may have the mail in any of them."""
    monkeypatch.setattr(delivery, "RENEW_AFTER", -1.0)
    slow_post.begin(slow_post.cast.sam, slow_post.cast.cleo)
    time = [now() + timedelta(minutes=2.1)]
    claimed: list[Any] = []

    def take_time() -> None:
        time[0] += timedelta(minutes=4)
        with slow_post.app.app_context():
            claimed.extend(delivery.claim_due(lambda: time[0]))

    outbox._enrol(time[0])
    server.at = dict.fromkeys(server.reached, take_time)
    clock: Callable[[], datetime] = lambda: time[0]  # noqa: E731
    assert delivery.deliver(outbox.settings(), clock, lambda: True) == 1
    assert claimed == [] and len(server.messages) == 1


def test_a_worker_that_is_to_end_gives_back_what_it_has_not_sent(slow_post: Post, server: SlowServer) -> None:
    for customer in (slow_post.cast.cleo, slow_post.cast.omar):
        slow_post.begin(slow_post.cast.sam, customer)
    at = now() + timedelta(minutes=2.1)
    assert outbox.sweep(at, lambda: not server.messages) == 1
    assert outbox.sweep(at) == 1
    assert len(set(server.ids())) == 2
