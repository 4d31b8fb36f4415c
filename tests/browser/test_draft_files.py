"""Files that wait to be sent: there again like the words beside them, or named; and gone with their person."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from messaging_app.services.settings import set_settings
from tests import cast
from tests.browser import axe
from tests.browser.conftest import Site, Visitors
from tests.browser.files import EMPTY, FALSE_PICTURE, PICTURE, PROGRAM, TABLE
from tests.browser.hands import composer, messages, row, send_button, thread, until, write

pytestmark = pytest.mark.browser

KEPT = """new Promise((resolve) => {
    const asked = indexedDB.open("drafts");
    asked.onsuccess = () => {
        const keys = asked.result.transaction("files").objectStore("files").getAllKeys();
        keys.onsuccess = () => resolve(keys.result);
    };
})"""


def field(page: Page) -> Locator:
    return page.get_by_label("Attach files", exact=True).and_(page.locator("input"))


def staged(page: Page) -> Locator:
    """The files that are about to be sent."""
    return page.get_by_role("list", name="Files to send").get_by_role("listitem")


def missing(page: Page) -> Locator:
    """What says which files have to be attached again."""
    return page.get_by_role("status").filter(has_text="Attach again:")


def keep_nothing(page: Page) -> None:
    """As in browsers and windows that have no IndexedDB, or no room."""
    page.add_init_script("IDBFactory.prototype.open = () => { throw new DOMException('no', 'SecurityError'); }")
    page.reload()


def sign_in(page: Page, name: str) -> None:
    page.get_by_label("E-mail").fill(cast.EMAILS[name])
    page.get_by_label("Password").fill(cast.PASSWORD)
    page.get_by_label("Password").press("Enter")


def test_after_signing_in_again_words_and_files_are_there_and_are_sent(site: Site, visit: Visitors) -> None:
    visit.noise("401")
    page = visit("sam", site.begin(site.cast.sam, site.cast.cleo), live=False)
    composer(page).fill("With prices")
    field(page).set_input_files([TABLE, PICTURE])
    site.end_sessions(site.cast.sam)
    send_button(page).click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    sign_in(page, "sam")
    expect(thread(page, "Your rye loaf")).to_be_visible()
    expect(composer(page)).to_have_value("With prices")
    expect(staged(page)).to_contain_text(["prices.csv", "picture.png"])
    expect(missing(page)).to_have_count(0)
    send_button(page).click()
    expect(messages(page).last).to_contain_text("With prices")
    expect(messages(page).last.get_by_role("listitem")).to_have_count(2)
    page.reload()
    expect(messages(page)).to_have_count(2)
    expect(staged(page)).to_have_count(0)
    assert page.evaluate(KEPT) == []


def test_files_alone_outlive_a_reload_and_go_at_sign_out(site: Site, visit: Visitors) -> None:
    visit.noise("401 .*unread-count")
    site.begin(site.cast.sam, site.cast.omar, "Another one")
    page = visit("sam", site.begin(site.cast.sam, site.cast.cleo))
    page.context.add_cookies([site.cookie("admin", site.cast.ada)])  # type: ignore[list-item]
    field(page).set_input_files([TABLE, PICTURE])
    page.get_by_role("button", name="Remove picture.png").click()
    page.reload()
    expect(staged(page)).to_contain_text(["prices.csv"])
    row(page, "Another one").click()
    expect(thread(page, "Another one")).to_be_visible()
    field(page).set_input_files(PICTURE)
    page.goto(f"/admin/messages/{site.begin(site.cast.ada, site.cast.bakery, 'For the bakery')}")
    field(page).set_input_files(PICTURE)
    until(page, f"async () => (await {KEPT}).length === 3")
    page.goto("/store")
    page.get_by_role("button", name="Account of Sam").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert [key.split(":")[1] for key in page.evaluate(KEPT)] == ["admin"], "the other role's files stay"


def test_files_of_a_new_conversation_stay_in_their_store(site: Site, visit: Visitors) -> None:
    page = visit("lea", "/store/messages/new")
    field(page).set_input_files(TABLE)
    page.get_by_label("Subject", exact=True).fill("Prices")
    page.get_by_role("button", name="Store:").click()
    page.get_by_role("button", name="Northwind Cycles", exact=True).click()
    expect(page.get_by_role("button", name="Store: Northwind Cycles")).to_be_visible()
    page.goto("/store/messages/new")
    expect(page.get_by_label("Subject", exact=True)).to_have_value("")
    expect(staged(page)).to_have_count(0)
    page.get_by_role("button", name="Store:").click()
    page.get_by_role("button", name="Bakery", exact=True).click()
    expect(page.get_by_role("button", name="Store: Bakery")).to_be_visible()
    page.keyboard.press("c")
    expect(staged(page)).to_contain_text(["prices.csv"])


def test_files_that_could_not_be_kept_are_named_until_they_are_attached_again(site: Site, visit: Visitors) -> None:
    page = visit("sam", site.begin(site.cast.sam, site.cast.cleo))
    keep_nothing(page)
    field(page).set_input_files([TABLE, PICTURE])
    composer(page).fill("With prices")
    for _ in range(2):  # what is named once is named again
        page.reload()
        expect(composer(page)).to_have_value("With prices")
        expect(missing(page)).to_contain_text("Attach again: prices.csv, picture.png")
    assert axe.in_every_look(page) == []
    field(page).set_input_files(TABLE)
    expect(missing(page)).to_contain_text(re.compile(r"Attach again: picture\.png\s*$"))
    page.reload()
    expect(missing(page)).to_contain_text("Attach again: prices.csv, picture.png")
    missing(page).get_by_role("button", name="Dismiss").click()
    expect(missing(page)).to_have_count(0)
    page.reload()
    expect(composer(page)).to_have_value("With prices")
    expect(missing(page)).to_have_count(0)


def test_two_tabs_hold_the_same_files_and_send_them_once(site: Site, visit: Visitors) -> None:
    page = visit("sam", site.begin(site.cast.sam, site.cast.cleo))
    composer(page).fill("With prices")
    field(page).set_input_files([TABLE, PICTURE])
    other = page.context.new_page()
    other.goto(page.url)
    expect(staged(other)).to_contain_text(["prices.csv", "picture.png"])
    composer(other).focus()
    other.get_by_role("button", name="Remove picture.png").click()
    expect(staged(page)).to_contain_text(["prices.csv"])
    expect(staged(page)).to_have_count(1)
    send_button(page).click()
    for tab in (page, other):
        expect(messages(tab)).to_have_count(2)
        expect(composer(tab)).to_have_value("")
        expect(staged(tab)).to_have_count(0)


def test_what_the_page_knows_to_be_refused_is_not_sent(site: Site, visit: Visitors) -> None:
    visit.noise("422")
    site.do(set_settings, None, {"message_attachment_max_files": "4"})
    number = site.begin(site.cast.sam, site.cast.cleo)
    page = visit("cleo", number)
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if request.url.endswith("/messages") else None)
    composer(page).fill("Not to be lost")
    field(page).set_input_files([TABLE, PROGRAM, EMPTY, FALSE_PICTURE, PICTURE])
    for name in ("program.exe", "empty.txt"):
        send_button(page).click()
        expect(page.get_by_role("alert").filter(has_text="remove the marked files")).to_be_visible()
        expect(page.get_by_role("button", name=f"Remove {name}")).to_be_focused()
        expect(composer(page)).to_have_value("Not to be lost")
        page.keyboard.press("Enter")
    expect(page.locator(".staged__file--refused")).to_have_count(0)
    assert sent == []
    send_button(page).click()
    expect(page.locator(".staged__file--refused")).to_contain_text("is plain text. Rename it")
    assert len(sent) == 1
    send_button(page).click()
    expect(page.get_by_role("alert").filter(has_text="remove the marked files")).to_be_visible()
    assert len(sent) == 1, "what the server refused is not carried there again"
    page.get_by_role("button", name="Remove false.png").click()
    field(page).set_input_files({**PICTURE, "name": "false.png"})
    expect(page.locator(".staged__file--refused")).to_have_count(0)  # another file, though of that name
    write(page, "Not to be lost")
    expect(messages(page).last.get_by_role("link", name="false.png")).to_be_visible()
