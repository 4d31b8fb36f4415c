"""From an empty database to the first message between two invited people, by nothing but browsers."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from messaging_app.extensions import db
from messaging_app.services import setup
from tests.browser.conftest import Site, Visitors
from tests.browser.hands import expect_unread, messages, row, write
from tests.browser.test_journeys import compose
from tests.conftest import empty

pytestmark = pytest.mark.browser
PASSWORD = "a loaf of rye bread"


@pytest.fixture
def empty_site(site: Site) -> Site:
    """An installation without anybody."""
    with site.app.app_context():
        empty(db.engine)
    site.app.extensions.pop("has_people", None)
    return site


def invite(page: Page, email: str, role: str | None = None) -> str:
    """Invite somebody on the page that is open; the link that the page then shows."""
    page.get_by_label("E-mail addresses").fill(email)
    if role:
        expect(page.get_by_role("radio", name=role)).to_be_checked()
    page.get_by_role("button", name="Invite").click()
    return page.get_by_label(f"Pass this link on to {email}").input_value()


def join(visit: Visitors, link: str, name: str) -> Page:
    page = visit(at=re.sub("^https?://[^/]+", "", link))
    page.get_by_label("Your name").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Join").click()
    expect(page.get_by_role("heading", name="Messages")).to_be_visible()
    expect(page.locator("[data-htmx-powered]").first).to_be_attached()  # a click before that loads a page
    return page


@pytest.mark.long
def test_set_up_invite_join_and_write(empty_site: Site, visit: Visitors) -> None:
    page = visit()
    expect(page.get_by_role("heading", name="Set up")).to_be_visible()
    page.get_by_label("One-time code").fill(empty_site.do(setup.make_code))
    page.get_by_label("Your name").fill("Ada")
    page.get_by_label("E-mail").fill("ada@platform.example")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Create the first admin").click()
    expect(page.get_by_text("1 of 5 done")).to_be_visible()

    page.get_by_role("link", name="Add store").click()
    page.get_by_role("textbox", name="Name").fill("Bakery")
    page.get_by_role("textbox", name="Code").fill("bakery")
    page.get_by_role("button", name="Create store").click()
    expect(page.get_by_role("heading", name="Bakery")).to_be_visible()

    page.get_by_role("link", name="Messages", exact=True).click()
    expect(page.get_by_text("2 of 5 done")).to_be_visible()
    page.get_by_role("link", name="Invite owner").click()
    to_sam = invite(page, "sam@bakery.example", "Owner")
    page.get_by_role("link", name="Messages", exact=True).click()
    page.get_by_role("link", name="Invite admin").click()
    to_abe = invite(page, "abe@platform.example")
    page.get_by_role("link", name="Messages", exact=True).click()
    expect(page.get_by_text("4 of 5 done")).to_be_visible()

    sam, abe = join(visit, to_sam, "Sam"), join(visit, to_abe, "Abe")
    compose(abe, "Bakery", "Welcome", "Good to have you here.")
    expect_unread(sam, 1)
    row(sam, "Welcome").click()
    write(sam, "Thank you, Abe.")
    expect(messages(abe)).to_have_count(2)
