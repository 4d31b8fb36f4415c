"""The event stream: what wakes whom, how it resumes, and how it ends."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from tests.live.installation import Installation
from tests.services import wait_for

pytestmark = pytest.mark.slow

Install = Callable[..., Installation]


@pytest.fixture
def install(kept: Installation) -> Iterator[Install]:
    """One installation for all of these: each test begins a conversation of its own, and at its end all windows close."""
    yield lambda: kept
    kept.leave()


def test_the_other_side_is_woken_within_a_second_and_nobody_else_at_all(install: Install) -> None:
    here = install()
    sam, cleo, omar, tomas, ada = (here.signed_in(name) for name in ("sam", "cleo", "omar", "tomas", "ada"))
    number = sam.begin(here.cast.cleo, "Hello")
    streams = {who: person.stream() for who, person in (("cleo", cleo), ("omar", omar), ("tomas", tomas), ("ada", ada))}
    nadia = here.signed_in("nadia").stream()
    time.sleep(0.3)
    began = time.monotonic()
    assert sam.send(number, "It leaves tomorrow.") == 303
    for stream in (streams["cleo"], nadia):
        stream.wait(lambda wake: wake == {"kind": "message", "id": number, "seq": 2})
    assert time.monotonic() - began < 1
    time.sleep(0.5)
    for name in ("omar", "tomas", "ada"):
        assert [wake for wake in streams[name].wakes() if wake["kind"] != "catch-up"] == []


def test_a_stream_that_was_cut_gets_what_it_missed_and_only_that(install: Install) -> None:
    here = install()
    sam, cleo = here.signed_in("sam"), here.signed_in("cleo")
    number = sam.begin(here.cast.cleo, "Hello")
    first = cleo.stream()
    sam.send(number, "one")
    first.wait(lambda wake: wake.get("seq") == 2)
    place = first.last_id()
    first.close()
    sam.send(number, "two")
    sam.send(number, "three")
    time.sleep(0.3)
    again = cleo.stream(**{"Last-Event-ID": place})
    for seq in (3, 4):
        again.wait(lambda wake, seq=seq: wake.get("seq") == seq)
    # Each process tells of its own sends when it comes to it: two of them may be told of in either order.
    assert sorted(wake["seq"] for wake in again.wakes()) == [3, 4]
    assert [wake["kind"] for wake in cleo.stream(**{"Last-Event-ID": "elsewhere-3"}).wakes()][:1] == ["catch-up"]


def test_a_stream_ends_with_its_own_session_and_survives_the_end_of_another_role(install: Install) -> None:
    here = install()
    sam = here.signed_in("sam")
    stream = sam.stream()
    store_token, store_base = sam.token, sam.base
    sam.sign_in("admin", "ada")
    sam.post("/admin/logout")
    time.sleep(0.3)
    assert not stream.ended.is_set()
    sam.token, sam.base = store_token, store_base
    assert sam.post("/store/logout")[0] == 303
    wait_for(stream.ended.is_set, 3)
    assert stream.events[-1][2] == "ended"
    assert sam.stream().status == 401


def test_reading_typing_and_closing_are_told_to_those_whom_they_concern(install: Install) -> None:
    here = install()
    sam, cleo = here.signed_in("sam"), here.signed_in("cleo")
    number = sam.begin(here.cast.cleo, "Hello")
    at_cleo, at_sam, at_nadia = cleo.stream(), sam.stream(), here.signed_in("nadia").stream()
    cleo.post(f"{cleo.base}/{number}/read", up_to=1)
    at_sam.wait(lambda wake: wake == {"kind": "marks", "id": number})
    at_cleo.wait(lambda wake: wake == {"kind": "seat", "id": number})
    assert cleo.post(f"{cleo.base}/{number}/typing")[0] == 204
    at_sam.wait(lambda wake: wake.get("how") == "writing" and wake["name"] == "Cleo")
    assert sam.post(f"{sam.base}/{number}/typing")[0] == 204
    at_nadia.wait(lambda wake: wake.get("how") == "replying" and wake["name"] == "Sam")
    at_cleo.wait(lambda wake: wake.get("how") == "writing" and wake["name"] == "Sam")
    assert not any(wake.get("name") == "Sam" for wake in at_sam.wakes())
    nadia = here.signed_in("nadia")
    nadia.post(f"{nadia.base}/{number}/typing")
    at_cleo.wait(lambda wake: wake.get("name") == "Bakery")
    assert not any(wake.get("name") == "Nadia" for wake in at_cleo.wakes())
    sam.post(f"{sam.base}/{number}/close")
    at_cleo.wait(lambda wake: wake == {"kind": "status", "id": number, "seq": 2})
    assert sam.post(f"{sam.base}/{number}/typing", htmx=True)[0] == 409


def test_too_many_streams_of_one_person_are_turned_away_softly_until_some_browser_goes(install: Install) -> None:
    """A browser that turns from page to page leaves a stream behind at each."""
    here = install()
    jun = here.signed_in("jun")  # who has no part in the other tests
    streams = [jun.stream() for _ in range(26)]
    assert {stream.status for stream in streams} == {200, 204}
    for stream in streams:
        stream.close()
    wait_for(lambda: jun.stream().status == 200, 6, 0.3, "room for another window")
