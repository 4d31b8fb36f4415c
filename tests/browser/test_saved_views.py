"""Saved views in a browser: kept by keys from a list, in the navigation with their counts, marked where they are shown."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from messaging_app.services import messaging, saved_views
from tests.browser import axe
from tests.browser.conftest import Site, Visitors
from tests.browser.hands import conversations, expect_focus, sideways

pytestmark = pytest.mark.browser


def view(page: Page, name: str) -> Locator:
    return page.get_by_role("list", name="Saved views").get_by_role("link", name=name)


def test_a_view_is_kept_by_keys_counted_and_marked(site: Site, visit: Visitors) -> None:
    numbers = [site.begin(site.cast.nadia, site.cast.cleo, f"Subject {n}") for n in (1, 2)]
    site.do(messaging.close_conversation, site.cast.sam, numbers[0])
    page = visit("sam", at="/store/messages?status=closed")
    page.get_by_role("link", name="Save this view").press("Enter")
    dialog = page.get_by_role("dialog", name="Save this view")
    expect(dialog.get_by_text("Closed", exact=True)).to_be_visible()
    expect_focus(page, "view-name")
    page.keyboard.type("Done")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/store/messages\?status=closed$"))
    expect(view(page, "Done")).to_have_accessible_name("Done 1 conversation")
    expect(view(page, "Done")).to_have_attribute("aria-current", "true")
    page.get_by_role("link", name="All", exact=True).click()
    expect(conversations(page).get_by_role("listitem")).to_have_count(2)
    expect(view(page, "Done")).not_to_have_attribute("aria-current", "true")
    site.do(messaging.close_conversation, site.cast.nadia, numbers[1])
    expect(view(page, "Done")).to_have_accessible_name("Done 2 conversations", timeout=10_000)


@pytest.mark.long
def test_the_list_of_views_looks_right_and_asks_before_it_deletes(site: Site, visit: Visitors) -> None:
    for name, shared in (("Mine", False), ("A rather long name of a view that everybody in the bakery shares", True)):
        with site.app.app_context():
            saved_views.create_view(site.cast.sam, name, "q=rye+is:open", shared=shared)
    page = visit("sam", at="/store/views")
    expect(view(page, "Mine")).to_be_visible()
    assert not axe.in_every_look(page)
    assert not sideways(page)
    page.get_by_role("link", name="Delete Mine").click()
    page.get_by_role("button", name="Keep it").click()
    page.get_by_role("link", name="Rename Mine").click()
    page.get_by_role("dialog").get_by_label("Name").fill("Rye")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("link", name="Delete Rye").click()
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("link", name="Rye")).to_have_count(0)
    page.goto("/store/messages?q=rye")
    page.get_by_role("link", name="Save this view").click()
    expect(page.get_by_role("dialog").get_by_label("Name")).to_have_value("rye")
    assert not axe.in_every_look(page)
