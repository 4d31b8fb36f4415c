"""Without a mouse: one key each for what people do all day, and a focus that is where one expects it."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Site, Visitors
from tests.browser.hands import composer, conversations, expect_focus, log, messages, row, thread, write

pytestmark = pytest.mark.browser


@pytest.fixture
def three(site: Site) -> list[int]:
    """Three conversations of the bakery; the last is on top of the list."""
    return [site.begin(site.cast.nadia, site.cast.cleo, f"Subject {n}") for n in (1, 2, 3)]


def test_a_whole_day_by_keys(site: Site, visit: Visitors, three: list[int]) -> None:
    page = visit("sam")
    press = page.keyboard.press
    press("j")
    expect(row(page, "Subject 3")).to_be_focused()
    press("j")
    expect(row(page, "Subject 2")).to_be_focused()
    press("k")
    press("k")
    expect(row(page, "Subject 3")).to_be_focused()
    press("j")
    press("Enter")
    expect(thread(page, "Subject 2")).to_be_visible()
    expect_focus(page, "subject")
    press("j")
    expect(row(page, "Subject 1")).to_be_focused()
    press("r")
    expect(composer(page)).to_be_focused()
    page.keyboard.type("jjj krec? u")
    expect(composer(page)).to_have_value("jjj krec? u")
    press("Control+Enter")
    expect(messages(page)).to_have_count(2)
    expect(composer(page)).to_be_focused()
    expect(composer(page)).to_have_value("")
    press("Escape")
    expect_focus(page, "subject")
    press("e")
    expect(page.get_by_role("button", name="Reopen conversation")).to_be_focused()
    press("Enter")
    expect(log(page)).to_contain_text("You reopened this conversation")
    expect(composer(page)).to_be_focused()
    page.keyboard.type("half")
    press("Escape")
    expect(composer(page)).to_have_value("half")
    press("Escape")
    expect(page.get_by_text("No conversation selected")).to_be_visible()
    expect(row(page, "Subject 2")).to_be_focused()


def test_the_list_of_keys_can_be_read_and_the_keys_switched_off(site: Site, visit: Visitors, three: list[int]) -> None:
    page = visit("sam")
    page.keyboard.press("?")
    help_ = page.get_by_role("dialog", name="Keyboard shortcuts")
    expect(help_).to_be_visible()
    page.keyboard.press("j")
    expect(row(page, "Subject 3")).not_to_be_focused()
    help_.get_by_role("switch", name="Single-key shortcuts").click()
    page.keyboard.press("Escape")
    expect(help_).to_be_hidden()
    page.keyboard.press("j")
    expect(row(page, "Subject 3")).not_to_be_focused()
    page.reload()
    page.keyboard.press("j")
    expect(row(page, "Subject 3")).not_to_be_focused()


def test_keys_with_a_modifier_are_the_browsers(site: Site, visit: Visitors, three: list[int]) -> None:
    page = visit("sam", three[0])
    for chord in ("Control+c", "Alt+e", "Control+e", "Meta+j"):
        page.keyboard.press(chord)
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("button", name="Close conversation")).to_be_visible()


def test_composing_keeps_the_focus_inside_and_gives_it_back(site: Site, visit: Visitors) -> None:
    page = visit("sam")
    page.keyboard.press("c")
    dialog = page.get_by_role("dialog", name="New conversation")
    expect(dialog.get_by_label("To", exact=True)).to_be_focused()
    for _ in range(12):
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement === document.body || !!document.activeElement.closest('dialog')")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(page.get_by_role("link", name="New conversation")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")


def test_recipients_are_chosen_by_keys_and_the_message_sent(site: Site, visit: Visitors) -> None:
    page = visit("sam")
    page.keyboard.press("c")
    to = page.get_by_role("dialog").get_by_label("To", exact=True)
    expect(to).to_be_focused()
    with page.expect_response("**/recipients?*"):
        page.keyboard.type("oma")
    expect(page.locator("[name=recipient_id]")).to_have_count(1)
    expect(page.get_by_role("status").filter(has_text="1 recipient")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(page.get_by_label("Subject", exact=True)).to_be_focused()
    page.keyboard.type("By keys alone")
    page.keyboard.press("Tab")
    page.keyboard.type("Nothing but keys.")
    page.keyboard.press("Control+Enter")
    expect(thread(page, "By keys alone")).to_be_visible()
    expect(messages(page)).to_contain_text(["Nothing but keys."])


def test_who_types_faster_than_the_list_follows_gets_whom_they_typed(site: Site, visit: Visitors) -> None:
    page = visit("sam")
    page.keyboard.press("c")
    expect(page.get_by_role("dialog").get_by_label("To", exact=True)).to_be_focused()
    page.keyboard.type("oma")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Subject", exact=True)).to_be_focused()
    expect(page.get_by_role("radio", name=re.compile("Omar"))).to_be_checked()
    expect(page.locator("[name=recipient_id]")).to_have_count(1)
    page.get_by_role("dialog").get_by_label("To", exact=True).fill("cle")
    expect(page.get_by_role("radio", name=re.compile("Cleo"))).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.get_by_role("radio", name=re.compile("Cleo"))).to_be_checked()
    page.get_by_role("dialog").get_by_label("To", exact=True).fill("nobody")
    page.keyboard.press("Enter")
    expect(page.locator("[name=recipient_id]:checked")).to_have_count(0)


def test_a_search_that_is_overtaken_by_closing_leaves_no_trace(site: Site, visit: Visitors) -> None:
    page = visit("sam")
    page.keyboard.press("c")
    expect(page.get_by_role("dialog").get_by_label("To", exact=True)).to_be_focused()
    page.keyboard.type("o")
    page.keyboard.press("Escape")  # clears the search
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.wait_for_timeout(300)  # longer than the search waits for the next letter


def test_a_refused_form_leads_to_its_first_fault(site: Site, visit: Visitors) -> None:
    visit.noise("422")
    page = visit("sam")
    page.keyboard.press("c")
    dialog = page.get_by_role("dialog", name="New conversation")
    dialog.get_by_label("Message", exact=True).fill("No subject, nobody chosen.")
    page.keyboard.press("Control+Enter")
    expect(dialog.get_by_label("To", exact=True)).to_be_focused()
    expect(dialog.get_by_label("To", exact=True)).to_have_attribute("aria-invalid", "true")
    expect(dialog.get_by_label("Message", exact=True)).to_have_value("No subject, nobody chosen.")
    dialog.get_by_role("radio").first.check(force=True)
    dialog.get_by_label("Message", exact=True).press("Control+Enter")
    expect(dialog.get_by_label("Subject", exact=True)).to_be_focused()
    dialog.get_by_label("Subject", exact=True).fill("Now it has one")
    page.keyboard.press("Enter")
    expect(thread(page, "Now it has one")).to_be_visible()


def test_the_skip_link_leads_past_the_header(site: Site, visit: Visitors) -> None:
    page = visit("sam")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    expect_focus(page, "main")


def test_filters_keep_the_focus_that_used_them(site: Site, visit: Visitors, three: list[int]) -> None:
    page = visit("sam")
    for name, element in (("Closed", "filter-closed"), ("All", "filter-all"), ("Unread", "filter-unread")):
        link = page.get_by_role("link", name=name, exact=True)
        link.focus()
        with page.expect_response("**/store/messages*"):
            page.keyboard.press("Enter")
        expect(link).to_have_attribute("aria-current", "true")
        expect_focus(page, element)
    page.get_by_role("button", name="All types").focus()
    page.keyboard.press("Enter")
    page.get_by_role("link", name="With customers").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="With customers")).to_be_focused()


def test_a_customer_has_the_keys_that_are_theirs(site: Site, visit: Visitors) -> None:
    for n in (1, 2):
        site.begin(site.cast.sam, site.cast.cleo, f"Subject {n}")
    page = visit("cleo")
    page.keyboard.press("c")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(thread(page, "Subject 1")).to_be_visible()
    page.keyboard.press("r")
    expect(composer(page)).to_be_focused()
    write(page, "Thank you.")
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    expect(conversations(page)).to_be_visible()


def every_stop(page: Page) -> list[str]:
    """What the Tab key visits, from the start of the page until it leaves it."""
    stops = []
    for _ in range(80):
        page.keyboard.press("Tab")
        stop = page.evaluate(
            "(() => { const e = document.activeElement; const r = e.getBoundingClientRect();"
            " return e === document.body ? '' : (e.innerText || e.ariaLabel || e.id || e.tagName).trim().slice(0, 30)"
            " + (r.width && r.height ? '' : ' INVISIBLE'); })()"
        )
        if not stop:
            break
        stops.append(stop)
    return stops


def test_tab_visits_nothing_invisible_and_gets_everywhere(site: Site, visit: Visitors, three: list[int]) -> None:
    page = visit("sam", three[0])
    stops = every_stop(page)
    assert not [stop for stop in stops if "INVISIBLE" in stop]
    for wanted in ("New conversation", "Open", "Closed", "All", "Unread", "Close conversation", "content", "Send"):
        assert any(stop.startswith(wanted) for stop in stops), (wanted, stops)
