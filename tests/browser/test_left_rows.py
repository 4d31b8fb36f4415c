"""A row that no longer belongs to its list stays while it is read, and not longer."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from messaging_app.services import messaging
from tests.browser.conftest import Site, Visitors
from tests.browser.hands import poll, row, thread

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("how", ["Escape", "another row", "search"])
def test_a_row_that_left_the_filter_goes_when_it_is_left(site: Site, visit: Visitors, how: str) -> None:
    numbers = [site.begin(site.cast.nadia, site.cast.cleo, f"Subject {n}") for n in (1, 2)]
    for number in numbers:
        site.do(messaging.send_message, site.cast.cleo, number, "When?")
    page = visit("sam", at="/store/messages?waiting=us&order=waiting")
    row(page, "Subject 1").click()
    expect(thread(page, "Subject 1")).to_be_visible()
    site.do(messaging.send_message, site.cast.nadia, numbers[0], "Here.")
    expect(page.get_by_text("Waiting for them")).to_be_visible()
    expect(page.locator(f"#conversation-{numbers[0]}[data-left]")).to_have_count(1)
    expect(row(page, "Subject 1")).to_be_visible()
    if how == "another row":
        row(page, "Subject 2").click()
        expect(thread(page, "Subject 2")).to_be_visible()
    elif how == "search":
        page.keyboard.press("/")
        page.keyboard.type("when")
        expect(row(page, "Subject 1").locator("mark")).to_have_text(["When"])
        page.keyboard.press("Escape")
    else:
        page.keyboard.press("Escape")
        expect(page.get_by_text("No conversation selected")).to_be_visible()
    expect(row(page, "Subject 1")).to_have_count(0)
    expect(row(page, "Subject 2")).to_be_visible()
    poll(page)
    expect(row(page, "Subject 1")).to_have_count(0)
