"""News without reloading: the stream brings them at once, the polls underneath suffice without it."""

from __future__ import annotations

import re
import time
from datetime import timedelta

import pytest
import time_machine
from playwright.sync_api import Page, Route, expect

from messaging_app.db.engine import now
from messaging_app.services import messaging
from tests.browser import stories
from tests.browser.conftest import Site, Visitors
from tests.browser.hands import (
    composer,
    conversations,
    expect_unread,
    log,
    messages,
    poll,
    row,
    top_of,
    until,
    write,
)

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("slow", ["hx-sse.min.js", "live.js"])
def test_the_stream_opens_however_late_its_script_comes(site: Site, visit: Visitors, slow: str) -> None:
    def late(route: Route) -> None:
        time.sleep(0.3)
        route.continue_()

    page = visit()
    page.context.add_cookies([site.cookie("storefront", site.cast.cleo)])
    page.route(f"**/{slow}", late)
    with page.expect_request("**/messages/events?*"):
        page.goto("/storefront/account/messages")
    site.begin(site.cast.sam, site.cast.cleo)
    expect_unread(page, 1)


def polled(page: Page) -> list[tuple[str, int]]:
    """Polls thread, list and badge; answers what came back."""
    heard: list[tuple[str, int]] = []

    def note(answer: object) -> None:
        heard.append((answer.url, answer.status))  # type: ignore[attr-defined]

    page.on("response", note)
    with (
        page.expect_response(lambda r: "unread-count" in r.url),
        page.expect_response(lambda r: "messages?after" in r.url),
        page.expect_response(lambda r: "have=" in r.url and "unread-count" not in r.url and "after" not in r.url),
    ):
        poll(page)
    page.remove_listener("response", note)
    return heard


def test_a_poll_that_changes_nothing_costs_a_204_and_disturbs_nobody(site: Site, visit: Visitors) -> None:
    for story in stories.EVERYDAY:
        site.tell(story)
    number = site.tell(stories.long_thread(60))
    page = visit("sam", number, live=False)
    expect(messages(page).last).to_be_visible()
    composer(page).click()
    page.keyboard.type("Half a sentence, ")
    composer(page).evaluate("field => field.setSelectionRange(2, 6)")
    page.evaluate("document.getElementById('thread-log').scrollTop = -400")
    before = page.evaluate(STATE)
    assert {status for _url, status in polled(page)} == {204}
    assert page.evaluate(STATE) == before


# What a person would notice: where they type, what is selected, where both panels stand, and whether nodes were replaced.
STATE = """() => {
  const field = document.getElementById('content');
  for (const node of document.querySelectorAll('.conversation, .message')) node.known ??= Math.random();
  return [document.activeElement.id, field.value, field.selectionStart, field.selectionEnd,
    document.getElementById('thread-log').scrollTop, document.getElementById('conversations-scroll').scrollTop,
    ...[...document.querySelectorAll('.conversation, .message')].map((node) => node.known)];
}"""


def test_news_disturb_nobody_who_types_or_reads_above(site: Site, visit: Visitors) -> None:
    number = site.tell(stories.long_thread(60))
    page = visit("sam", number, live=False)
    expect(messages(page).last).to_be_visible()
    page.evaluate("document.getElementById('thread-log').scrollTop = -900")
    anchor = page.locator("#message-40")
    composer(page).focus()
    page.keyboard.type("Half a sentence")
    composer(page).evaluate("field => field.setSelectionRange(2, 6)")
    top = top_of(anchor)
    site.say(site.cast.cleo, number, "News that nobody asked for.", "And more.")
    poll(page, "thread", "unread")
    expect(page.locator("#message-62")).to_have_count(1)
    assert abs(top_of(anchor) - top) <= 1
    assert composer(page).evaluate("field => [field.value, field.selectionStart, field.selectionEnd]") == [
        "Half a sentence",
        2,
        6,
    ]
    expect(composer(page)).to_be_focused()
    news = page.get_by_role("button", name="New messages")
    expect(news).to_be_visible()
    expect_unread(page, 2)
    news.click()
    expect(page.locator("#message-62")).to_be_in_viewport()
    expect_unread(page, 0)


def test_a_conversation_with_news_moves_to_the_top_and_nothing_else_moves(site: Site, visit: Visitors) -> None:
    numbers = [site.begin(site.cast.sam, site.cast.cleo, f"Subject {n:02}") for n in range(24)]
    page = visit("nadia", live=False, viewport={"width": 1280, "height": 500})
    expect(conversations(page).get_by_role("listitem")).to_have_count(24)
    middle = row(page, "Subject 10")
    middle.focus()
    middle.scroll_into_view_if_needed()
    top = top_of(middle)
    site.say(site.cast.cleo, numbers[3], "Where is it?")
    poll(page, "conversations")
    expect(conversations(page).get_by_role("listitem").first).to_contain_text("Subject 03")
    expect(conversations(page).get_by_role("listitem").first).to_contain_text("Where is it?")
    expect(conversations(page).get_by_role("listitem")).to_have_count(24)
    expect(middle).to_be_focused()
    assert abs(top_of(middle) - top) <= 1


def test_the_row_that_holds_the_focus_keeps_it_when_it_moves_or_changes(site: Site, visit: Visitors) -> None:
    numbers = [site.begin(site.cast.sam, site.cast.cleo, f"Subject {n}") for n in range(5)]
    page = visit("nadia", live=False)
    row(page, "Subject 2").focus()
    site.say(site.cast.cleo, numbers[2], "News")
    poll(page, "conversations")
    expect(conversations(page).get_by_role("listitem").first).to_contain_text("Subject 2")
    expect(row(page, "Subject 2")).to_be_focused()
    expect(row(page, "Subject 2")).to_contain_text("2 unread")


def test_a_conversation_that_was_closed_leaves_the_open_ones(site: Site, visit: Visitors) -> None:
    number = site.begin(site.cast.sam, site.cast.cleo, "Done soon")
    site.begin(site.cast.sam, site.cast.cleo, "Stays")
    page = visit("nadia")
    expect(row(page, "Done soon")).to_be_visible()
    site.do(messaging.close_conversation, site.cast.sam, number)
    expect(row(page, "Done soon")).to_have_count(0)
    expect(row(page, "Stays")).to_be_visible()


def test_more_conversations_come_on_scroll_and_stay_when_the_first_page_is_polled(site: Site, visit: Visitors) -> None:
    numbers = [site.begin(site.cast.sam, site.cast.cleo, f"Subject {n:02}") for n in range(60)]
    page = visit("nadia", live=False, viewport={"width": 1280, "height": 500})
    items = conversations(page).get_by_role("listitem")
    expect(items).to_have_count(25)
    page.get_by_role("link", name="More conversations").scroll_into_view_if_needed()
    expect(items).to_have_count(50)
    page.get_by_role("link", name="More conversations").scroll_into_view_if_needed()
    expect(items).to_have_count(60)
    expect(page.get_by_role("link", name="More conversations")).to_have_count(0)
    assert items.evaluate_all("rows => new Set(rows.map((row) => row.id)).size") == 60
    site.say(site.cast.cleo, numbers[0], "The oldest wakes up")
    poll(page, "conversations")
    expect(items.first).to_contain_text("Subject 00")
    expect(items).to_have_count(60)


def test_the_endless_list_misses_nothing_that_moves_to_the_top_meanwhile(site: Site, visit: Visitors) -> None:
    """While polls bring nothing: they are late, or more than a page has moved."""
    with time_machine.travel(now() - timedelta(hours=1)):
        numbers = [site.begin(site.cast.sam, site.cast.cleo, f"Subject {n:02}") for n in range(60)]
    page = visit("nadia", live=False, viewport={"width": 1280, "height": 500})
    page.route("**/messages?have=*", lambda route: route.fulfill(status=204))
    items = conversations(page).get_by_role("listitem")
    more = page.get_by_role("link", name="More conversations")
    for number in numbers[:2]:  # not shown yet
        site.say(site.cast.cleo, number, "News")
    site.say(site.cast.cleo, numbers[50], "News")  # shown already
    for shown in (50, 58):
        more.scroll_into_view_if_needed()
        expect(items).to_have_count(shown)
    more.scroll_into_view_if_needed()
    expect(items).to_have_count(60)
    expect(more).to_have_count(0)
    expect(items.first).to_contain_text("Subject 50")
    expect(items.first).to_contain_text("2 unread")
    subjects = items.evaluate_all("rows => rows.map((row) => row.textContent.match(/Subject (\\d+)/)[1])")
    assert subjects == ["50", "01", "00", *(f"{n:02}" for n in range(59, 1, -1) if n != 50)]


def test_a_late_poll_and_the_answer_to_ones_own_message_never_repeat_a_line(site: Site, visit: Visitors) -> None:
    number = site.begin(site.cast.sam, site.cast.cleo)
    page = visit("sam", number, live=False)
    held: list[Route] = []
    page.route("**/messages?after=*", lambda route: route.continue_() if held else held.append(route))
    site.say(site.cast.cleo, number, "Hers")
    with page.expect_request("**/messages?after=*"):
        poll(page, "thread")
    visit.noise("409")
    write(page, "Mine")
    page.get_by_role("button", name="Send anyway").click()  # Hers came while it was written
    expect(page.locator("#message-3")).to_be_visible()
    expect(messages(page)).to_have_count(3)
    with page.expect_response("**/messages?after=*"):
        held[0].continue_()
    with page.expect_response("**/messages?after=*"):
        poll(page, "thread")
    expect(messages(page)).to_have_count(3)
    assert page.locator("article").evaluate_all("lines => lines.map((line) => line.id)") == [
        "message-1",
        "message-2",
        "message-3",
    ]
    expect(log(page).get_by_role("article").nth(1)).to_contain_text("Hers")


def test_two_windows_of_one_person_show_the_same(site: Site, visit: Visitors) -> None:
    number = site.begin(site.cast.sam, site.cast.cleo)
    left, right = visit("sam", number), visit("sam", number)
    write(left, "From the left")
    expect(messages(right)).to_have_count(2)
    write(right, "From the right")
    expect(messages(left)).to_have_count(3)
    site.say(site.cast.cleo, number, "Both of you?")
    for page in (left, right):
        expect(messages(page)).to_have_count(4)
        expect_unread(page, 0)


def test_who_writes_is_told_and_the_hint_goes_with_the_message(site: Site, visit: Visitors) -> None:
    number = site.begin(site.cast.sam, site.cast.cleo)
    sam, cleo = visit("sam", number), visit("cleo", number)
    composer(cleo).press_sequentially("I a")
    expect(sam.get_by_role("status").filter(has_text="Cleo is writing…")).to_be_visible()
    write(cleo, "I am here.")
    expect(messages(sam)).to_have_count(2)
    expect(sam.get_by_text("is writing…")).to_have_count(0)


HIDE = """hidden => {
  Object.defineProperty(document, "hidden", { get: () => hidden, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}"""
READS = "() => !!document.getElementById('live')._htmx?.sse?.reader"


def test_a_hidden_tab_closes_its_stream_and_catches_up_at_once_on_return(site: Site, visit: Visitors) -> None:
    number = site.begin(site.cast.sam, site.cast.cleo)
    page = visit("sam", number)
    until(page, READS)
    page.evaluate(HIDE, True)
    until(page, f"() => !({READS})()")
    site.say(site.cast.cleo, number, "While you looked elsewhere")
    page.wait_for_timeout(500)
    expect(messages(page)).to_have_count(1)
    with page.expect_request("**/events?*"):
        page.evaluate(HIDE, False)
    expect(messages(page)).to_have_count(2, timeout=1000)
    site.say(site.cast.cleo, number, "And now")
    expect(messages(page)).to_have_count(3, timeout=2000)


def test_a_tab_that_opens_in_the_background_takes_no_stream(site: Site, visit: Visitors) -> None:
    """A browser has six connections to a server; tabs that nobody looks at must not hold them."""
    site.begin(site.cast.sam, site.cast.cleo)
    page = visit()
    page.context.add_cookies([site.cookie("storefront", site.cast.cleo)])
    page.add_init_script("Object.defineProperty(document, 'hidden', { get: () => true, configurable: true })")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto("/storefront/account/messages")
    page.wait_for_timeout(500)
    assert not any("/events" in address for address in asked)
    with page.expect_request("**/events?*"):
        page.evaluate(HIDE, False)
    until(page, READS)


@pytest.mark.long
def test_who_loses_a_stream_to_the_cap_asks_again_as_seldom_as_a_poll(site: Site, visit: Visitors) -> None:
    """The server ends every stream after a while; the browser that comes back may find no room."""
    number = site.begin(site.cast.sam, site.cast.cleo)
    page = visit("sam", number)
    until(page, READS)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/events" in request.url else None)
    page.route("**/events?*", lambda route: route.fulfill(status=204))
    with page.expect_response("**/events?*"):
        site.end_streams()
    page.wait_for_timeout(4000)
    assert len(asked) == 1
    page.unroute("**/events?*")
    page.evaluate("document.getElementById('live').dispatchEvent(new Event('reconnect'))")
    until(page, READS)
    site.say(site.cast.cleo, number, "There is room again")
    expect(messages(page)).to_have_count(2)


def test_the_mark_under_ones_message_says_at_once_who_has_read_it_and_when(site: Site, visit: Visitors) -> None:
    number = site.begin(site.cast.sam, site.cast.cleo)
    sam = visit("sam", number)
    expect(messages(sam).last).not_to_contain_text("Read")
    cleo = visit("cleo", number)
    expect(messages(sam).last).to_contain_text(re.compile(r"Read by Cleo, \d{1,2}:\d\d"), timeout=3000)
    write(cleo, "Thank you!")
    expect(messages(cleo).last).to_contain_text(re.compile(r"Read, \d{1,2}:\d\d"), timeout=3000)
    expect(messages(cleo).last).not_to_contain_text("Sam")


def test_what_a_colleague_does_shows_at_once(site: Site, visit: Visitors) -> None:
    number = site.begin(site.cast.sam, site.cast.cleo)
    site.begin(site.cast.sam, site.cast.omar, "The newer one")
    sam, nadia = visit("sam", number), visit("nadia", number)
    items = conversations(sam).get_by_role("listitem")
    expect(items.first).to_contain_text("The newer one")
    composer(nadia).press_sequentially("I a")
    expect(sam.get_by_role("status").filter(has_text="Nadia is replying…")).to_be_visible(timeout=3000)
    write(nadia, "I answer her.")
    expect(items.first).to_contain_text("I answer her.", timeout=3000)
    nadia.get_by_role("button", name="Close conversation").click()
    expect(sam.get_by_role("button", name="Reopen conversation")).to_be_visible(timeout=3000)
    expect(composer(sam)).to_have_count(0)


def test_a_page_without_a_stream_polls_every_half_minute(site: Site, visit: Visitors) -> None:
    number = site.begin(site.cast.sam, site.cast.cleo)
    page = visit("sam", live=False)
    page.clock.install()
    begun = page.evaluate("Date.now()")
    page.goto(f"/store/messages/{number}")
    expect(messages(page)).to_have_count(1)
    loaded = page.evaluate("Date.now()")
    site.say(site.cast.cleo, number, "Hello?")
    other = site.begin(site.cast.nadia, site.cast.omar, "Another")
    page.clock.pause_at(begun / 1000 + 29)  # stands from here on: the seconds that a busy machine takes do not count
    page.wait_for_timeout(300)
    expect(messages(page)).to_have_count(1)
    page.clock.run_for(loaded - begun + 2_000)
    expect(messages(page)).to_have_count(2)
    expect(row(page, "Another")).to_be_visible()
    assert other


def test_a_line_that_says_nothing_any_more_is_opened_anew(site: Site, visit: Visitors) -> None:
    """As after the sleep of a laptop: the connection looks open, and nothing comes."""
    number = site.begin(site.cast.sam, site.cast.cleo)
    page = visit()
    page.context.add_cookies([site.cookie("store", site.cast.sam)])
    page.clock.install()
    page.goto(f"/store/messages/{number}")
    until(page, READS)
    page.clock.fast_forward(20_000)
    page.wait_for_timeout(300)
    assert page.evaluate(READS)
    with page.expect_request("**/events?*"):
        page.clock.fast_forward(60_000)
        page.wait_for_timeout(300)
        page.clock.run_for(1_000)
    until(page, READS)
    site.say(site.cast.cleo, number, "Are you awake?")
    page.clock.run_for(500)
    expect(messages(page)).to_have_count(2)
