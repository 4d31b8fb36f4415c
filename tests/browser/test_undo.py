"""Undo send: a message waits in sight of its side, and comes back into the composer with its files."""

from __future__ import annotations

from datetime import timedelta

import pytest
from playwright.sync_api import Locator, Page, expect

from messaging_app.actors import Actor
from messaging_app.db.engine import now
from messaging_app.services import delayed, preferences
from tests.browser import axe
from tests.browser.conftest import Site, Visitors
from tests.browser.files import PICTURE, TABLE
from tests.browser.hands import composer, messages, row, send_button, thread, until, write

pytestmark = pytest.mark.browser


def waiting(page: Page) -> Locator:
    """What waits to be sent, under the messages."""
    return page.locator("#delayed > *")


def field(page: Page) -> Locator:
    """The reply's files; a note has its own."""
    return page.locator("#composer").get_by_label("Attach files", exact=True).and_(page.locator("input"))


def staged(page: Page) -> Locator:
    return page.locator("#composer").get_by_role("list", name="Files to send").get_by_role("listitem")


def missing(page: Page) -> Locator:
    return page.locator("#composer").get_by_text("Attach again:")


def undo(page: Page) -> None:
    waiting(page).get_by_role("button", name="Undo").click()


def let_wait(site: Site, actor: Actor) -> None:
    site.do(preferences.save, actor, undo_send_seconds=20)


def become_due(site: Site) -> None:
    site.do(delayed.sweep, now() + timedelta(minutes=1))


def test_words_and_files_come_back_before_what_was_typed_since(site: Site, visit: Visitors) -> None:
    let_wait(site, site.cast.sam)
    number = site.begin(site.cast.sam, site.cast.cleo)
    page = visit("sam", number)
    colleague, customer = visit("nadia", number), visit("cleo", number)
    composer(page).fill("With prises")
    field(page).set_input_files([TABLE, PICTURE])
    send_button(page).click()
    expect(waiting(page)).to_contain_text("With prises")
    expect(waiting(page)).to_contain_text("Sending…")
    expect(composer(page)).to_have_value("")
    expect(staged(page)).to_have_count(0)
    expect(waiting(colleague)).to_contain_text("With prises")
    expect(waiting(colleague).get_by_role("button")).to_have_count(0)
    assert axe.in_every_look(page) == []
    composer(page).fill("PS")
    undo(page)
    expect(waiting(page)).to_have_count(0)
    expect(waiting(colleague)).to_have_count(0)
    expect(composer(page)).to_have_value("With prises\n\nPS")
    expect(composer(page)).to_be_focused()
    expect(staged(page)).to_have_count(2)
    expect(missing(page)).to_have_count(0)
    page.reload()
    expect(composer(page)).to_have_value("With prises\n\nPS")
    expect(staged(page)).to_have_count(2)
    write(page, "With prices")
    expect(waiting(page)).to_contain_text("With prices")
    expect(messages(customer)).to_have_count(1)
    become_due(site)
    expect(waiting(page)).to_have_count(0)
    expect(messages(customer).last).to_contain_text("With prices")
    expect(messages(page)).to_have_count(2)
    expect(messages(page).last.get_by_role("listitem")).to_have_count(2)


def test_after_send_and_close_a_notice_leads_back(site: Site, visit: Visitors) -> None:
    let_wait(site, site.cast.sam)
    number = site.begin(site.cast.sam, site.cast.cleo, "Your rye loaf")
    other = site.begin(site.cast.sam, site.cast.omar, "Your wheat loaf")
    for customer, place in ((site.cast.cleo, number), (site.cast.omar, other)):
        site.say(customer, place, "Is it ready?")
    page = visit("sam", number)
    composer(page).fill("Yes, bye")
    page.get_by_role("button", name="Send and close").click()
    expect(thread(page, "Your wheat loaf")).to_be_visible()
    page.get_by_role("status").get_by_role("button", name="Undo").click()
    expect(thread(page, "Your rye loaf")).to_be_visible()
    expect(composer(page)).to_have_value("Yes, bye")
    until(page, "() => !location.search")
    become_due(site)
    row(page, "Your wheat loaf").click()
    row(page, "Your rye loaf").click()
    expect(composer(page)).to_have_value("Yes, bye")
    expect(messages(page)).to_have_count(2)


def test_without_scripts_a_page_has_the_button_and_links_to_the_files(site: Site, visit: Visitors) -> None:
    let_wait(site, site.cast.sam)
    page = visit("sam", site.begin(site.cast.sam, site.cast.cleo), java_script_enabled=False)
    field(page).set_input_files([TABLE])
    write(page, "With prises")
    expect(waiting(page)).to_contain_text("Sending…")
    undo(page)
    expect(composer(page)).to_have_value("With prises")
    expect(page.get_by_text("Attach again:").get_by_role("link")).to_have_count(1)
    write(page, "With prices")
    become_due(site)
    page.reload()
    expect(messages(page).last).to_contain_text("With prices")
