"""Lists of the console: what is typed stays, whichever button is pressed next, with JavaScript and without."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from messaging_app.services import customers, stores
from tests.browser.conftest import Site, Visitors

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_filters_and_the_file_keep_what_is_typed(site: Site, visit: Visitors, scripts: bool) -> None:
    site.do(customers.deactivate_customer, site.cast.ada, site.cast.omar.id)
    page = visit("ada", "/admin/customers?store_id=1", java_script_enabled=scripts)
    search = page.get_by_role("searchbox", name="Find by name, e-mail or ID")
    rows = page.get_by_role("rowheader")
    expect(rows).to_have_count(2)
    search.fill("mail om")
    search.press("Enter")
    expect(page.get_by_text("Nothing matches")).to_be_visible()
    expect(search).to_have_value("mail om")
    search.fill("om")
    if scripts:
        expect(rows).to_have_count(1)
    page.get_by_role("button", name="Active", exact=True).click()
    expect(page).to_have_url(re.compile("q=om"))
    expect(page.get_by_text("Nothing matches")).to_be_visible()
    page.get_by_role("button", name="Inactive").click()
    expect(page).to_have_url(re.compile("status=inactive.*store_id=1"))
    expect(page.get_by_role("button", name="Inactive")).to_have_attribute("aria-current", "true")
    expect(rows).to_have_text(re.compile("Omar"))
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV").click()
    lines = download.value.path().read_text("utf-8-sig").splitlines()
    assert len(lines) == 2 and ",Omar," in lines[1] and download.value.suggested_filename == "customers.csv"


def test_a_list_is_sorted_and_led_through_by_keys(site: Site, visit: Visitors) -> None:
    page = visit("ada", "/admin/stores")
    names = page.get_by_role("rowheader")
    expect(names).to_contain_text(["Bakery", "Northwind Cycles"])
    page.get_by_role("button", name="Sort by: Name").press("Enter")
    page.get_by_role("button", name="Name, Z to A").press("Enter")
    expect(names).to_contain_text(["Northwind Cycles", "Bakery"])
    page.get_by_role("link", name="Bakery").press("Enter")
    expect(page.get_by_role("heading", name="Bakery")).to_be_visible()
    page.get_by_role("link", name="Deactivate…").press("Enter")
    dialog = page.get_by_role("dialog", name="Deactivate Bakery?")
    expect(dialog.get_by_role("button", name="Keep active")).to_be_focused()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    assert site.do(stores.get_store, site.cast.ada, site.cast.bakery).active
