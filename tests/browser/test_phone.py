"""A phone: the list, then the thread with a way back; nothing is wider than the screen."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import update

from messaging_app.db.engine import writing
from messaging_app.extensions import db
from messaging_app.models import Store
from messaging_app.services import messaging
from tests.browser import stories
from tests.browser.conftest import Site, Visitors
from tests.browser.hands import (
    badge,
    composer,
    conversations,
    expect_unread,
    messages,
    poll,
    row,
    send_button,
    sideways,
    thread,
    write,
)

pytestmark = pytest.mark.browser
SMALL, USUAL = {"width": 320, "height": 640}, {"width": 390, "height": 844}


@pytest.mark.parametrize("status", ["open", "all"])
def test_rows_are_chosen_with_a_finger(site: Site, visit: Visitors, status: str) -> None:
    for n in (1, 2, 3):
        site.begin(site.cast.nadia, site.cast.cleo, f"Subject {n}")
    page = visit("sam", f"/store/messages?status={status}", viewport=SMALL, has_touch=True, is_mobile=True)
    row(page, "Subject 3").locator("> .avatar").tap()
    expect(page.get_by_text("1 chosen")).to_be_visible()
    row(page, "Subject 1").tap()
    row(page, "Subject 2").tap()
    row(page, "Subject 2").tap()
    expect(page.get_by_text("2 chosen")).to_be_visible()
    assert sideways(page) == 0
    assert is_reachable(page, "[data-choose-none]")
    page.locator("#bulk").get_by_role("button", name="Close", exact=True).tap()
    expect(conversations(page).get_by_text("Closed", exact=True)).to_have_count(2 if status == "all" else 0)
    expect(conversations(page).get_by_role("listitem")).to_have_count(3 if status == "all" else 1)
    row(page, "Subject 2").tap()
    expect(thread(page, "Subject 2")).to_be_visible()


def is_reachable(page: Page, selector: str) -> bool:
    """Whether an element lies wholly on the screen."""
    return bool(
        page.locator(selector).evaluate(
            "e => { const r = e.getBoundingClientRect();"
            " return r.width > 0 && r.left >= 0 && r.right <= innerWidth + 0.5 && r.bottom <= innerHeight + 0.5; }"
        )
    )


@pytest.mark.parametrize("viewport", [SMALL, USUAL], ids=["320", "390"])
@pytest.mark.parametrize("name", ["sam", "cleo"])
def test_list_then_thread_then_back(site: Site, visit: Visitors, name: str, viewport: dict[str, int]) -> None:
    for story in stories.EVERYDAY:
        site.tell(story)
    page = visit(name, viewport=viewport, has_touch=True, is_mobile=True)
    expect(conversations(page)).to_be_visible()
    if name == "sam":
        expect(page.locator("#thread")).to_be_hidden()
    assert sideways(page) == 0
    subject = "Invoices for November" if name == "sam" else "Your complaint"
    expect_unread(page, 1 if name == "sam" else 3)
    row(page, subject).tap()
    expect(thread(page, subject)).to_be_visible()
    expect(conversations(page)).to_have_count(0) if name == "cleo" else expect(conversations(page)).to_be_hidden()
    expect_unread(page, 0 if name == "sam" else 2)
    assert sideways(page) == 0
    composer(page).tap()
    composer(page).fill("From the tram")
    assert is_reachable(page, "#send")
    send_button(page).tap()
    expect(messages(page).last).to_contain_text("From the tram")
    page.get_by_role("link", name="Back to conversations").tap()
    expect(conversations(page)).to_be_visible()
    expect(row(page, subject)).to_contain_text("You: From the tram")
    page.go_forward() if name == "cleo" else page.go_back()  # a customer's list is the page before
    expect(thread(page, subject)).to_be_visible()
    page.go_back()
    expect(conversations(page)).to_be_visible()


def test_the_longest_words_and_every_script_stay_on_the_screen(site: Site, visit: Visitors) -> None:
    number = site.tell(stories.MANY_SCRIPTS)
    for name in ("nadia", "cleo"):
        page = visit(name, number, viewport=SMALL)
        expect(messages(page)).to_have_count(6)
        assert sideways(page) == 0
        log = page.get_by_role("log")
        assert log.evaluate("log => log.scrollWidth - log.clientWidth") == 0
        subject = page.get_by_role("heading", name=stories.MANY_SCRIPTS.subject)
        assert subject.evaluate("h => getComputedStyle(h).direction") == "rtl"
        assert (
            messages(page).nth(0).locator(".message__content").evaluate("e => getComputedStyle(e).direction") == "rtl"
        )
        assert (
            messages(page).nth(5).locator(".message__content").evaluate("e => getComputedStyle(e).direction") == "ltr"
        )
        expect(messages(page).nth(3)).to_contain_text("<b>not bold</b>")
        link = messages(page).nth(3).get_by_role("link")
        expect(link).to_have_attribute("rel", "noopener noreferrer nofollow")


LONG_NAME = "The Extraordinarily Long Store of Müller, Søn & Daughters"


@pytest.mark.parametrize("name", ["lea", "cleo"])
def test_a_long_store_name_and_a_large_number_leave_everything_within_reach(
    site: Site, visit: Visitors, name: str
) -> None:
    site.begin(site.cast.sam, site.cast.cleo)
    site.do(rename_store, site.cast.bakery, LONG_NAME)
    for viewport in (SMALL, USUAL):
        page = visit(name, viewport=viewport)
        badge(page).evaluate("badge => { badge.hidden = false; badge.firstChild.textContent = '1,234'; }")
        assert sideways(page) == 0
        for selector in ("[data-unread-badge]", ".header [popovertarget='account']"):
            assert is_reachable(page, selector), selector
        assert badge(page).evaluate("badge => badge.scrollHeight <= badge.clientHeight"), "the number is on two lines"


def rename_store(store_id: int, name: str) -> None:
    with writing(db.session) as session:
        session.execute(update(Store).where(Store.id == store_id).values(name=name))


LONG_SUBJECT = "About the order of the fourteenth of November, and the invoice that still names the old address " * 2
LONGEST = "Wolfeschlegelsteinhausenbergerdorff" * 5


@pytest.mark.parametrize("name", ["sam", "cleo", pytest.param("ada", marks=pytest.mark.long)])
def test_a_long_subject_leaves_the_room_to_the_thread(site: Site, visit: Visitors, name: str) -> None:
    writer = site.cast.ada if name == "ada" else site.cast.sam
    number = site.begin(writer, site.cast.cleo, LONG_SUBJECT.strip(), *("A line." for _ in range(20)))
    page = visit(name, number, viewport={"width": 390, "height": 568}, has_touch=True, is_mobile=True)
    header = page.locator(".thread__header")
    assert header.evaluate("header => header.offsetHeight") <= 80
    switch = page.get_by_role("switch", name="E-mail me about this conversation")
    expect(switch).to_be_hidden()
    named = page.locator(".header, .thread__header").evaluate_all("all => all.map(e => e.innerText).join(' ')")
    assert named.count("Bakery") == 1
    page.get_by_role("button", name="Conversation details").tap()
    menu = page.locator("#thread-more")
    expect(menu).to_contain_text("Open" if name == "cleo" else "Waiting for")
    expect(switch).to_be_visible()
    switch.tap()
    expect(switch).to_be_checked(checked=False)
    poll(page, "thread")  # what comes meanwhile does not close the menu
    site.say(site.cast.sam if name != "ada" else site.cast.abe, number, "One more")
    expect(messages(page)).to_have_count(21)
    expect(menu).to_be_visible()
    assert sideways(page) == 0
    page.keyboard.press("Escape")
    expect(switch).to_be_hidden()
    subject = page.get_by_role("heading", name=LONG_SUBJECT.strip()[:40])
    low = subject.evaluate("h => h.offsetHeight")
    subject.hover()
    assert subject.evaluate("h => h.offsetHeight") > low * 1.5


@pytest.mark.parametrize("viewport", [(390, 480), (1280, 480), (390, 308), (844, 390), (720, 320)], ids=str)
@pytest.mark.parametrize("name", ["sam", pytest.param("cleo", marks=pytest.mark.long)])
def test_the_composer_is_within_reach_on_a_low_screen(
    site: Site, visit: Visitors, name: str, viewport: tuple[int, int]
) -> None:
    number = site.begin(site.cast.sam, site.cast.cleo, LONG_SUBJECT.strip(), *("A line." for _ in range(20)))
    page = visit(name, number, viewport={"width": viewport[0], "height": viewport[1]})
    for selector in ("#content", "#send"):
        assert is_reachable(page, selector), selector
    assert page.locator("#thread-log").evaluate("log => log.clientHeight") >= 64
    composer(page).fill("Line\n" * 40)
    page.set_input_files(
        "#attachments", [{"name": f"{n}.txt", "mimeType": "text/plain", "buffer": b"x"} for n in range(10)]
    )
    expect(page.get_by_role("list", name="Files to send").get_by_role("listitem")).to_have_count(10)
    send_button(page).click()
    expect(messages(page)).to_have_count(21)
    assert is_reachable(page, "#send")


@pytest.mark.parametrize("name", ["sam", "cleo", "ada"])
def test_no_name_is_too_long_for_the_log(site: Site, visit: Visitors, name: str) -> None:
    site.do(rename_store, site.cast.bakery, LONGEST)
    cast = site.cast
    first, second = (cast.ada, cast.bakery) if name == "ada" else (cast.sam, cast.cleo)
    first = first._replace(name=LONGEST)
    number = site.begin(first, second, "S" * 200, "One")
    site.say((cast.sam if name == "ada" else cast.cleo)._replace(name=LONGEST[::-1]), number, "Two " + LONGEST)
    site.do(messaging.close_conversation, first, number)
    page = visit(name, number)
    for width in (320, 390, 1024):
        page.set_viewport_size({"width": width, "height": 700})
        page.reload()
        expect(messages(page)).to_have_count(2)
        expect(page.get_by_role("log")).to_contain_text("closed this conversation")
        assert sideways(page) == 0, width
        for box in ("#thread-log", "#thread", ".thread__header", "#main"):
            assert page.locator(box).evaluate("box => box.scrollWidth - box.clientWidth") == 0, (box, width)


def test_at_1024_pixels_the_sidebar_is_folded(site: Site, visit: Visitors) -> None:
    page = visit(
        "ada",
        site.begin(site.cast.ada, site.cast.bakery, LONG_SUBJECT.strip()),
        viewport={"width": 1024, "height": 768},
    )
    expect(page.get_by_role("link", name="Messages", exact=True)).to_be_visible()
    expect(page.get_by_role("link", name="Settings")).to_be_visible()
    assert page.locator("#thread").evaluate("thread => thread.offsetWidth") >= 560
    expect(page.get_by_role("switch", name="E-mail me about this conversation")).to_be_visible()
    subject = page.get_by_role("heading", name=LONG_SUBJECT[:40])
    low = subject.evaluate("h => h.offsetHeight")
    assert low < 60
    subject.hover()
    assert subject.evaluate("h => h.offsetHeight") > low
    page.mouse.move(0, 0)
    assert subject.evaluate("h => h.offsetHeight") == low
    composer(page).focus()
    page.keyboard.press("Escape")
    expect(subject).to_be_focused()
    assert subject.evaluate("h => h.offsetHeight") > low


def test_the_drawer_opens_by_its_button_and_goes_by_escape(site: Site, visit: Visitors) -> None:
    page = visit("ada", viewport=SMALL)
    link = page.get_by_role("link", name="Settings")
    expect(link).to_be_hidden()
    page.get_by_role("button", name="Menu").click()
    expect(link).to_be_visible()
    page.keyboard.press("Escape")
    expect(link).to_be_hidden()
    page.get_by_role("button", name="Menu").click()
    link.click()
    expect(page.get_by_role("heading", name="Settings")).to_be_visible()
    assert sideways(page) == 0


def test_the_dialog_fits_and_scrolls_within_itself(site: Site, visit: Visitors) -> None:
    page = visit("sam", viewport={"width": 320, "height": 480})
    page.get_by_role("link", name="New conversation").click()
    dialog = page.get_by_role("dialog", name="New conversation")
    expect(dialog.get_by_label("To", exact=True)).to_be_focused()
    assert sideways(page) == 0
    assert dialog.evaluate("d => d.getBoundingClientRect().right <= innerWidth && d.scrollWidth <= d.clientWidth")
    dialog.get_by_role("radio", name=re.compile("Omar")).check(force=True)
    dialog.get_by_label("Subject", exact=True).fill("On a phone")
    dialog.get_by_label("Message", exact=True).fill("Line\n" * 40)
    send = dialog.get_by_role("button", name="Send", exact=True)
    send.scroll_into_view_if_needed()
    assert is_reachable(page, "#compose-send")
    send.click()
    expect(thread(page, "On a phone")).to_be_visible()


def test_a_long_answer_grows_the_composer_and_leaves_room_for_the_thread(site: Site, visit: Visitors) -> None:
    page = visit("cleo", site.begin(site.cast.sam, site.cast.cleo), viewport=USUAL)
    low = composer(page).bounding_box()
    composer(page).fill("Line\n" * 60)
    high = composer(page).bounding_box()
    assert low and high and low["height"] < high["height"] < USUAL["height"] / 2
    assert is_reachable(page, "#send")
    log = page.get_by_role("log").bounding_box()
    assert log and log["height"] > 100
    write(page, "Short")
    expect(messages(page)).to_have_count(2)


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "without"])
def test_the_way_back_leads_a_customer_to_where_they_were(site: Site, visit: Visitors, scripts: bool) -> None:
    for n in range(20):
        site.begin(site.cast.sam, site.cast.cleo, f"Subject {n:02}")
    page = visit(
        "cleo", "/storefront/account/messages?status=all", java_script_enabled=scripts, viewport=SMALL, has_touch=True
    )
    expect(row(page, "Subject 03")).not_to_be_in_viewport()
    row(page, "Subject 03").tap()
    expect(thread(page, "Subject 03")).to_be_visible()
    page.get_by_role("link", name="Back to conversations").dblclick()
    expect(row(page, "Subject 03")).to_be_in_viewport(ratio=1)
    assert page.url.endswith("?status=all") is scripts
