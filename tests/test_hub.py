"""The streams of one process: where a stream goes on that was cut."""

from __future__ import annotations

import pytest

from messaging_app.bus import Event, Hub


def kinds(hub: Hub, after: str) -> list[str]:
    """What a stream that begins after a position gets first."""
    stream = hub.subscribe("store:1", ("store:1",), after)
    assert stream is not None
    heard = iter(lambda: stream.next(0), None)
    return [delivered.event.kind for delivered in heard if delivered]


def test_a_stream_goes_on_after_the_position_it_had() -> None:
    hub = Hub()
    before = hub.position
    hub.deliver(Event(("store:1",), "message"))
    hub.deliver(Event(("store:2",), "message"))
    assert kinds(hub, before) == ["message", "hello"]
    assert kinds(hub, hub.position) == ["hello"]


@pytest.mark.parametrize("number", ["", "x", "-1", "1.0", "٣", "1", "9" * 19, "9" * 5000])
def test_a_position_that_was_never_given_is_told_to_catch_up(number: str) -> None:
    hub = Hub()
    epoch = hub.position.partition("-")[0]
    assert kinds(hub, f"{epoch}-{number}") == ["catch-up", "hello"]
