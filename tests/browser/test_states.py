"""When things go wrong or are not there yet: a sentence says so, and what was typed stays."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Route, expect
from sqlalchemy import update

from messaging_app.db.engine import writing
from messaging_app.extensions import db
from messaging_app.models import Customer
from messaging_app.services import messaging
from messaging_app.services.settings import set_settings
from tests import cast
from tests.browser.conftest import Site, Visitors, fail_once
from tests.browser.hands import (
    composer,
    conversations,
    expect_unread,
    log,
    messages,
    poll,
    row,
    send_button,
    thread,
    write,
)

pytestmark = pytest.mark.browser


def test_an_empty_inbox_says_so(site: Site, visit: Visitors) -> None:
    sam, cleo = visit("sam"), visit("cleo")
    expect(sam.get_by_text("No open conversations.")).to_be_visible()
    expect(sam.get_by_text("You can also start a conversation.")).to_be_visible()
    expect(cleo.get_by_text("Messages from Bakery appear here.")).to_be_visible()
    expect(cleo.get_by_role("link", name="New conversation")).to_have_count(0)
    site.begin(site.cast.sam, site.cast.cleo)
    for page in (sam, cleo):
        expect(row(page, "Your rye loaf")).to_be_visible()
        expect(page.get_by_text("No open conversations.")).to_be_hidden()


def test_loading_is_shown_and_the_last_choice_wins(site: Site, visit: Visitors) -> None:
    first = site.begin(site.cast.sam, site.cast.cleo, "Slow one")
    site.begin(site.cast.sam, site.cast.cleo, "Quick one")
    page = visit("sam")
    held: list[Route] = []
    page.route(f"**/store/messages/{first}", lambda route: held.append(route))
    with page.expect_request(f"**/store/messages/{first}"):
        row(page, "Slow one").click()
    expect(row(page, "Slow one")).to_have_class(re.compile("htmx-request"))
    row(page, "Quick one").click()
    expect(thread(page, "Quick one")).to_be_visible()
    for route in held:
        route.abort()
    expect(thread(page, "Quick one")).to_be_visible()


def test_offline_is_said_and_everything_catches_up_afterwards(site: Site, visit: Visitors) -> None:
    visit.noise("ERR_INTERNET_DISCONNECTED", "htmx:.*(NetworkError|Failed to fetch|network error)")
    number = site.begin(site.cast.sam, site.cast.cleo)
    page = visit("sam", number)
    other = site.begin(site.cast.nadia, site.cast.omar, "Meanwhile")
    expect(row(page, "Meanwhile")).to_be_visible()
    page.context.set_offline(True)
    expect(page.get_by_text("No connection.")).to_be_visible()
    write(page, "Typed in a tunnel")
    expect(page.get_by_role("alert").filter(has_text="Not sent")).to_be_visible()
    expect(composer(page)).to_have_value("Typed in a tunnel")
    site.say(site.cast.cleo, number, "While you were away")
    site.say(site.cast.omar, other, "And here")
    page.context.set_offline(False)
    expect(page.get_by_text("No connection.")).to_be_hidden()
    expect(messages(page)).to_have_count(2)
    expect(row(page, "Meanwhile")).to_contain_text("And here")
    send_button(page).click()
    expect(messages(page)).to_have_count(3)
    expect(composer(page)).to_have_value("")
    expect(page.get_by_text("Not sent")).to_have_count(0)


@pytest.mark.parametrize("deliver", [False, True], ids=["refused", "answer lost"])
def test_a_failed_send_keeps_the_text_and_the_next_one_sends_once(site: Site, visit: Visitors, deliver: bool) -> None:
    visit.noise("503")
    number = site.begin(site.cast.sam, site.cast.cleo)
    page = visit("sam", number, live=False)
    seen = fail_once(page, f"**/messages/{number}/messages", deliver=deliver)
    write(page, "Does it arrive?")
    expect(page.get_by_role("alert").filter(has_text="Not sent")).to_be_visible()
    expect(composer(page)).to_have_value("Does it arrive?")
    expect(composer(page)).to_be_editable()
    page.reload()
    expect(composer(page)).to_have_value("Does it arrive?")
    send_button(page).click()
    expect(composer(page)).to_have_value("")
    expect(messages(page)).to_have_count(2)
    keys = {re.search(r'idempotency_key"\s+([^\s-][^\s]*)', request.post_data or "") for request in seen}
    assert len(seen) == 2
    assert len({key and key.group(1) for key in keys}) == 1
    page.reload()
    expect(messages(page)).to_have_count(2)


def test_what_is_typed_while_a_message_travels_stays(site: Site, visit: Visitors) -> None:
    number = site.begin(site.cast.sam, site.cast.cleo)
    page = visit("sam", number, live=False)
    held: list[Route] = []
    page.route(f"**/messages/{number}/messages", lambda route: held.append(route))
    with page.expect_request(f"**/messages/{number}/messages"):
        write(page, "First")
    composer(page).press_sequentially(" and second")
    held[0].continue_()
    expect(messages(page)).to_have_count(2)
    expect(messages(page).last).to_contain_text("First")
    expect(composer(page)).to_have_value("and second")


def test_what_was_sent_is_no_draft_any_more_for_who_looked_elsewhere_meanwhile(site: Site, visit: Visitors) -> None:
    site.begin(site.cast.sam, site.cast.omar, "Another one")
    number = site.begin(site.cast.sam, site.cast.cleo)
    page = visit("sam", number)
    held: list[Route] = []
    page.route(f"**/messages/{number}/messages", lambda route: held.append(route))
    with page.expect_request(f"**/messages/{number}/messages"):
        write(page, "On its way")
    row(page, "Another one").click()
    expect(thread(page, "Another one")).to_be_visible()
    row(page, "Your rye loaf").click()
    expect(composer(page)).to_have_value("On its way")
    held[0].continue_()
    expect(composer(page)).to_have_value("")
    expect(messages(page).last).to_contain_text("On its way")


def test_signed_out_meanwhile_a_poll_tells_and_signing_in_leads_back_to_the_draft(site: Site, visit: Visitors) -> None:
    visit.noise("401")
    number = site.begin(site.cast.sam, site.cast.cleo)
    page = visit("sam", number)
    composer(page).press_sequentially("Half a sentence")
    site.end_sessions(site.cast.sam)
    poll(page)
    link = page.get_by_role("link", name="Sign in again")
    expect(link).to_be_visible()
    expect(composer(page)).to_have_value("Half a sentence")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    poll(page)
    assert not asked, "polls rest once it is known"
    link.click()
    page.get_by_label("E-mail").fill(cast.EMAILS["sam"])
    page.get_by_label("Password").fill(cast.PASSWORD)
    page.get_by_label("Password").press("Enter")
    expect(thread(page, "Your rye loaf")).to_be_visible()
    expect(composer(page)).to_have_value("Half a sentence")


def test_signed_out_meanwhile_an_action_leads_to_sign_in_and_back(site: Site, visit: Visitors) -> None:
    visit.noise("401")
    number = site.begin(site.cast.sam, site.cast.cleo)
    page = visit("cleo", number, live=False)
    expect_unread(page, 0)
    site.end_sessions(site.cast.cleo)
    write(page, "Do you still hear me?")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    expect(page.get_by_role("status")).to_contain_text("Your text is saved.")
    page.get_by_label("Store code").fill("bakery")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("status")).to_contain_text("Your text is saved.")
    page.get_by_label("E-mail").fill(cast.EMAILS["cleo"])
    page.get_by_label("Password").fill(cast.PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(thread(page, "Your rye loaf")).to_be_visible()
    expect(composer(page)).to_have_value("Do you still hear me?")
    send_button(page).click()
    expect(messages(page)).to_have_count(2)


def test_a_page_of_the_store_one_left_in_another_tab_says_so_and_sends_nothing(site: Site, visit: Visitors) -> None:
    visit.noise("412")
    number = site.begin(site.cast.sam, site.cast.cleo)
    page = visit("lea", number)
    composer(page).fill("In the bakery's name")
    other = page.context.new_page()
    other.goto("/store/messages")
    other.get_by_role("button", name=re.compile("Store:.*Bakery")).click()
    other.get_by_role("button", name="Northwind Cycles").click()
    expect(other.get_by_role("button", name=re.compile("Store:.*Northwind"))).to_be_visible()
    other.close()
    send_button(page).click()
    expect(page.get_by_role("region").get_by_role("alert")).to_contain_text("Not sent: you switched")
    page.get_by_role("link", name="New conversation").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.get_by_role("link", name="Reload").click()
    page.get_by_role("button", name="Switch to Bakery").click()
    expect(thread(page, "Your rye loaf")).to_be_visible()
    expect(composer(page)).to_have_value("In the bakery's name")


@pytest.mark.parametrize("live", [True, False], ids=["told at once", "found out by sending"])
def test_closed_while_typing_keeps_the_text_until_it_is_open_again(site: Site, visit: Visitors, live: bool) -> None:
    visit.noise("409")
    number = site.begin(site.cast.sam, site.cast.cleo)
    page = visit("cleo", number, live=live)
    composer(page).press_sequentially("One more thing")
    site.do(messaging.close_conversation, site.cast.sam, number)
    if live:
        expect(page.get_by_text("Your text is saved.")).to_be_visible()
    else:
        send_button(page).click()
        refusal = page.get_by_role("alert").filter(has_text="closed")
        expect(refusal).to_have_text("This conversation is closed. Your message was not sent; your text is saved.")
        expect(page.get_by_label("Your message, not sent")).to_have_value("One more thing")
        expect(log(page)).to_contain_text("Sam closed this conversation")
        expect(page.locator("#thread-meta")).to_contain_text("Closed")
    expect(send_button(page)).to_have_count(0)
    site.do(messaging.reopen_conversation, site.cast.sam, number)
    poll(page, "thread")
    expect(composer(page)).to_have_value("One more thing")
    send_button(page).click()
    expect(messages(page)).to_have_count(2)
    expect(log(page)).to_contain_text("Sam reopened this conversation")


def test_staff_who_write_into_what_a_colleague_closed_are_led_to_reopen_it(site: Site, visit: Visitors) -> None:
    visit.noise("409")
    number = site.begin(site.cast.sam, site.cast.cleo)
    page = visit("nadia", number, live=False)
    site.do(messaging.close_conversation, site.cast.sam, number)
    write(page, "One more thing")
    expect(page.get_by_role("alert").filter(has_text="Reopen it to send your message")).to_be_visible()
    expect(page.get_by_role("button", name="Close conversation")).to_have_count(0)
    expect(page.locator("#thread-meta")).to_contain_text("Closed")
    page.get_by_role("button", name="Reopen conversation").click()
    expect(composer(page)).to_have_value("One more thing")


def test_a_text_that_is_too_long_is_counted_refused_and_kept(site: Site, visit: Visitors) -> None:
    visit.noise("422")
    page = visit("sam", site.begin(site.cast.sam, site.cast.cleo))
    counter = page.locator("output[for=content]")
    composer(page).fill("x" * 8_000)
    expect(counter).to_be_empty()
    composer(page).fill("é" * 9_950)
    expect(counter).to_have_text("9,950 / 10,000")
    composer(page).fill("👩" * 10_001)
    expect(counter).to_have_text("10,001 / 10,000")
    expect(page.get_by_role("status").filter(has_text="Characters over the limit: 1")).to_have_count(1)
    send_button(page).click()
    expect(page.get_by_role("alert").filter(has_text="10,000")).to_be_visible()
    expect(composer(page)).to_have_value("👩" * 10_001)
    composer(page).fill("👩" * 10_000)
    send_button(page).click()
    expect(messages(page)).to_have_count(2)
    expect(counter).to_be_empty()


@pytest.mark.parametrize("typed", ["", " \n\t", "​⁠"], ids=["empty", "blank", "invisible"])
def test_nothing_is_not_sent(site: Site, visit: Visitors, typed: str) -> None:
    visit.noise("422")
    page = visit("cleo", site.begin(site.cast.sam, site.cast.cleo))
    write(page, typed)
    expect(page.locator("#composer").get_by_role("alert")).to_be_visible()
    expect(composer(page)).to_have_value(typed)
    expect(messages(page)).to_have_count(1)


def test_a_draft_survives_reload_and_another_conversation_and_goes_with_its_person(site: Site, visit: Visitors) -> None:
    visit.noise("401 .*unread-count")  # the page that is left may still ask when its stream ends
    first = site.begin(site.cast.sam, site.cast.cleo, "First")
    site.begin(site.cast.sam, site.cast.cleo, "Second")
    page = visit("sam", first)
    composer(page).press_sequentially("For the first")
    row(page, "Second").click()
    expect(thread(page, "Second")).to_be_visible()
    expect(composer(page)).to_have_value("")
    composer(page).press_sequentially("For the second")
    page.go_back()
    expect(thread(page, "First")).to_be_visible()
    expect(composer(page)).to_have_value("For the first")
    page.reload()
    expect(composer(page)).to_have_value("For the first")
    page.keyboard.press("Escape")
    drafts = "Object.keys(localStorage).filter((key) => key.startsWith('draft:'))"
    assert len(page.evaluate(drafts)) == 2
    page.get_by_role("button", name="Account of Sam").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert page.evaluate(drafts) == []


def test_a_draft_of_a_new_conversation_is_there_again(site: Site, visit: Visitors) -> None:
    page = visit("sam")
    page.keyboard.press("c")
    dialog = page.get_by_role("dialog", name="New conversation")
    dialog.get_by_label("Subject", exact=True).press_sequentially("Half")
    dialog.get_by_label("Message", exact=True).press_sequentially("a thought")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    page.reload()
    page.keyboard.press("c")
    expect(dialog.get_by_label("Subject", exact=True)).to_have_value("Half")
    expect(dialog.get_by_label("Message", exact=True)).to_have_value("a thought")


def test_signing_out_in_one_tab_leaves_the_words_in_the_other(site: Site, visit: Visitors) -> None:
    visit.noise("401")
    number = site.begin(site.cast.sam, site.cast.cleo)
    page = visit("sam", number)
    composer(page).press_sequentially("Half a sentence")
    composer(page).blur()
    other = page.context.new_page()
    other.goto("/store")
    other.get_by_role("button", name="Account of Sam").click()
    other.get_by_role("button", name="Sign out").click()
    expect(other.get_by_role("heading", name="Sign in")).to_be_visible()
    poll(page, "unread")
    expect(page.get_by_text("You have been signed out. Your text is saved.")).to_be_visible()
    expect(composer(page)).to_have_value("Half a sentence")
    assert page.evaluate("Object.keys(localStorage).filter((key) => key.startsWith('draft:'))") == []
    page.get_by_role("link", name="Sign in again").click()
    page.get_by_label("E-mail").fill(cast.EMAILS["sam"])
    page.get_by_label("Password").fill(cast.PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(composer(page)).to_have_value("Half a sentence")


@pytest.mark.parametrize("opened", ["dialog", "page"])
def test_a_draft_of_a_new_conversation_keeps_whom_it_is_for(site: Site, visit: Visitors, opened: str) -> None:
    """Of another kind than the list shows at first, so that the list alone does not bring the choice back."""
    page = visit("ada", "/admin/messages/new" if opened == "page" else None)
    form = page.get_by_role("form", name="New conversation")

    def open_again() -> None:
        if opened == "page":
            page.reload()
        else:
            page.keyboard.press("Escape")
            expect(form).to_have_count(0)
            page.keyboard.press("c")

    if opened == "dialog":
        page.keyboard.press("c")
    form.get_by_text("A customer", exact=True).click()
    form.get_by_label("Message", exact=True).fill("For Omar alone")
    form.get_by_label("To", exact=True).press_sequentially("omar")
    form.get_by_label("To", exact=True).press("Enter")
    expect(form.get_by_role("radio", name=re.compile("Omar"))).to_be_checked()
    open_again()
    expect(form.get_by_role("radio", name=re.compile("Omar"))).to_be_checked()
    expect(form.get_by_role("radio", name="A customer", exact=True)).to_be_checked()
    form.get_by_label("Subject", exact=True).fill("Half")
    open_again()
    expect(form.get_by_role("radio", name=re.compile("Omar"))).to_be_checked()
    site.do(leave, site.cast.omar.id)
    with page.expect_response("**/recipients?*"):
        open_again()
    expect(form.get_by_label("Message", exact=True)).to_have_value("For Omar alone")
    expect(form.get_by_role("radio", name=re.compile("Cleo"))).to_have_count(1)
    expect(form.get_by_role("group", name="Recipients").get_by_role("radio", checked=True)).to_have_count(0)


def leave(customer: int) -> None:
    """A customer is no longer active."""
    with writing(db.session) as session:
        session.execute(update(Customer).where(Customer.id == customer).values(active=False))


def test_the_page_for_a_new_conversation_keeps_a_draft_too_until_it_was_sent(site: Site, visit: Visitors) -> None:
    visit.noise("422")
    page = visit("sam", "/store/messages/new")
    words = page.get_by_label("Message", exact=True)
    words.press_sequentially("a thought")
    page.reload()
    expect(words).to_have_value("a thought")
    page.get_by_role("radio", name=re.compile("Cleo")).check(force=True)
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.get_by_role("alert").filter(has_text="Write a subject.")).to_be_visible()
    page.get_by_label("Subject", exact=True).fill("Half")
    page.get_by_role("button", name="Send", exact=True).click()
    expect(thread(page, "Half")).to_be_visible()
    page.goto("/store/messages/new")
    expect(page.get_by_label("Subject", exact=True)).to_have_value("")
    expect(words).to_have_value("")


def test_words_for_one_recipient_do_not_change_into_those_for_another_in_the_next_tab(
    site: Site, visit: Visitors
) -> None:
    page = visit("sam", "/store/messages/new")
    page.get_by_label("Message", exact=True).fill("For Cleo alone")
    page.get_by_label("Subject", exact=True).fill("Cleo")
    other = page.context.new_page()
    other.goto("/store/messages/new")
    other.get_by_label("Message", exact=True).fill("For Omar alone")
    expect(page.get_by_label("Message", exact=True)).to_have_value("For Cleo alone")
    answer = site.begin(site.cast.sam, site.cast.cleo)
    for tab in (page, other):
        tab.goto(f"/store/messages/{answer}")
    composer(page).fill("An answer")
    expect(composer(other)).to_have_value("An answer")
    page.goto("/store/messages/new")
    expect(page.get_by_label("Message", exact=True)).to_have_value("For Omar alone")


def test_a_conversation_that_is_gone_is_told(site: Site, visit: Visitors) -> None:
    visit.noise("404")
    page = visit("sam")
    site.begin(site.cast.sam, site.cast.cleo, "Gone soon")
    expect(row(page, "Gone soon")).to_be_visible()
    page.evaluate("document.querySelector('.conversation__link').setAttribute('hx-get', '/store/messages/999')")
    page.evaluate("htmx.process(document.querySelector('.conversation__link'), true)")
    row(page, "Gone soon").click()
    expect(page.get_by_role("alert").filter(has_text="no longer have access")).to_be_visible()
    page.goto("/store/messages/999")
    expect(page.get_by_role("heading", name="Not found")).to_be_visible()
    page.get_by_role("link", name="Go to your messages").click()
    expect(conversations(page)).to_be_visible()


def test_the_server_in_trouble_is_told_at_the_list_too(site: Site, visit: Visitors) -> None:
    visit.noise("503")
    number = site.begin(site.cast.sam, site.cast.cleo)
    page = visit("sam", live=False)
    fail_once(page, f"**/store/messages/{number}")
    row(page, "Your rye loaf").click()
    expect(page.get_by_role("alert").filter(has_text="server can't be reached")).to_be_visible()
    page.get_by_role("button", name="Dismiss").click()
    row(page, "Your rye loaf").click()
    expect(thread(page, "Your rye loaf")).to_be_visible()


def test_a_switch_that_the_server_did_not_take_goes_back(site: Site, visit: Visitors) -> None:
    visit.noise("503")
    page = visit("sam", site.begin(site.cast.sam, site.cast.cleo), live=False)
    fail_once(page, "**/preferences")
    switch = page.get_by_role("switch", name="E-mail me about this conversation")
    switch.click()
    expect(page.get_by_role("alert").filter(has_text="didn't work")).to_be_visible()
    expect(switch).to_be_checked()


def test_unread_of_hidden_platform_conversations_is_not_counted(site: Site, visit: Visitors) -> None:
    site.begin(site.cast.ada, site.cast.cleo, "From the platform")
    page = visit("cleo", live=False)
    expect_unread(page, 1)
    site.do(set_settings, None, {"customers_see_platform_conversations": "false"})
    poll(page, "unread", "conversations")
    expect_unread(page, 0)
    expect(row(page, "From the platform")).to_have_count(0)
