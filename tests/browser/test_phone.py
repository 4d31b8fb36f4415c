"""A phone: the list, then the thread with a way back; nothing is wider than the screen."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import update

from messaging_app.db.engine import writing
from messaging_app.extensions import db
from messaging_app.models import Store
from tests.browser import stories
from tests.browser.conftest import Site, Visitors
from tests.browser.hands import (
    badge,
    composer,
    conversations,
    expect_unread,
    messages,
    row,
    send_button,
    sideways,
    thread,
    write,
)

pytestmark = pytest.mark.browser
SMALL, USUAL = {"width": 320, "height": 640}, {"width": 390, "height": 844}


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
