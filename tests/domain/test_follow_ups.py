"""At most one conversation continues a closed one, however many begin it at once."""

from __future__ import annotations

import threading

import pytest
from flask import Flask

from messaging_app.errors import NotFound, Refusal
from messaging_app.services import messaging, threads
from messaging_app.services.settings import set_settings
from tests.cast import Cast
from tests.domain.conversations import begin


def follow(cast: Cast, number: int, content: str = "Again") -> int:
    fields = {"conversation_type": "store_customer", "recipient_type": "store", "follows": number}
    return begin(cast.cleo, cast.bakery, content, **fields)


def test_twenty_tabs_make_one_follow_up_and_one_of_the_day(app: Flask, cast_of: Cast) -> None:
    set_settings(None, {"customers_may_start": "always", "customer_starts_per_day": "1"})
    old = begin(cast_of.sam, cast_of.cleo)
    messaging.close_conversation(cast_of.sam, old)
    found: list[int] = []
    gate = threading.Barrier(20)

    def tab(number: int) -> None:
        with app.app_context():
            gate.wait()
            found.append(follow(cast_of, old, f"Tab {number}"))

    tabs = [threading.Thread(target=tab, args=(number,)) for number in range(20)]
    for thread in tabs:
        thread.start()
    for thread in tabs:
        thread.join()
    assert len(found) == 20 and len(set(found)) == 1
    assert threads.get_head(cast_of.cleo, found[0]).head.last_seq == 1


def test_a_follow_up_is_of_the_same_parties(app: Flask, cast_of: Cast) -> None:
    set_settings(None, {"customers_may_start": "always"})
    of_omar, of_platform = begin(cast_of.sam, cast_of.omar), begin(cast_of.ada, cast_of.cleo)
    for actor, number in ((cast_of.sam, of_omar), (cast_of.ada, of_platform)):
        messaging.close_conversation(actor, number)
    for number in (of_omar, of_platform, 999_999):
        with pytest.raises(NotFound):
            follow(cast_of, number)


def test_a_refused_follow_up_leaves_nothing(app: Flask, cast_of: Cast) -> None:
    old = begin(cast_of.sam, cast_of.cleo)
    messaging.close_conversation(cast_of.sam, old)
    with pytest.raises(Refusal):
        follow(cast_of, old)
    assert threads.get_head(cast_of.cleo, old).head.continued_id is None
