"""Whatever poll, stream and own answer do to each other, a reader sees each line once, in order, and all of them.

Four people write at once; two read in real browsers, one of whom writes too, through a network that delays and cuts.
A script notes every line in the moment it is shown. MESSAGING_TEST_SECONDS=60 runs it for a minute.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import select

from messaging_app.models import Message
from tests.live.conftest import IN_BOTH_AT_LENGTH
from tests.live.installation import Installation, Person
from tests.live.proxy import BadNetwork
from tests.services import wait_for

CUT = 0.06  # share of the answers that are cut; not while a page comes, for half a script is no page
SECONDS = float(os.environ.get("MESSAGING_TEST_SECONDS", "6"))
NOTE = """() => {
  window.shown = [];
  const note = (line) => { if (/^message-\\d+$/.test(line.id)) window.shown.push([Number(line.id.slice(8)), line.textContent]); };
  document.querySelectorAll("#thread-messages > *").forEach(note);
  const see = (changes) => changes.forEach(({ addedNodes }) => addedNodes.forEach((line) => {
    if (line.nodeType === 1 && line.parentElement?.id === "thread-messages") note(line);
  }));
  new MutationObserver(see).observe(document.getElementById("thread-messages"), { childList: true });
}"""
DOM = "() => [...document.querySelectorAll(\"#thread-messages > [id^='message-']\")].map((line) => Number(line.id.slice(8)))"


@pytest.fixture
def network() -> Iterator[Callable[[int], BadNetwork]]:
    made: list[BadNetwork] = []

    def make(target: int) -> BadNetwork:
        made.append(BadNetwork(target))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.mark.long
@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("install", IN_BOTH_AT_LENGTH, indirect=True)
def test_four_writers_two_readers_and_a_bad_network(
    install: Callable[..., Installation], network: Callable[[int], BadNetwork], browser: Browser
) -> None:
    here = install()
    sam = here.signed_in("sam")
    number = sam.begin(here.cast.cleo, "The first")
    bad = network(here.port)
    writers = [here.signed_in(name) for name in ("nadia", "lea", "cleo", "sam")]
    cleo = reader(browser, bad.port, here.signed_in("cleo"), f"/storefront/account/messages/{number}")
    at_sam = reader(browser, bad.port, here.signed_in("sam"), f"/store/messages/{number}")
    bad.cut = CUT
    end = time.monotonic() + SECONDS
    threads = [
        threading.Thread(target=write, args=(writer, number, index, end)) for index, writer in enumerate(writers)
    ]
    for thread in threads:
        thread.start()
    typed = 0
    while time.monotonic() < end:
        typed += send_by_hand(at_sam, f"by hand {typed}")
    for thread in threads:
        thread.join()
    bad.cut = 0
    with here.database() as session:
        stored = [
            (seq, content)
            for seq, content in session.execute(
                select(Message.seq, Message.content).where(Message.conversation_id == number).order_by(Message.seq)
            )
        ]
    assert [seq for seq, _ in stored] == list(range(1, len(stored) + 1))
    assert bad.cuts > 3, "the network was too good to prove anything"
    for page in (cleo, at_sam):
        wait_for(lambda page=page: page.evaluate(DOM)[-1] == len(stored), 60, 0.5, "the last line to be shown")
        noted = page.evaluate("() => window.shown")
        assert [seq for seq, _ in noted] == sorted({seq for seq, _ in noted}), "twice or out of order"
        assert page.evaluate(DOM) == [seq for seq, _ in stored], "not all of them"
        assert all(content in text for (_, text), (_, content) in zip(noted, stored, strict=True))


@pytest.mark.long
@pytest.mark.browser
@pytest.mark.slow
def test_a_response_that_breaks_off_in_its_head_costs_nobody_their_words(
    install: Callable[..., Installation], network: Callable[[int], BadNetwork], browser: Browser
) -> None:
    """Browsers take it for one with an empty body, which must not take the composer's place."""
    here = install()
    sam, nadia = here.signed_in("sam"), here.signed_in("nadia")
    number = sam.begin(here.cast.cleo, "The first")
    bad = network(here.port)
    page = reader(browser, bad.port, sam, f"/store/messages/{number}")
    bad.cut = 1
    assert nadia.send(number, "Mine came first") == 303
    send_by_hand(page, "Mine too")
    expect(page.locator("#composer").get_by_role("alert")).to_contain_text("Not sent")
    expect(page.locator("#content")).to_have_value("Mine too")
    bad.cut = 0
    send_by_hand(page, "")
    expect(page.locator("#composer")).to_contain_text("Mine came first")
    assert send_by_hand(page, "")


def reader(browser: Browser, port: int, person: Person, path: str) -> Page:
    """A page of `person` through the network, loaded whole."""
    context = browser.new_context()
    for name, value in person.cookies.items():
        context.add_cookies([{"name": name, "value": value, "url": f"http://127.0.0.1:{port}"}])
    page = context.new_page()
    page.goto(f"http://127.0.0.1:{port}{path}", timeout=30_000)
    page.evaluate(NOTE)
    return page


def write(person: Person, number: int, index: int, end: float) -> None:
    line = 0
    while time.monotonic() < end:
        assert person.send(number, f"writer {index} line {line}") == 303
        line += 1
        time.sleep(0.15)


def send_by_hand(page: Page, words: str) -> int:
    """Type and send; 1 if it was sent. What the network cut stays in the composer and is sent with the next try."""
    field = page.locator("#content")
    if not field.input_value():
        field.fill(words)
    page.locator("#send").click()
    page.wait_for_timeout(700)
    return int(not field.input_value())
