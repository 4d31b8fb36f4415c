"""Colleagues see who else has a conversation open, and who of them is writing; the customer sees neither."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Site, Visitors
from tests.browser.hands import composer, row, thread
from tests.services import wait_for

pytestmark = pytest.mark.browser


def others(page: Page) -> Locator:
    """Who else is here."""
    return page.get_by_role("list", name="Also looking at this").get_by_role("listitem")


def is_seen_writing(writer: Page, by: Page) -> bool:
    """Type some more, for writing shows only for a while; then whether it shows."""
    composer(writer).press_sequentially("On my way ")
    return "avatar--writing" in (others(by).get_attribute("class") or "")


def test_colleagues_come_write_and_go(site: Site, visit: Visitors) -> None:
    number = site.begin(site.cast.sam, site.cast.cleo)
    site.begin(site.cast.sam, site.cast.omar, "Your wheat loaf")
    sam, customer = visit("sam", number), visit("cleo", number)
    expect(others(sam)).to_have_count(0)
    nadia = visit("nadia", number)
    expect(others(nadia)).to_have_text(re.compile("Sam"))
    expect(others(sam)).to_have_text(re.compile("Nadia"))
    wait_for(lambda: is_seen_writing(nadia, sam), every=0.5, what="Sam to see that Nadia writes")
    expect(sam.get_by_text("Nadia is replying…")).to_be_visible()
    expect(customer.get_by_text("Bakery is writing…")).to_be_visible()
    expect(others(customer)).to_have_count(0)
    row(nadia, "Your wheat loaf").click()
    expect(thread(nadia, "Your wheat loaf")).to_be_visible()
    expect(others(sam)).to_have_count(0)
    row(nadia, "Your rye loaf").click()
    expect(others(sam)).to_have_count(1)
    nadia.close()
    expect(others(sam)).to_have_count(0)
