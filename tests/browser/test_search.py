"""The search field in a browser: by key from anywhere, results while one types, a hit at its line, and back."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from messaging_app.services import messaging, search
from tests.browser import axe
from tests.browser.conftest import Site, Visitors
from tests.browser.hands import conversations, expect_focus, row, sideways, thread

pytestmark = pytest.mark.browser


@pytest.fixture
def planted(site: Site) -> int:
    """Three conversations; in the first, "planted" stands in lines 5 and 40 of 80."""
    number = site.begin(site.cast.sam, site.cast.cleo, "Subject 1")
    with site.app.app_context():
        for seq in range(2, 81):
            line = f"Planted here, {seq}" if seq in (5, 40) else f"Line {seq}"
            messaging.send_message(site.cast.cleo if seq % 2 else site.cast.sam, number, line)
    for subject in ("Subject 2", "Subject 3"):
        site.begin(site.cast.sam, site.cast.cleo, subject)
    return number


def test_a_promise_is_found_by_keys_alone(site: Site, visit: Visitors, planted: int) -> None:
    page = visit("sam", at="/store/messages?status=all")
    page.keyboard.press("/")
    page.keyboard.type("planted he")
    expect(conversations(page).get_by_role("listitem")).to_have_count(1)
    expect(row(page, "Subject 1").locator("mark")).to_have_text(["Planted", "here"])
    expect_focus(page, "search-field")
    expect(page).to_have_url(re.compile(r"/store/messages\?q=planted\+he$"))
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(thread(page, "Subject 1").get_by_role("navigation", name="Lines found")).to_contain_text("Match 2 of 2")
    expect(page.locator("#message-40")).to_be_in_viewport()
    page.locator("#hit-arrow-up").press("Enter")
    expect(page.locator("#message-5")).to_be_in_viewport()
    page.keyboard.press("Control+k")
    expect_focus(page, "search-field")
    page.keyboard.press("Escape")
    expect(conversations(page).get_by_role("listitem")).to_have_count(3)
    expect(page).to_have_url(re.compile(r"\?status=all$"))
    expect(thread(page, "Subject 1")).to_be_visible()


@pytest.mark.long
def test_search_is_reached_from_other_pages_and_looks_right(site: Site, visit: Visitors, planted: int) -> None:
    page = visit("sam", at="/store")
    page.keyboard.press("Control+k")
    expect_focus(page, "search-field")
    page.keyboard.type("planted is:open")
    expect(page.get_by_text("1 conversation, newest first")).to_be_visible()
    row(page, "Subject 1").click()
    expect(page.locator(".message--hit")).to_be_in_viewport()
    assert not axe.in_every_look(page)
    assert not sideways(page)


def test_hits_that_only_an_older_page_has_are_shown(
    site: Site, visit: Visitors, planted: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.do(messaging.close_conversation, site.cast.sam, planted)
    monkeypatch.setattr(search, "AT_ONCE", (60,))
    page = visit("sam", at="/store/messages?q=line+is:closed")
    for number in range(3):  # newer lines that match, in open conversations
        site.begin(site.cast.sam, site.cast.omar, f"Later {number}")
    for number in range(70):
        site.do(messaging.send_message, site.cast.omar, planted + 3, f"Line {number}")
    page.reload()
    expect(page.get_by_role("status").get_by_text("Nothing among the newest messages.")).to_be_visible()
    older = page.get_by_role("link", name="Search older messages")
    older.press("Enter")
    expect(row(page, "Subject 1")).to_be_visible()
    expect(row(page, "Subject 1")).to_be_focused()
    expect(page.get_by_text("Nothing among the newest messages.")).not_to_be_visible()
    expect(page.locator("#search-count")).to_have_text("Newest first")


@pytest.mark.parametrize("who", ["sam", "cleo"])
def test_it_works_without_scripts(site: Site, visit: Visitors, planted: int, who: str) -> None:
    page = visit(who, java_script_enabled=False)
    field = page.get_by_role("textbox", name="Search messages, people and files")
    field.fill("planted")
    field.press("Enter")
    subject, hit = (row(page, "Subject 1").locator(f".conversation__{part}") for part in ("subject", "hit"))
    places = subject.bounding_box(), hit.bounding_box()
    assert places[0] and places[1] and places[0]["width"] > 40 and places[0]["x"] == places[1]["x"], places
    row(page, "Subject 1").click()
    expect(page.get_by_text("Match 2 of 2 for")).to_be_visible()
    expect(page.locator("#message-40 mark")).to_have_text("Planted")
