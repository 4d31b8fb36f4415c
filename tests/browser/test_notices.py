"""Notices while nobody looks at the tab: on the desktop, by a sound, in the title. Each has its switch.

A hidden tab has no stream; what wakes its notices is the poll of the badge. Chromium without a screen takes every page
for a visible one, so a script hides it.
"""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from messaging_app.services import messaging
from tests.browser.conftest import Site, Visitors
from tests.browser.hands import expect_unread, poll

pytestmark = pytest.mark.browser

# Notes what is shown, rung and asked for; `activated`: whether in answer to a person's hand.
EAVESDROP = """
window.heard = { notices: [], rings: 0, asked: [], focused: 0 };
const RealNotification = Notification;
window.Notification = class extends RealNotification {
  constructor(title, options) { super(title, options); window.heard.notices.push({ title, ...options }); window.lastNotice = this; }
  static requestPermission() { window.heard.asked.push(navigator.userActivation.isActive); return RealNotification.requestPermission(); }
};
const start = AudioScheduledSourceNode.prototype.start;
AudioScheduledSourceNode.prototype.start = function (...when) { window.heard.rings += 1; return start.apply(this, when); };
window.focus = () => { window.heard.focused += 1; };
"""
UNABLE = """() => {
  window.Notification = class { static permission = "granted"; constructor() { throw new TypeError("Illegal"); } };
}"""
HIDE = """hidden => {
  Object.defineProperty(document, "hidden", { get: () => hidden, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}"""


def at_a_desk(site: Site, visit: Visitors, *, allowed: bool = True, **options: Any) -> tuple[Page, int]:
    """Cleo at her inbox with one conversation that she has read, in a browser that allows notices, and its number."""
    number = site.begin(site.cast.sam, site.cast.cleo)
    site.do(messaging.mark_conversation_read, site.cast.cleo, number)
    page = visit(**options)
    if allowed:
        page.context.grant_permissions(["notifications"], origin=site.url)
    page.context.add_cookies([site.cookie("storefront", site.cast.cleo)])
    page.context.add_init_script(EAVESDROP)
    page.goto("/storefront/account/messages")
    return page, number


def switch(page: Page, name: str) -> Locator:
    """A switch of the dialog, which is opened where it is not."""
    if not page.locator("#notices").is_visible():
        page.get_by_role("button", name=re.compile("Account of")).click()
        page.get_by_role("button", name="Notifications").click()
    return page.get_by_role("switch", name=name)


def turn(page: Page, name: str) -> None:
    """Flip a switch and close the dialog."""
    switch(page, name).click()
    page.get_by_role("dialog", name="Notifications").get_by_role("button", name="Close").click()


def news(site: Site, page: Page, number: int, unread: int) -> None:
    """Sam writes, and the page's poll of the badge finds it."""
    site.say(site.cast.sam, number, "A secret that no notice tells")
    poll(page, "unread")
    expect_unread(page, unread)


def heard(page: Page) -> dict[str, Any]:
    found: dict[str, Any] = page.evaluate("window.heard")
    return found


def test_at_first_only_the_title_counts_and_nobody_is_asked_for_consent(site: Site, visit: Visitors) -> None:
    page, number = at_a_desk(site, visit)
    page.evaluate(HIDE, True)
    news(site, page, number, 1)
    expect(page).to_have_title(re.compile(r"^\(1\) "))
    for name, on in (("Desktop notifications", False), ("Sound", False), ("Unread count in the tab title", True)):
        expect(switch(page, name)).to_be_checked(checked=on)
    assert heard(page) == {"notices": [], "rings": 0, "asked": [], "focused": 0}


def test_a_desktop_notice_says_how_many_and_never_what(site: Site, visit: Visitors) -> None:
    page, number = at_a_desk(site, visit)
    turn(page, "Desktop notifications")
    assert heard(page)["asked"] == [True], "asked once, in answer to the click"
    news(site, page, number, 1)
    assert heard(page)["notices"] == [], "the page is looked at"
    page.evaluate(HIDE, True)
    news(site, page, number, 2)
    poll(page, "unread")
    news(site, page, number, 3)
    notices = heard(page)["notices"]
    assert [(notice["title"], notice["body"]) for notice in notices] == [
        ("New message", "Unread messages: 2"),
        ("New message", "Unread messages: 3"),
    ]
    assert all(notice["tag"] == "messages-storefront" and notice["renotify"] for notice in notices), (
        "one, that rings again"
    )
    assert "secret" not in str(notices)
    page.evaluate("window.lastNotice.dispatchEvent(new Event('click'))")
    assert heard(page)["focused"] == 1
    assert heard(page)["rings"] == 0


def test_what_was_read_elsewhere_is_no_news(site: Site, visit: Visitors) -> None:
    page, number = at_a_desk(site, visit)
    turn(page, "Desktop notifications")
    page.evaluate(HIDE, True)
    news(site, page, number, 1)
    site.do(messaging.mark_conversation_read, site.cast.cleo, number)
    poll(page, "unread")
    expect_unread(page, 0)
    assert len(heard(page)["notices"]) == 1
    news(site, page, number, 1)
    assert len(heard(page)["notices"]) == 2


def test_a_sound_is_tried_when_switched_on_and_rings_for_each_news(site: Site, visit: Visitors) -> None:
    page, number = at_a_desk(site, visit)
    turn(page, "Sound")
    assert heard(page)["rings"] == 1
    page.evaluate(HIDE, True)
    news(site, page, number, 1)
    news(site, page, number, 2)
    assert (heard(page)["rings"], heard(page)["notices"]) == (3, [])
    turn(page, "Sound")
    news(site, page, number, 3)
    assert heard(page)["rings"] == 3


def test_the_count_in_the_title_can_be_switched_off_and_on(site: Site, visit: Visitors) -> None:
    page, number = at_a_desk(site, visit)
    news(site, page, number, 1)
    expect(page).to_have_title(re.compile(r"^\(1\) "))
    turn(page, "Unread count in the tab title")
    expect(page).to_have_title(re.compile(r"^[^(]"))
    news(site, page, number, 2)
    expect(page).to_have_title(re.compile(r"^[^(]"))
    page.reload()
    expect(page).to_have_title(re.compile(r"^[^(]"))
    turn(page, "Unread count in the tab title")
    expect(page).to_have_title(re.compile(r"^\(2\) "))


def test_switches_are_kept_in_the_browser(site: Site, visit: Visitors) -> None:
    page, number = at_a_desk(site, visit)
    turn(page, "Desktop notifications")
    turn(page, "Sound")
    page.reload()
    for name in ("Desktop notifications", "Sound", "Unread count in the tab title"):
        expect(switch(page, name)).to_be_checked()
    page.keyboard.press("Escape")
    page.evaluate(HIDE, True)
    news(site, page, number, 1)
    assert (len(heard(page)["notices"]), heard(page)["rings"], heard(page)["asked"]) == (1, 1, [])
    turn(page, "Desktop notifications")
    news(site, page, number, 2)
    assert (len(heard(page)["notices"]), heard(page)["rings"]) == (1, 2)


def test_a_browser_that_refuses_is_told_of_and_the_switch_stays_off(site: Site, visit: Visitors) -> None:
    page, number = at_a_desk(site, visit, allowed=False)
    refusal = page.get_by_role("alert").filter(has_text="Your browser blocks notifications.")
    switch(page, "Desktop notifications").click()
    expect(refusal).to_be_visible()
    expect(switch(page, "Desktop notifications")).not_to_be_checked()
    page.keyboard.press("Escape")
    page.evaluate(HIDE, True)
    news(site, page, number, 1)
    assert heard(page)["notices"] == []
    expect(switch(page, "Desktop notifications")).not_to_be_checked()
    expect(refusal).to_be_hidden()


def test_consent_that_was_taken_back_shows_in_the_switch(site: Site, visit: Visitors) -> None:
    page, number = at_a_desk(site, visit)
    turn(page, "Desktop notifications")
    page.context.clear_permissions()
    page.evaluate(HIDE, True)
    news(site, page, number, 1)
    assert heard(page)["notices"] == []
    expect(switch(page, "Desktop notifications")).not_to_be_checked()


def test_a_browser_without_notices_loses_nothing_else(site: Site, visit: Visitors) -> None:
    """As on phones, where pages may not make them: the constructor throws."""
    page, number = at_a_desk(site, visit)
    turn(page, "Desktop notifications")
    turn(page, "Sound")
    page.evaluate(UNABLE)
    page.evaluate(HIDE, True)
    news(site, page, number, 1)
    assert heard(page)["rings"] == 2
    page.evaluate("() => { window.Notification = undefined; }")
    switch(page, "Desktop notifications").click()
    expect(page.get_by_role("alert").filter(has_text="blocks notifications")).to_be_visible()


def test_of_two_tabs_one_speaks(site: Site, visit: Visitors) -> None:
    page, number = at_a_desk(site, visit)
    turn(page, "Desktop notifications")
    turn(page, "Sound")
    other = page.context.new_page()
    other.goto("/storefront/account/messages")
    for tab in (page, other):
        tab.evaluate(HIDE, True)
    before = heard(page)["rings"]
    site.say(site.cast.sam, number, "To both")
    for tab in (page, other):
        poll(tab, "unread")
        expect_unread(tab, 1)
    assert len(heard(page)["notices"]) + len(heard(other)["notices"]) == 1
    assert heard(page)["rings"] - before + heard(other)["rings"] == 1


def test_in_a_hidden_tab_the_badge_alone_is_polled_every_half_minute(site: Site, visit: Visitors) -> None:
    page, number = at_a_desk(site, visit)
    turn(page, "Desktop notifications")
    page.clock.install()
    page.reload()
    expect(page.locator("#unread-badge")).to_be_attached()
    page.evaluate(HIDE, True)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.partition("/messages")[2]))
    site.say(site.cast.sam, number, "Hello?")
    page.clock.run_for(31_000)
    expect_unread(page, 1)
    expect(page).to_have_title(re.compile(r"^\(1\) "))
    assert len(heard(page)["notices"]) == 1
    assert asked and all(address.startswith("/unread-count") for address in asked), asked
