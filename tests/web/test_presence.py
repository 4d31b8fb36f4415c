"""Presence: two colleagues see each other in a conversation, and nobody else sees either."""

from __future__ import annotations

import re

import time_machine

from messaging_app.bus import current_bus
from messaging_app.bus.presence import LASTS
from messaging_app.db.engine import now
from messaging_app.services.announcements import topics_of
from tests.conftest import Browser, Web

SHOWN = re.compile(r'id="present".*?</ul>', re.DOTALL)


def present(page: str) -> list[str]:
    """Return the names shown as present."""
    found = SHOWN.search(page)
    return re.findall(r'data-name="([^"]+)"', found[0]) if found else []


def poll(browser: Browser, place: str, have: str, **more: str) -> str:
    query = "".join(f"&{name}={value}" for name, value in more.items())
    return browser.get(f"{place}/messages?after=1&have={have}{query}", htmx=True).text


def have(page: str) -> str:
    found = re.search(r'"after": \d+, "have": "([^"]+)"', page)
    assert found
    return found[1]


def test_colleagues_see_each_other_come_and_leave(web: Web, numbers: dict[str, int]) -> None:
    number = numbers["bakery-cleo"]
    place, theirs = f"/store/messages/{number}", f"/storefront/account/messages/{number}"
    sam, nadia, cleo = (web.signed_in(name) for name in ("sam", "nadia", "cleo"))
    page = sam.get(place).text
    assert present(page) == []
    assert present(nadia.get(place).text) == ["Sam"]
    seen = poll(sam, place, have(page))
    assert present(seen) == ["Nadia"] and poll(sam, place, have(seen), here="1") == "", "no news, no answer"
    assert present(sam.get(f"/store/messages/{numbers['admin-bakery']}").text) == [], "elsewhere"
    assert 'id="present"' not in cleo.get(theirs).text
    assert nadia.post(f"{place}/left").status_code == 204
    assert present(poll(sam, place, have(seen))) == []
    assert present(nadia.get(place).text) == ["Sam"]


def test_it_ends_by_itself_unless_the_page_says_that_it_is_looked_at(web: Web, numbers: dict[str, int]) -> None:
    place = f"/store/messages/{numbers['bakery-cleo']}"
    sam, nadia = web.signed_in("sam"), web.signed_in("nadia")
    with time_machine.travel(now(), tick=False) as clock:
        sam.get(place)
        clock.shift(LASTS - 10)
        page = nadia.get(place).text
        assert present(page) == ["Sam"]
        assert poll(sam, place, "x", here="1") != ""
        clock.shift(30)
        page = nadia.get(place).text
        assert present(page) == ["Sam"], "said again meanwhile"
        poll(sam, place, "x")  # a tab in the background
        clock.shift(30)
        assert 'id="present"' not in nadia.get(place).text


def test_nobody_else_learns_of_it(web: Web, numbers: dict[str, int]) -> None:
    """Neither the other side nor another store, neither in a page nor in a stream; programs are not present."""
    number, cast = numbers["admin-bakery"], web.cast
    place = f"/store/messages/{number}"
    browsers = {name: web.signed_in(name) for name in ("ada", "abe", "sam", "nadia", "tomas")}
    with web.app.app_context():
        names = ("ada", "tomas", "cleo", "nadia")
        streams = {name: current_bus().listen(name, topics_of(getattr(cast, name)), "") for name in names}
        browsers["sam"].get(place)
        browsers["sam"].post(f"{place}/left")
        browsers["sam"].get(place)
        heard = {}
        for name, stream in streams.items():
            assert stream is not None
            heard[name] = [one.event for one in iter(lambda stream=stream: stream.next(0.01), None)]  # type: ignore[misc]
            stream.close()
    assert [event.kind for event in heard["nadia"][-3:]] == ["present"] * 3
    assert "Sam" not in str([event.data for event in heard["nadia"]]), "only that something has changed"
    for name in ("ada", "tomas", "cleo"):
        assert "present" not in [event.kind for event in heard[name]], name
    assert present(browsers["ada"].get(f"/admin/messages/{number}").text) == []
    assert present(browsers["abe"].get(f"/admin/messages/{number}").text) == ["Ada"]
    assert present(browsers["nadia"].get(place).text) == ["Sam"]
    assert browsers["tomas"].post(f"{place}/left").status_code == 404
    assert browsers["tomas"].get(f"{place}/messages?after=0&here=1", htmx=True).status_code == 404
