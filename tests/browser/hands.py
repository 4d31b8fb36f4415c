"""What people find and do on a page, by the accessible names that the contract promises and by nothing else."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, expect


def conversations(page: Page) -> Locator:
    """The list of conversations."""
    return page.get_by_role("list", name="Conversations", exact=True)


def row(page: Page, subject: str) -> Locator:
    """A conversation's link in the list."""
    return conversations(page).get_by_role("listitem").get_by_role("link").filter(has_text=subject)


def thread(page: Page, subject: str) -> Locator:
    """The open conversation."""
    return page.get_by_role("region", name=subject)


def log(page: Page) -> Locator:
    """The messages of the open conversation."""
    return page.get_by_role("log")


def messages(page: Page) -> Locator:
    """Every message of the open conversation."""
    return log(page).get_by_role("article")


def composer(page: Page) -> Locator:
    """Where one writes an answer."""
    return page.get_by_role("region").get_by_role("textbox", name="Message", exact=True)


def send_button(page: Page) -> Locator:
    """The button beside it."""
    return page.get_by_role("region").get_by_role("button", name="Send", exact=True)


def write(page: Page, text: str) -> None:
    """Type an answer and send it."""
    composer(page).fill(text)
    send_button(page).click()


def badge(page: Page) -> Locator:
    """The number in the header."""
    return page.locator("[data-unread-badge]")


def expect_unread(page: Page, number: int) -> None:
    """The badge says how many messages are unread; at none it is not shown."""
    if number:
        noun = "message" if number == 1 else "messages"
        expect(badge(page)).to_have_text(re.compile(rf"^\s*{number}\s+unread {noun}\s*$"))
        expect(badge(page)).to_be_visible()
    else:
        # Not just out of sight: while a page comes there is no badge at all, whatever is unread.
        expect(badge(page)).to_have_attribute("hidden", "")
        expect(badge(page)).to_be_hidden()


def poll(page: Page, *what: str) -> None:
    """Let the page ask now what it asks every 30 seconds: thread, conversations, unread."""
    # What was swapped in just now listens as soon as htmx has looked at it.
    expect(page.locator("#unread-badge[hx-get]:not([data-htmx-powered])")).to_have_count(0)
    for name in what or ("thread", "conversations", "unread"):
        page.evaluate("name => document.dispatchEvent(new Event(name))", f"{name}-changed")


def until(page: Page, condition: str) -> None:
    """Wait until a JavaScript function says yes. (`wait_for_function` evaluates text in the page, which forbids that.)"""
    for _ in range(200):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"{condition} did not come true")


def focused(page: Page) -> str:
    """The id of the element in focus, or its tag where it has none."""
    return str(page.evaluate("document.activeElement.id || document.activeElement.tagName.toLowerCase()"))


def expect_focus(page: Page, element: str) -> None:
    """The focus comes to rest on the element with this id."""
    expect(page.locator(f"#{element}")).to_be_focused()


def sideways(page: Page) -> float:
    """By how many pixels the page can be scrolled sideways."""
    return float(page.evaluate("document.scrollingElement.scrollWidth - document.scrollingElement.clientWidth"))


def top_of(element: Locator) -> float:
    """Where an element begins in the window, in pixels."""
    return float(element.evaluate("element => element.getBoundingClientRect().top"))
