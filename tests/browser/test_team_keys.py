"""The keys of a team's day: the next that waits, no reply needed, assign, snooze, unread, many at once, notes, replies."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from messaging_app.services import messaging, notes, saved_replies, staff
from tests.browser.conftest import Site, Visitors
from tests.browser.hands import composer, conversations, log, messages, row, thread

pytestmark = pytest.mark.browser


@pytest.fixture
def three(site: Site) -> list[int]:
    """Three conversations of the bakery that wait for it; the last is on top of the list."""
    numbers = [site.begin(site.cast.nadia, site.cast.cleo, f"Subject {n}") for n in (1, 2, 3)]
    for number in numbers:
        site.say(site.cast.cleo, number, "When?")
    return numbers


def toast(page: Page) -> Locator:
    return page.locator(".toast").last


def test_a_teams_day_by_keys(site: Site, visit: Visitors, three: list[int]) -> None:
    page = visit("sam", f"/store/messages/{three[0]}?waiting=us&order=waiting")
    press = page.keyboard.press
    expect(thread(page, "Subject 1")).to_be_visible()
    press("n")
    expect(thread(page, "Subject 2")).to_be_visible()  # the one that has waited longest opens by itself
    press("a")
    expect(page.get_by_role("button", name="Take it")).to_be_focused()
    press("Enter")
    expect(log(page)).to_contain_text("You took this conversation")
    press("h")
    expect(page.get_by_role("dialog", name="Snooze")).to_be_visible()
    press("Tab")
    press("Enter")
    expect(thread(page, "Subject 3")).to_be_visible()
    press("r")
    page.keyboard.type("Tomorrow.")
    press("Control+Shift+Enter")
    expect(log(page)).to_contain_text("Tomorrow.")  # nothing else waits
    expect(page.get_by_role("button", name="Reopen conversation")).to_be_visible()


def test_a_message_is_unread_again_by_key(site: Site, visit: Visitors, three: list[int]) -> None:
    page = visit("sam", three[1])
    expect(row(page, "Subject 2")).not_to_contain_text("unread")
    page.keyboard.press("Shift+U")
    expect(row(page, "Subject 2")).to_contain_text("unread")
    expect(page.get_by_text("No conversation selected")).to_be_visible()


def test_rows_are_chosen_by_key_and_go_to_a_colleague_and_to_sleep(
    site: Site, visit: Visitors, three: list[int]
) -> None:
    page = visit("sam")
    visit.noise("422")
    press = page.keyboard.press
    for _ in range(2):
        press("j")
        press("x")
    expect(page.get_by_text("2 chosen")).to_be_visible()
    press("a")
    dialog = page.get_by_role("dialog", name="Assign")
    expect(dialog.get_by_role("button", name="Take them")).to_be_focused()
    dialog.get_by_role("button", name="Nadia").click()
    expect(toast(page)).to_contain_text("2 conversations changed.")
    expect(conversations(page).get_by_text("Assigned to Nadia")).to_have_count(2)
    expect(page.get_by_text("2 chosen")).to_be_hidden()
    press("j")
    press("x")
    press("h")
    dialog = page.get_by_role("dialog", name="Snooze")
    dialog.get_by_label("Another time").fill("2020-01-01T08:00")
    dialog.get_by_role("button", name="Snooze until then").click()
    expect(dialog.get_by_role("alert")).to_contain_text("time in the future")
    dialog.get_by_role("button", name="Tomorrow").click()
    expect(toast(page)).to_contain_text("1 conversation changed.")
    expect(dialog).to_have_count(0)


def test_a_key_closes_all_that_is_chosen_and_leaves_the_open_conversation_alone(
    site: Site, visit: Visitors, three: list[int]
) -> None:
    page = visit("sam", three[0])
    press = page.keyboard.press
    row(page, "Subject 3").click(modifiers=["Control"])
    row(page, "Subject 2").click(modifiers=["Shift"])
    expect(page.get_by_text("2 chosen")).to_be_visible()
    assert page.evaluate("getSelection().toString()") == ""
    site.say(site.cast.cleo, three[1], "Please!")
    expect(row(page, "Subject 2")).to_contain_text("Please!")
    expect(row(page, "Subject 2")).to_have_attribute("aria-description", "chosen")
    press("n")
    press("Shift+U")
    press("e")
    expect(toast(page)).to_contain_text("2 conversations changed.")
    expect(conversations(page).get_by_role("listitem")).to_have_count(1)
    expect(row(page, "Subject 1")).to_be_focused()
    expect(page.get_by_role("button", name="Close conversation")).to_be_visible()
    expect(page.locator("#thread-meta")).to_contain_text("Waiting for us")
    toast(page).get_by_role("button", name="Undo").click()
    expect(conversations(page).get_by_role("listitem")).to_have_count(3)
    press("x")
    press("e")
    expect(page.get_by_role("button", name="Reopen conversation")).to_be_visible()


def test_a_key_without_a_meaning_for_the_chosen_rows_does_nothing(
    site: Site, visit: Visitors, three: list[int]
) -> None:
    site.do(messaging.close_conversation, site.cast.sam, three[2])
    page = visit("sam", f"/store/messages/{three[0]}?status=closed")
    press = page.keyboard.press
    press("j")
    press("x")
    for key in ("e", "n", "Shift+U"):
        press(key)
    expect(page.get_by_text("1 chosen")).to_be_visible()
    expect(thread(page, "Subject 1")).to_be_visible()
    expect(page.get_by_role("button", name="Close conversation")).to_be_visible()
    press("Escape")
    expect(page.get_by_text("1 chosen")).to_be_hidden()
    expect(row(page, "Subject 3")).to_be_focused()


def test_escape_leaves_the_dialog_first_and_the_chosen_rows_after_it(
    site: Site, visit: Visitors, three: list[int]
) -> None:
    page = visit("sam")
    press = page.keyboard.press
    for _ in range(2):
        press("j")
        press("x")
    press("h")
    dialog = page.get_by_role("dialog", name="Snooze")
    expect(dialog).to_be_visible()
    press("Escape")
    expect(dialog).to_have_count(0)
    expect(page.get_by_text("2 chosen")).to_be_visible()
    press("a")
    expect(page.get_by_role("button", name="Take them")).to_be_focused()
    press("Enter")
    expect(toast(page)).to_contain_text("2 conversations changed.")
    expect(row(page, "Subject 2")).to_be_focused()


def test_what_was_found_is_chosen_and_closed_too(site: Site, visit: Visitors, three: list[int]) -> None:
    page = visit("sam", f"/store/messages/{three[0]}?q=subject")
    press = page.keyboard.press
    press("/")
    press("ArrowDown")
    press("x")
    press("j")
    press("x")
    expect(page.get_by_text("2 chosen")).to_be_visible()
    press("e")
    expect(toast(page)).to_contain_text("2 conversations changed.")
    expect(conversations(page).get_by_text("Closed", exact=True)).to_have_count(2)
    expect(page.get_by_text("2 chosen")).to_be_hidden()
    expect(row(page, "Subject 2")).to_be_focused()
    expect(page).to_have_url(re.compile(r"\?q=subject$"))
    toast(page).get_by_role("button", name="Undo").click()
    expect(conversations(page).get_by_text("Closed", exact=True)).to_have_count(0)


def test_no_more_than_two_hundred_rows_are_chosen_and_that_is_said(
    site: Site, visit: Visitors, three: list[int]
) -> None:
    page = visit("sam")
    expect(conversations(page).get_by_role("listitem")).to_have_count(3)
    page.evaluate("""() => {
      const [row] = document.querySelectorAll(".conversation");
      for (let n = 1000; n < 1198; n += 1) row.before(Object.assign(row.cloneNode(true), { id: `conversation-${n}` }));
    }""")
    rows = conversations(page).get_by_role("listitem")
    rows.first.click(modifiers=["Control"])
    rows.last.click(modifiers=["Shift"])
    expect(page.get_by_text("200 chosen")).to_be_visible()
    expect(toast(page)).to_contain_text("at most 200 at once")


def test_a_colleague_who_left_while_the_dialog_was_open_is_refused_in_it(
    site: Site, visit: Visitors, three: list[int]
) -> None:
    visit.noise("422")
    page = visit("sam", three[0])
    page.keyboard.press("a")
    dialog = page.get_by_role("dialog", name="Assign")
    expect(dialog.get_by_role("button", name="Nadia")).to_be_visible()
    site.do(staff.remove_member, site.cast.ada, site.cast.bakery, site.cast.nadia.id)
    dialog.get_by_role("button", name="Nadia").click()
    expect(dialog.get_by_role("alert")).to_have_text("Choose a colleague from the list.")
    expect(dialog.get_by_role("button", name="Nadia")).to_have_count(0)
    dialog.get_by_role("button", name="Lea").click()
    expect(dialog).to_have_count(0)
    expect(page.locator("#thread-meta")).to_contain_text("Lea has it")


def test_what_is_closed_is_written_to_and_reopened_in_one_go(site: Site, visit: Visitors, three: list[int]) -> None:
    site.do(messaging.close_conversation, site.cast.sam, three[0])
    page = visit("sam", three[0])
    expect(page.get_by_role("button", name="Reopen conversation")).to_be_visible()
    expect(composer(page)).to_have_count(0)
    page.get_by_text("Write and reopen").click()
    expect(composer(page)).to_be_focused()
    page.reload()
    page.keyboard.press("r")
    page.keyboard.type("It is here")
    page.keyboard.press("Control+Enter")
    expect(messages(page).last).to_contain_text("It is here")
    expect(log(page)).to_contain_text("You reopened this conversation")
    expect(composer(page)).to_have_value("")
    expect(page.get_by_role("button", name="Close conversation")).to_be_visible()


def test_what_is_typed_while_a_colleague_closes_goes_on_in_its_field(
    site: Site, visit: Visitors, three: list[int]
) -> None:
    visit.noise("409")
    page = visit("sam", three[0])
    page.keyboard.press("r")
    page.keyboard.type("It is ")
    site.do(messaging.close_conversation, site.cast.nadia, three[0])
    expect(page.get_by_role("button", name="Reopen and send")).to_be_visible()
    page.keyboard.type("here")
    expect(composer(page)).to_have_value("It is here")
    page.get_by_role("button", name="Reopen and send").click()
    expect(messages(page).last).to_contain_text("It is here")


def test_a_colleague_is_mentioned_from_the_list(site: Site, visit: Visitors, three: list[int]) -> None:
    page = visit("sam", three[0])
    page.keyboard.press("Shift+R")
    field = page.get_by_role("textbox", name="Note for your team")
    expect(field).to_be_focused()
    page.keyboard.type("Look, @")
    options = page.get_by_role("listbox", name="Colleagues").get_by_role("option")
    expect(options).to_have_text([re.compile("Lea"), re.compile("Nadia")])
    page.keyboard.press("ArrowDown")
    expect(options.nth(1)).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Escape")
    expect(options).to_have_count(0)
    page.keyboard.type("na")
    expect(options).to_have_text([re.compile("Nadia")])
    page.keyboard.press("Enter")
    expect(field).to_have_value("Look, @Nadia ")
    expect(options).to_have_count(0)
    page.keyboard.type("and mail@lea")
    expect(options).to_have_count(0)
    page.keyboard.press("Control+Enter")
    expect(messages(page).last).to_contain_text("Look, @Nadia and mail@lea")
    [written] = site.do(notes.list_notes, site.cast.sam, three[0])
    assert written.note.mentions == [site.cast.nadia.id]


def test_a_note_with_a_file_pressed_twice_is_one_note(site: Site, visit: Visitors, three: list[int]) -> None:
    page = visit("sam", three[0])
    page.keyboard.press("Shift+R")
    page.keyboard.type("The plan")
    page.locator("#note-attachments").set_input_files(
        {"name": "plan.csv", "mimeType": "text/csv", "buffer": b"a,b\n1,2"}
    )
    expect(page.locator("#note [data-staged]")).to_contain_text("plan.csv")
    page.get_by_role("button", name="Add note for the team").dblclick()
    note = messages(page).last
    expect(note).to_contain_text("Only your team")
    expect(note.get_by_role("link", name=re.compile("plan.csv"))).to_be_visible()
    expect(page.locator("#note [data-staged]")).to_be_hidden()
    expect(page.get_by_role("textbox", name="Note for your team")).to_have_value("")
    assert len(site.do(notes.list_notes, site.cast.sam, three[0])) == 1
    page.get_by_label("Remove plan.csv").click()
    note.get_by_role("button", name="Remove file").click()
    expect(note).to_contain_text("Removed by Sam")
    expect(note.get_by_role("link", name=re.compile("plan.csv"))).to_have_count(0)


def test_a_saved_reply_comes_by_keys_and_its_gaps_are_filled_before_it_goes(
    site: Site, visit: Visitors, three: list[int]
) -> None:
    for name, text in (("Nuts", "Hi {customer.first_name}, no nuts."), ("Order", "Order {order.reference} is ready.")):
        site.do(saved_replies.create_reply, site.cast.sam, name, text)
    page = visit("sam", three[0])
    page.keyboard.press("r")
    page.keyboard.type("/")
    options = page.get_by_role("listbox", name="Saved replies").get_by_role("option")
    expect(options).to_have_count(2)
    page.keyboard.type("nu")
    expect(options).to_have_count(1)
    page.keyboard.press("Enter")
    expect(composer(page)).to_have_value("Hi Cleo, no nuts.")
    page.keyboard.press("Control+a")
    page.keyboard.press("Delete")
    page.keyboard.type("/ord")
    expect(options).to_have_count(1)
    page.keyboard.press("Enter")
    expect(composer(page)).to_have_value("Order {order.reference} is ready.")
    assert page.evaluate("getSelection().toString()") == "{order.reference}"
    page.keyboard.press("Control+Enter")
    expect(page.locator("#composer-hint")).to_contain_text("Fill in what is marked")
    page.keyboard.type("4711")
    page.keyboard.press("Control+Enter")
    expect(messages(page).last).to_contain_text("Order 4711 is ready.")
