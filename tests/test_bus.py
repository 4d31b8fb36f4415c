"""Event-ups between processes: what arrives that this code cannot read, and what must not end with it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from messaging_app.bus import Event
from messaging_app.bus.presence import HERE, Present, encode
from messaging_app.bus.redis import NUMBER_AND_PUBLISH, RedisBus
from tests.services import wait_for

redis = pytest.importorskip("redis", reason="no client for Redis")
KEYS = ["messaging:test:epoch", "messaging:test:n"]
CHANNEL = "messaging:test:wakes"

SECRET = "what somebody wrote"
STRANGE = {
    "a field more": [[["store:1"], "message", "{}", "", "", "", None, SECRET]],
    "a field less": [[["store:1"]]],
    "no list of topics": [[7, "message", SECRET]],
    "no list of wake-ups": 7,
    "something else": {SECRET: 1},
}


@pytest.fixture
def bus(redis_url: str) -> RedisBus:
    """A bus that listens."""
    bus = RedisBus(redis_url, "test")
    wait_for(bus.position, what="the bus to listen")
    return bus


def ask(redis_url: str, act: Callable[[Any], Any]) -> None:
    """Talk to Redis as another process would."""
    with redis.Redis.from_url(redis_url) as client:
        act(client)


@pytest.mark.parametrize("told", STRANGE.values(), ids=STRANGE)
def test_what_cannot_be_read_makes_streams_catch_up_and_ends_nothing(
    told: Any, bus: RedisBus, redis_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    stream = bus.listen("store:1", ("store:1",), bus.position())
    assert stream is not None and _heard(stream) == "hello"
    args = [json.dumps(told), CHANNEL, "epoch", 1]
    ask(redis_url, lambda client: client.register_script(NUMBER_AND_PUBLISH)(keys=KEYS, args=args))
    assert _heard(stream) == "catch-up"
    bus.publish(Event(("store:1",), "message"))
    assert _heard(stream) == "message"
    assert bus.connected and "unreadable events" in caplog.text and SECRET not in caplog.text


@pytest.mark.parametrize("junk", [b"", b"one two", b"epoch one []", b"epoch 1 [", b"epoch 1 \xff", b"[" * 100_000])
def test_junk_in_the_channel_ends_nothing(junk: bytes, bus: RedisBus, redis_url: str) -> None:
    stream = bus.listen("store:1", ("store:1",), bus.position())
    assert stream is not None and _heard(stream) == "hello"
    ask(redis_url, lambda client: client.publish(CHANNEL, junk))
    bus.publish(Event(("store:1",), "message"))
    # Junk that breaks the line itself has the listener begin anew: what was published meanwhile is caught up with.
    assert _heard(stream) in ("message", "catch-up")
    wait_for(lambda: bus.connected, what="the bus to listen again")


def test_what_cannot_be_sent_stays_in_this_process_and_ends_nothing(
    bus: RedisBus, caplog: pytest.LogCaptureFixture
) -> None:
    stream = bus.listen("store:1", ("store:1",), bus.position())
    assert stream is not None and _heard(stream) == "hello"
    unspeakable: Any = {SECRET}
    bus.publish(Event(("store:1",), "status", unspeakable))
    assert _heard(stream) == "status"
    bus.publish(Event(("store:1",), "message"))
    assert _heard(stream) == "message"
    assert "TypeError" in caplog.text and SECRET not in caplog.text


def _heard(stream: Any) -> str:
    delivered = stream.next(10)
    return delivered.event.kind if delivered else "nothing"


def test_who_is_here_is_known_to_every_process(bus: RedisBus, redis_url: str) -> None:
    other = RedisBus(redis_url, "test")
    wait_for(other.position, what="the other process to listen")
    place, nadia = ("store:1", 7), Present(2, "Nadia")
    other.publish(Event((), HERE, encode(place, nadia, here=True)))
    wait_for(lambda: list(bus.hub.presence.at(place)) == [nadia])
    other.publish(Event((), HERE, encode(place, nadia, here=False)))
    wait_for(lambda: not bus.hub.presence.at(place))
