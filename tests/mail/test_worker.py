"""When the worker makes its rounds."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine

from messaging_app.db.engine import now
from messaging_app.mail import outbox
from messaging_app.mail.worker import Worker
from messaging_app.services import threads, undo
from tests.post import Post
from tests.services import wait_for

NOON = "2026-03-01T12:00:00Z"


@pytest.fixture
def worker(post: Post, monkeypatch: pytest.MonkeyPatch) -> Worker:
    """A worker whose rounds the test makes, while there is always a mail that is due in half a minute."""
    monkeypatch.setattr(outbox, "next_due", lambda: now() + timedelta(seconds=30))
    return Worker(post.app)


def coming(worker: Worker) -> list[Any]:
    """The rounds that were asked for and not made yet."""
    return worker.huey.pending()


def test_rounds_of_every_minute_do_not_each_bring_a_further_one(worker: Worker) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        for _minute in range(5):
            worker._sweep()
            assert len(coming(worker)) == 1
            clock.shift(5)


def test_after_a_round_of_its_own_there_is_one_again(worker: Worker) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        for _round in range(3):
            worker._sweep()
            assert len(coming(worker)) == 1
            worker.huey.flush()
            clock.shift(30)


def test_a_mail_that_is_due_before_the_planned_round_brings_an_earlier_one(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    with time_machine.travel(NOON, tick=False):
        worker._sweep()
        monkeypatch.setattr(outbox, "next_due", lambda: now() + timedelta(seconds=10))
        worker._sweep()
        worker._sweep()
        assert len(coming(worker)) == 2


def test_what_waited_for_an_undo_is_sent_although_no_page_is_open(post: Post) -> None:
    number = post.begin(post.cast.sam, post.cast.cleo)
    working = Worker(post.app)
    working.start()
    try:
        undo.send_later(post.cast.sam, number, "Ready", seconds=1)
        wait_for(lambda: threads.get_head(post.cast.cleo, number).head.last_message_preview == "Ready")
    finally:
        working.stop()
