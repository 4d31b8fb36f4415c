"""Undo send: a message that waits is sent once when it is due, or goes back to its writer, and never both."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, select
from sqlalchemy.exc import InvalidRequestError
from sqlalchemy.orm import Session

from messaging_app import doctor
from messaging_app.actors import Actor
from messaging_app.errors import (
    ConversationClosed,
    IdempotencyConflict,
    Invalid,
    NewerMessages,
    NotAllowed,
    NotFound,
    Refusal,
)
from messaging_app.extensions import db
from messaging_app.models import ConversationParticipant, DelayedMessage, Message
from messaging_app.services import assignment, delayed, inboxes, messaging, threads, undo
from messaging_app.services import settings as platform
from messaging_app.services.sending import Sent
from messaging_app.services.undo import TooLate, Waiting, take_back
from tests.cast import Cast
from tests.domain import invariants
from tests.domain.conversations import begin, set_active

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def later(actor: Actor, number: int, text: str, seconds: int = 10, **more: object) -> int:
    """Let a message wait; its id."""
    waiting = undo.send_later(actor, number, text, seconds=seconds, **more)  # type: ignore[arg-type]
    assert isinstance(waiting, Waiting)
    return waiting.id


def texts(number: int) -> list[str]:
    """What has been sent and what has happened, in order."""
    db.session.rollback()
    query = select(Message.content).where(Message.conversation_id == number).order_by(Message.seq)
    return list(db.session.scalars(query))


def sweep(seconds: float = 60) -> None:
    """What the worker does so much later."""
    delayed.sweep(datetime.now(UTC) + timedelta(seconds=seconds))


def waiting(actor: Actor, number: int) -> list[tuple[str, bool]]:
    """The words that the actor's side has waiting, and whether they could not be sent."""
    return [(one.content, bool(one.why)) for one in undo.list_delayed(actor, number)]


# --- While it waits, and after ------------------------------------------------------------------------------------


def test_what_waits_counts_nowhere_and_is_sent_when_due(cast_of: Cast) -> None:
    number = begin(cast_of.sam, cast_of.cleo)
    before = [threads.get_head(who, number) for who in (cast_of.cleo, cast_of.nadia)]
    later(cast_of.sam, number, "Ready")
    sweep(9)
    assert texts(number) == ["Hello"]
    assert threads.get_head(cast_of.cleo, number) == before[0], "to the other side nothing has happened"
    assert threads.get_head(cast_of.nadia, number).head.last_message_preview == "Hello"
    assert waiting(cast_of.nadia, number) == [("Ready", False)]
    sweep(11)
    assert texts(number) == ["Hello", "Ready"] and waiting(cast_of.sam, number) == []
    assert inboxes.get_unread_count(cast_of.cleo) == 2
    assert invariants.broken() == []


def test_it_is_sent_in_the_order_of_becoming_due(cast_of: Cast) -> None:
    number = begin(cast_of.sam, cast_of.cleo)
    later(cast_of.sam, number, "Sam's first", 20)
    later(cast_of.nadia, number, "Nadia's", 5)
    later(cast_of.sam, number, "Sam's second", 5)  # never before what he has waiting already
    sweep()
    assert texts(number) == ["Hello", "Nadia's", "Sam's first", "Sam's second"]


def test_its_writer_has_it_back_until_it_is_sent(cast_of: Cast) -> None:
    number = begin(cast_of.sam, cast_of.cleo)
    one, other = later(cast_of.sam, number, "Wrong"), later(cast_of.sam, number, "Right")
    assert take_back(cast_of.sam, number, one).content == "Wrong"
    assert take_back(cast_of.sam, number, one).content == "Wrong", "pressed twice"
    for stranger, refusal in ((cast_of.nadia, NotAllowed), (cast_of.tomas, NotFound), (cast_of.cleo, NotFound)):
        with pytest.raises(refusal):
            take_back(stranger, number, other)
    with pytest.raises(NotFound):
        take_back(cast_of.sam, begin(cast_of.sam, cast_of.omar), other)
    sweep()
    assert texts(number) == ["Hello", "Right"]
    with pytest.raises(TooLate):
        take_back(cast_of.sam, number, other)
    assert undo.find_taken_back(cast_of.nadia, number, one) is None
    found = undo.find_taken_back(cast_of.sam, number, one)
    assert found is not None and found.content == "Wrong"


def test_closing_with_it_happens_when_it_is_due(cast_of: Cast) -> None:
    number = begin(cast_of.sam, cast_of.cleo)
    later(cast_of.sam, number, "Bye", close=True)
    assert threads.find_status(cast_of.sam, number) == "open"
    sweep()
    assert threads.find_status(cast_of.sam, number) == "closed" and texts(number)[1] == "Bye"
    with pytest.raises(ConversationClosed):
        later(cast_of.sam, number, "One more thing")
    later(cast_of.sam, number, "One more thing", reopen=True)
    assert threads.find_status(cast_of.sam, number) == "closed"
    sweep()
    assert threads.find_status(cast_of.sam, number) == "open" and texts(number)[-1] == "One more thing"


# --- What it meets when it is due ---------------------------------------------------------------------------------


def refused_at_due(cast_of: Cast, number: int) -> None:
    """It was not sent, its side still sees it, and its writer gets it back."""
    sweep()
    assert "Green" not in texts(number)
    assert waiting(cast_of.nadia, number) == [("Green", True)]
    [one] = undo.list_delayed(cast_of.sam, number)
    assert take_back(cast_of.sam, number, one.id).content == "Green"
    assert waiting(cast_of.sam, number) == []


@pytest.mark.parametrize("other", ["cleo", "nadia"])
def test_it_is_not_sent_over_lines_that_its_writer_has_not_seen(cast_of: Cast, other: str) -> None:
    number = begin(cast_of.sam, cast_of.cleo)
    later(cast_of.sam, number, "Green", seen=1)
    messaging.send_message(getattr(cast_of, other), number, "Red!")
    with pytest.raises(NewerMessages):
        later(cast_of.sam, number, "Blue", seen=1)
    refused_at_due(cast_of, number)


def test_own_lines_and_events_do_not_hold_it_up(cast_of: Cast) -> None:
    number = begin(cast_of.sam, cast_of.cleo)
    later(cast_of.sam, number, "Green", seen=1)
    messaging.send_message(cast_of.sam, number, "From another tab")
    messaging.close_conversation(cast_of.nadia, number)
    messaging.reopen_conversation(cast_of.nadia, number)
    sweep()
    assert texts(number)[-1] == "Green"


def test_it_is_not_sent_where_its_writer_may_not_write_any_more(cast_of: Cast) -> None:
    number = begin(cast_of.sam, cast_of.cleo)
    later(cast_of.lea, number, "Green")
    set_active("users", cast_of.lea.id, active=False)
    sweep()
    set_active("users", cast_of.lea.id, active=True)
    later(cast_of.lea, number, "Blue")
    platform.set_settings(cast_of.ada, {"staff_see_only_assigned": "true"})
    assignment.assign(cast_of.sam, number, cast_of.nadia.id)
    sweep()
    assert texts(number) == ["Hello"]
    assert waiting(cast_of.sam, number) == [("Green", True), ("Blue", True)]


def test_a_closed_conversation_does_not_take_it(cast_of: Cast) -> None:
    number = begin(cast_of.sam, cast_of.cleo)
    later(cast_of.sam, number, "Green")
    messaging.close_conversation(cast_of.nadia, number)
    refused_at_due(cast_of, number)


# --- Once ---------------------------------------------------------------------------------------------------------


def test_a_repeated_key_is_one_message_before_and_after_it_is_due(cast_of: Cast) -> None:
    number = begin(cast_of.sam, cast_of.cleo)
    first = later(cast_of.sam, number, "Ready", idempotency_key="k")
    assert later(cast_of.sam, number, "Ready", idempotency_key="k") == first
    for place, text in ((number, "Another"), (begin(cast_of.sam, cast_of.omar), "Ready")):
        with pytest.raises(IdempotencyConflict):
            later(cast_of.sam, place, text, idempotency_key="k")
    sweep()
    again = undo.send_later(cast_of.sam, number, "Ready", seconds=5, idempotency_key="k")
    assert isinstance(again, Sent) and again.repeated
    later(cast_of.sam, number, "Oops", idempotency_key="u")
    take_back(cast_of.sam, number, undo.list_delayed(cast_of.sam, number)[0].id)
    with pytest.raises(IdempotencyConflict):
        later(cast_of.sam, number, "Oops", idempotency_key="u")
    sweep()
    assert texts(number) == ["Hello", "Ready"]


def test_what_its_key_sent_at_once_meanwhile_is_not_sent_again(cast_of: Cast) -> None:
    number = begin(cast_of.sam, cast_of.cleo)
    later(cast_of.sam, number, "Ready", idempotency_key="k", seen=1)
    messaging.send_message(cast_of.sam, number, "Ready", idempotency_key="k")
    messaging.send_message(cast_of.cleo, number, "Thanks")
    sweep()
    assert texts(number) == ["Hello", "Ready", "Thanks"] and waiting(cast_of.sam, number) == []


@pytest.mark.parametrize("moment", ["before_commit", "after_commit"])
def test_a_worker_that_dies_at_any_moment_sends_it_once(cast_of: Cast, moment: str) -> None:
    number = begin(cast_of.sam, cast_of.cleo)
    later(cast_of.sam, number, "Ready", close=True)

    def die(_session: Session) -> None:
        raise KeyboardInterrupt

    event.listen(Session, moment, die)
    try:
        with pytest.raises((KeyboardInterrupt, InvalidRequestError)):  # the second: nothing to roll back any more
            sweep()
    finally:
        event.remove(Session, moment, die)
    db.session.remove()
    sweep()
    sweep()
    assert texts(number).count("Ready") == 1 and threads.find_status(cast_of.sam, number) == "closed"
    assert invariants.broken() == []


@pytest.mark.parametrize("seed", range(3))
def test_two_workers_and_an_undo_at_once_send_it_or_give_it_back(app: Flask, cast_of: Cast, seed: int) -> None:
    number, chance = begin(cast_of.sam, cast_of.cleo), random.Random(seed)
    sent, given = 0, 0
    for turn in range(8):
        one = later(cast_of.sam, number, f"Number {turn}", seen=1)
        results: list[object] = []
        acts: list[Callable[[], object]] = [sweep, sweep, lambda one=one: take_back(cast_of.sam, number, one)]  # type: ignore[misc]
        chance.shuffle(acts)
        at_once(app, acts, results)
        came, back = f"Number {turn}" in texts(number), any(isinstance(result, undo.TakenBack) for result in results)
        assert came is not back and any(isinstance(result, TooLate) for result in results) is came
        sent, given = sent + came, given + back
    assert len(texts(number)) == 1 + sent and sent + given == 8
    assert invariants.broken() == []


def at_once(app: Flask, acts: list[Callable[[], object]], results: list[object]) -> None:
    begun = threading.Barrier(len(acts))

    def run(act: Callable[[], object]) -> None:
        with app.app_context():
            begun.wait()
            try:
                results.append(act())
            except Exception as error:
                results.append(error)

    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not [one for one in results if isinstance(one, Exception) and not isinstance(one, Refusal)], results


@dataclass
class Model:
    """The rules once more: what waits until when with which guard, and what has been said."""

    said: list[tuple[str, str]] = field(default_factory=lambda: [("sam", "Hello")])
    waits: list[tuple[int, str, str, int, int]] = field(default_factory=list)  # due, who, text, seen, id
    stuck: int = 0

    def sweep(self, at: int) -> None:
        for one in sorted(self.waits, key=lambda one: (one[0], one[4])):
            due, who, text, seen, _id = one
            if due > at:
                continue
            self.waits.remove(one)
            if any(other != who for other, _text in self.said[seen:]):
                self.stuck += 1
            else:
                self.said.append((who, text))


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["later", "now", "undo", "sweep"]), st.sampled_from(["sam", "nadia"]), st.integers(1, 20)
    ),
    max_size=14,
)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=STEPS)
def test_any_course_of_things_ends_as_the_rules_say(
    app: Flask, cast_of: Cast, steps: list[tuple[str, str, int]]
) -> None:
    number, model, moment = begin(cast_of.sam, cast_of.cleo), Model(), 0
    with time_machine.travel(NOON, tick=False) as clock:
        for place, (what, name, size) in enumerate(steps):
            actor, text = getattr(cast_of, name), f"{place}"
            moment += size
            clock.move_to(NOON + timedelta(seconds=moment))
            if what == "later":
                seen = len(model.said)
                own = [due for due, who, *_ in model.waits if who == name]
                due = max([moment + 10, *own])
                model.waits.append((due, name, text, seen, later(actor, number, text, 10, seen=seen)))
            elif what == "now":
                messaging.send_message(actor, number, text)
                model.said.append((name, text))
            elif what == "undo" and model.waits:
                _due, who, text, _seen, delayed_id = model.waits.pop(size % len(model.waits))
                assert take_back(getattr(cast_of, who), number, delayed_id).content == text
            elif what == "sweep":
                delayed.sweep()
                model.sweep(moment)
            assert texts(number) == [text for _who, text in model.said]
            own_side = undo.list_delayed(cast_of.lea, number)
            assert sum(not one.why for one in own_side) == len(model.waits)
            assert sum(bool(one.why) for one in own_side) == model.stuck
    assert invariants.broken() == []


# --- The rest -----------------------------------------------------------------------------------------------------


def test_words_that_cannot_be_sent_are_refused_at_once(cast_of: Cast) -> None:
    number = begin(cast_of.sam, cast_of.cleo)
    for actor, text, refusal in ((cast_of.sam, " ", Invalid), (cast_of.tomas, "Hello", NotFound)):
        with pytest.raises(refusal):
            undo.send_later(actor, number, text, seconds=10)
    assert db.session.scalar(select(DelayedMessage.id)) is None


def test_settled_ones_are_forgotten_after_a_day_and_the_doctor_tells_of_late_ones(cast_of: Cast) -> None:
    number = begin(cast_of.sam, cast_of.cleo)
    later(cast_of.sam, number, "Sent")
    take_back(cast_of.sam, number, later(cast_of.sam, number, "Undone"))
    sweep()
    later(cast_of.sam, number, "Stays", seen=1)
    messaging.send_message(cast_of.cleo, number, "Newer")
    sweep()
    assert not doctor.examine().broken
    later(cast_of.sam, number, "Late")
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=5), tick=False):
        assert any("FAIL messages to be sent: 1 message" in line for line in doctor.examine().lines)
    assert delayed.sweep() is not None, "when the next one is due"
    delayed.forget_settled(datetime.now(UTC) + timedelta(hours=25))
    kept = {row.content for row in db.session.execute(select(DelayedMessage.content))}
    assert kept == {"Stays", "Late"}


def test_nobody_is_mailed_before_it_is_due(cast_of: Cast) -> None:
    number = begin(cast_of.sam, cast_of.cleo)
    before = list(db.session.execute(select(*ConversationParticipant.__table__.c)))
    later(cast_of.sam, number, "Ready")
    db.session.rollback()
    assert list(db.session.execute(select(*ConversationParticipant.__table__.c))) == before
