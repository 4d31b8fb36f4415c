"""A long thread: opens at the first unread line, older lines come above without moving what one reads."""

from __future__ import annotations

import re

import pytest
import time_machine
from playwright.sync_api import Page, Route, expect

from messaging_app.db.engine import writing
from messaging_app.extensions import db
from messaging_app.models import Customer
from messaging_app.services import messaging
from tests.browser import stories
from tests.browser.conftest import Site, Visitors
from tests.browser.hands import composer, conversations, expect_unread, log, messages, poll, row, top_of, write

pytestmark = pytest.mark.browser


def scroll(page: Page, pixels: int) -> None:
    """Turn the wheel over the thread; negative is upwards."""
    log(page).hover()
    page.mouse.wheel(0, pixels)


@pytest.mark.parametrize("by", ["link", "address"])
def test_a_thread_opens_at_its_first_unread_line(site: Site, visit: Visitors, by: str) -> None:
    number = site.tell(stories.long_thread(90, unread=30))
    page = visit("cleo", number if by == "address" else None)
    if by == "link":
        row(page, "A long exchange").click()
    line = page.get_by_text("30 new messages")
    expect(line).to_be_in_viewport()
    expect(page.locator("#message-61")).to_be_in_viewport()
    expect(page.locator("#message-90")).not_to_be_in_viewport()
    assert top_of(line) - top_of(log(page)) < 120
    expect_unread(page, 30)
    scroll(page, 100_000)
    expect(page.locator("#message-90")).to_be_in_viewport()
    expect_unread(page, 0)
    expect(line).to_have_count(1)


def test_a_thread_without_news_opens_at_its_end(site: Site, visit: Visitors) -> None:
    page = visit("sam", site.tell(stories.long_thread(300)))
    expect(page.locator("#message-300")).to_be_in_viewport()
    expect(page.get_by_role("button", name="Newest messages")).to_be_hidden()


def test_more_unread_lines_than_a_page_holds_begin_at_the_first(site: Site, visit: Visitors) -> None:
    page = visit("cleo", site.tell(stories.long_thread(300, unread=120)))
    expect(page.get_by_text("120 new messages")).to_be_in_viewport()
    expect(page.locator("#message-181")).to_be_in_viewport()
    expect(page.locator("#message-300")).to_have_count(1)


@pytest.mark.parametrize("name", ["sam", "cleo"])
def test_older_lines_come_without_a_jump_until_the_first(site: Site, visit: Visitors, name: str) -> None:
    page = visit(name, site.tell(stories.long_thread(300)))
    expect(page.locator("#message-251")).to_have_count(1)
    oldest = 251
    while oldest > 1:
        anchor = page.locator(f"#message-{oldest}")
        with page.expect_response("**?before=*"):
            page.get_by_role("link", name="Earlier messages").scroll_into_view_if_needed()
            before = top_of(anchor)
        older = oldest - 50
        expect(page.locator(f"#message-{older}")).to_have_count(1)
        assert abs(top_of(anchor) - before) <= 2, (oldest, before, top_of(anchor))
        oldest = older
    expect(messages(page)).to_have_count(300)
    expect(page.get_by_role("link", name="Earlier messages")).to_have_count(0)
    ids = page.locator("article").evaluate_all("lines => lines.map((line) => Number(line.id.slice(8)))")
    assert ids == list(range(1, 301))
    days = page.locator(".day").evaluate_all("days => days.map((day) => day.dataset.day)")
    assert len(days) == len(set(days)), "a day has one separator"
    page.get_by_role("button", name="Newest messages").click()
    expect(page.locator("#message-300")).to_be_in_viewport()


def test_an_answer_brings_the_end_into_view(site: Site, visit: Visitors) -> None:
    page = visit("cleo", site.tell(stories.long_thread(300)))
    scroll(page, -2000)
    expect(page.get_by_role("button", name="Newest messages")).to_be_visible()
    write(page, "From far above.")
    expect(page.locator("#message-301")).to_be_in_viewport()
    expect(page.get_by_role("button", name="Newest messages")).to_be_hidden()


def test_a_window_that_missed_too_much_gets_the_thread_anew(site: Site, visit: Visitors) -> None:
    number = site.begin(site.cast.sam, site.cast.cleo)
    page = visit("cleo", number, live=False)
    expect_unread(page, 0)
    site.say(site.cast.sam, number, *(f"Line {n}" for n in range(2, 212)))
    poll(page, "thread")
    expect(page.locator("#message-211")).to_have_count(1)
    expect(page.get_by_role("link", name="Earlier messages")).to_have_count(1)
    ids = page.locator("article").evaluate_all("lines => lines.map((line) => Number(line.id.slice(8)))")
    assert ids == list(range(12, 212))


def test_what_is_read_in_a_hidden_tab_is_not_read(site: Site, visit: Visitors) -> None:
    number = site.begin(site.cast.sam, site.cast.cleo)
    page = visit("cleo", live=False)
    hide = "hidden => Object.defineProperty(document, 'hidden', { get: () => hidden, configurable: true })"
    row(page, "Your rye loaf").click()
    expect(messages(page)).to_have_count(1)  # a page that is only coming has no badge either
    expect_unread(page, 0)
    page.evaluate(hide, True)
    site.say(site.cast.sam, number, "Are you there?")
    poll(page, "unread")
    expect_unread(page, 1)
    expect(page).to_have_title(re.compile(r"^\(1\)"))
    page.evaluate(hide, False)
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(messages(page)).to_have_count(2)
    expect_unread(page, 0)


def test_days_and_times_are_those_of_the_person(site: Site, visit: Visitors) -> None:
    story = stories.Story(
        "store_customer",
        "Across midnight",
        (("sam", "50h", "The day before yesterday"), ("cleo", "26h", "Yesterday"), ("sam", "1m", "Now")),
        customer="cleo",
    )
    number = site.tell(story)
    shown = []
    # There are no German words yet, so a German reader's dates are English as well.
    for browser, locale, zone in (("en-GB", "en-GB", "Asia/Tokyo"), ("de-DE", "en", "America/Los_Angeles")):
        page = visit("sam", number, locale=browser, timezone_id=zone)
        page.reload()  # the first visit tells the server the time zone
        line = page.locator("#message-3 time")
        expected = page.evaluate(
            "([at, locale]) => new Intl.DateTimeFormat(locale, { timeStyle: 'short' }).format(new Date(at))",
            [line.get_attribute("datetime"), locale],
        )
        assert plain(line.inner_text()) == plain(expected), (locale, zone)
        exact = line.get_attribute("title") or ""
        assert plain(expected).split(" ")[0] in plain(exact), exact
        shown.append(line.inner_text())
        first_day = page.locator(".day").first
        weekday = page.evaluate(
            "([at, locale]) => new Intl.DateTimeFormat(locale, { weekday: 'long' }).format(new Date(at))",
            [first_day.locator("time").get_attribute("datetime"), locale],
        )
        expect(first_day).to_contain_text(weekday)
    assert shown[0] != shown[1]


def test_a_name_from_right_to_left_leaves_the_read_mark_in_order(site: Site, visit: Visitors) -> None:
    number = site.begin(site.cast.sam, site.cast.cleo)
    with site.app.app_context(), writing(db.session) as session:
        session.get_one(Customer, site.cast.cleo.id).name = "نور الهدى"
    site.do(messaging.mark_conversation_read, site.cast.cleo, number, 1)
    page = visit("sam", number, locale="en-GB", viewport={"width": 390, "height": 800})
    mark = messages(page).last.locator(".message__foot")
    expect(mark).to_contain_text("Read by نور الهدى, ")
    edges = mark.locator("bdi").evaluate_all("all => all.map((one) => one.getBoundingClientRect().left)")
    assert len(edges) == 2 and edges[0] < edges[1], "the time comes after the name"


def test_after_midnight_today_is_another_day(site: Site, visit: Visitors) -> None:
    with time_machine.travel("2026-03-02T23:50Z") as clock:
        number = site.begin(site.cast.sam, site.cast.cleo)
        site.do(messaging.mark_conversation_read, site.cast.cleo, number, 1)
        page = visit("sam", number, locale="en-GB", timezone_id="UTC", live=False)
        page.clock.install(time="2026-03-02T23:50Z")
        page.reload()
        expect(page.locator(".day")).to_have_text(["Today"])
        clock.shift(1200)
        page.clock.set_system_time("2026-03-03T00:10Z")
        poll(page, "thread")
        expect(page.locator(".day")).to_have_text(["Monday 2 Mar"])
        expect(log(page)).to_contain_text("Read by Cleo, Yesterday")
        poll(page, "conversations")
        expect(row(page, "Your rye loaf")).to_contain_text("Yesterday")
        site.say(site.cast.cleo, number, "Good morning")
        poll(page, "thread")
        expect(page.locator(".day")).to_have_text(["Monday 2 Mar", "Today"])
        page.goto("about:blank")  # what it asked once the clock is back would find its session aged


def plain(text: str) -> str:
    """With ordinary spaces: clocks are set with narrow ones."""
    return re.sub(r"\s", " ", text).strip()


@pytest.mark.parametrize("name", ["ada", "cleo"])
def test_on_paper_is_all_that_was_said_and_nothing_else(site: Site, visit: Visitors, name: str) -> None:
    words = [f"Sentence {n}.\n\nIt is long." for n in range(40)]
    number = site.begin(site.cast.ada, site.cast.cleo, "Your complaint", *words)
    page = visit(name, number, color_scheme="dark")
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    expect(messages(page)).to_have_count(40)
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "light"
    expect(messages(page).first).to_be_visible()
    for left_out in (composer(page), conversations(page), page.get_by_role("banner")):
        expect(left_out).to_be_hidden()
    assert len(re.findall(rb"/Type /Page\b", page.pdf(format="A4"))) > 1


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "without"])
def test_the_line_over_what_is_new_goes_once_one_has_answered(site: Site, visit: Visitors, scripts: bool) -> None:
    number = site.begin(site.cast.sam, site.cast.cleo)
    page = visit("cleo", number, java_script_enabled=scripts, live=False)
    line = page.get_by_text(re.compile(r"^\d new messages?$"))
    expect(line).to_have_text("1 new message")
    write(page, "Thank you")
    expect(messages(page)).to_have_count(2)
    expect(line).to_have_count(0)
    if not scripts:  # nothing was marked as read; what comes after the answer is new again
        site.say(site.cast.sam, number, "You are welcome", "See you")
        page.reload()
        expect(line).to_have_text("2 new messages")
        assert top_of(line) > top_of(messages(page).nth(1))


@pytest.mark.parametrize("name", ["sam", "cleo"])
def test_a_message_that_follows_shows_its_time_to_a_mouse_and_in_focus(site: Site, visit: Visitors, name: str) -> None:
    number = site.begin(site.cast.sam, site.cast.cleo, "Your rye loaf", "One", "Two " * 60)
    page = visit(name, number, viewport={"width": 390, "height": 844})
    before, time = messages(page).first, messages(page).last.locator("time")

    def is_seen() -> bool:
        return bool(time.evaluate("t => t.checkVisibility() && t.parentElement.getBoundingClientRect().height > 4"))

    height = log(page).evaluate("log => log.scrollHeight")
    assert not is_seen()
    messages(page).last.hover()
    assert is_seen()
    box, text = time.bounding_box(), messages(page).last.locator(".message__content").bounding_box()
    assert box and text and box["x"] >= 0 and box["x"] + box["width"] <= text["x"] + 1
    before.hover()
    assert not is_seen()
    composer(page).focus()
    page.keyboard.press("Shift+Tab")
    if name != "cleo":  # the way to a note stands between
        expect(page.locator(".faces summary")).to_be_focused()
        page.keyboard.press("Shift+Tab")
    expect(log(page)).to_be_focused()
    assert is_seen()
    assert log(page).evaluate("log => [log.scrollHeight, log.scrollWidth - log.clientWidth]") == [height, 0]


def test_indents_stay_as_they_were_typed(site: Site, visit: Visitors) -> None:
    page = visit("cleo", site.begin(site.cast.sam, site.cast.cleo, "Steps", "One\n    two\n\tthree  four"))
    content = messages(page).first.locator(".message__content")
    assert content.evaluate("e => e.innerText") == "One\n    two\n\tthree  four"


def test_a_finger_is_offered_no_keys(site: Site, visit: Visitors) -> None:
    for touch in (True, False):
        page = visit("cleo", has_touch=touch, is_mobile=touch, viewport={"width": 390, "height": 844})
        page.get_by_role("button", name=re.compile("^Account of")).click()
        expect(page.get_by_role("button", name="Sign out")).to_be_visible()
        expect(page.get_by_role("button", name="Keyboard shortcuts")).to_be_visible(visible=not touch)


def test_reading_before_the_last_script_has_come_does_not_load_the_page_anew(site: Site, visit: Visitors) -> None:
    number = site.begin(site.cast.sam, site.cast.cleo)
    page = visit("cleo", "/storefront/account")
    late: list[Route] = []
    page.route("**/js/notices.js", lambda route: late.append(route))
    loaded: list[str] = []
    page.on("request", lambda asked: loaded.append(asked.method) if asked.resource_type == "document" else None)
    page.goto(f"/storefront/account/messages/{number}", wait_until="commit")
    expect(messages(page)).to_have_count(1)
    page.wait_for_timeout(1000)  # the end of the log is in view, and htmx has not begun
    late[0].continue_()
    expect_unread(page, 0)
    assert loaded == ["GET"]
