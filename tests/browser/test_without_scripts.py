"""JavaScript off: every action is a link or a form, and a refusal keeps what was typed."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial

import pytest
from playwright.sync_api import Page, expect

from messaging_app.db.engine import writing
from messaging_app.extensions import db
from messaging_app.models import Customer
from messaging_app.services import messaging
from tests import cast
from tests.browser import stories
from tests.browser.conftest import Site, Visitors
from tests.browser.hands import composer, conversations, expect_unread, log, messages, row, send_button, thread, write

pytestmark = pytest.mark.browser
Open = Callable[..., Page]


@pytest.fixture
def plain(visit: Visitors) -> Callable[..., Page]:
    """Opens pages in browsers without JavaScript."""

    return partial(visit, java_script_enabled=False)


def bring_in_customers(store: int, count: int) -> None:
    """So many customers of a store, who come first by name."""
    with writing(db.session) as session:
        for number in range(count):
            name = f"Aaron {number:02}"
            email = f"a{number}@mail.example"
            session.add(Customer(store_id=store, email=email, email_key=email, name=name, sort_name=name.lower()))


def test_a_customer_signs_in_reads_answers_and_signs_out(site: Site, visit: Visitors, plain: Open) -> None:
    visit.noise("422")
    number = site.begin(site.cast.sam, site.cast.cleo)
    page = plain(at="/storefront/account/messages")
    page.get_by_label("Store code").fill("no-such-store")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("alert")).to_contain_text("There is no store")
    page.get_by_label("Store code").fill("bakery")
    page.get_by_role("button", name="Continue").click()
    page.get_by_label("E-mail").fill(cast.EMAILS["cleo"])
    page.get_by_label("Password").fill(cast.PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(re.compile("/storefront/account/messages$"))
    expect_unread(page, 1)
    row(page, "Your rye loaf").click()
    expect(thread(page, "Your rye loaf")).to_be_visible()
    page.get_by_role("button", name="Mark as read").click()
    expect(page.get_by_role("button", name="Mark as read")).to_be_hidden()
    expect_unread(page, 0)
    write(page, "Thank you.\nCleo")
    expect(messages(page)).to_have_count(2)
    assert re.search(rf"/messages/{number}#message-2$", page.url)
    expect(composer(page)).to_have_value("")
    page.get_by_role("link", name="Back to conversations").click()
    expect(row(page, "Your rye loaf")).to_contain_text("You: Thank you.")
    page.get_by_role("button", name="Account of Cleo").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_staff_close_reopen_and_set_the_mail_switch(site: Site, plain: Open) -> None:
    page = plain("sam", site.begin(site.cast.sam, site.cast.cleo))
    page.get_by_role("button", name="Stop e-mails about this conversation").click()
    page.get_by_role("button", name="E-mail me about this conversation").click()
    expect(page.get_by_role("button", name="Stop e-mails about this conversation")).to_be_visible()
    page.get_by_role("button", name="Close conversation").click()
    expect(log(page)).to_contain_text("You closed this conversation")
    expect(composer(page)).to_have_count(0)
    page.get_by_role("button", name="Reopen conversation").click()
    expect(log(page)).to_contain_text("You reopened this conversation")
    write(page, "And on we go.")
    expect(messages(page)).to_have_count(2)
    page.get_by_role("button", name="Close conversation").click()
    page.get_by_text("Write and reopen").click()
    composer(page).fill("One more thing.")
    page.get_by_role("button", name="Reopen and send").click()
    expect(messages(page)).to_have_count(3)
    expect(page.get_by_role("button", name="Close conversation")).to_be_visible()


def test_filters_and_the_next_page_are_links(site: Site, plain: Open) -> None:
    for n in range(30):
        site.begin(site.cast.sam, site.cast.cleo, f"Subject {n:02}")
    site.tell(stories.CLOSED)
    page = plain("nadia")
    items = conversations(page).get_by_role("listitem")
    expect(items).to_have_count(25)
    page.get_by_role("link", name="More conversations").click()
    expect(items).to_have_count(5)
    page.get_by_role("link", name="Back to the newest").click()
    expect(items).to_have_count(25)
    page.get_by_role("link", name="Closed", exact=True).click()
    expect(items).to_have_count(1)
    row(page, "A blue umbrella").click()
    expect(thread(page, "A blue umbrella")).to_be_visible()
    expect(page.get_by_role("link", name="Closed", exact=True)).to_have_attribute("aria-current", "true")
    assert "status=closed" in page.url


def test_an_admin_composes_with_a_recipient_search(site: Site, visit: Visitors, plain: Open) -> None:
    visit.noise("422")
    page = plain("ada")
    page.get_by_role("link", name="New conversation").click()
    page.get_by_text("A customer", exact=True).click()
    page.get_by_label("To", exact=True).fill("omar")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_role("radio", name=re.compile("Omar"))).to_have_count(1)
    expect(page.get_by_role("radio", name=re.compile("Cleo"))).to_have_count(0)
    page.get_by_label("Message", exact=True).fill("Without a subject.")
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.get_by_label("Message", exact=True)).to_have_value("Without a subject.")
    expect(page.get_by_label("To", exact=True)).to_have_value("omar")
    for sentence in ("Write a subject.", "Choose a recipient from the list."):
        expect(page.get_by_role("alert").filter(has_text=sentence)).to_be_visible()
    expect(page.get_by_label("Subject", exact=True)).to_have_attribute("aria-invalid", "true")
    page.get_by_role("radio", name=re.compile("Omar")).check(force=True)
    page.get_by_label("Subject", exact=True).fill("Your complaint")
    page.get_by_role("button", name="Send", exact=True).click()
    expect(thread(page, "Your complaint")).to_be_visible()
    expect(messages(page)).to_have_count(1)


def test_a_search_for_a_recipient_keeps_what_was_entered_and_who_was_chosen(site: Site, plain: Open) -> None:
    page = plain("ada", "/admin/messages/new?recipient_type=customer")
    subject, words = page.get_by_label("Subject", exact=True), page.get_by_label("Message", exact=True)
    subject.fill("Your complaint")
    words.fill("Half\na thought")
    page.get_by_role("radio", name=re.compile("Cleo")).check(force=True)
    page.get_by_label("To", exact=True).fill("omar")
    page.get_by_label("To", exact=True).press("Enter")
    expect(page.get_by_role("radio", name=re.compile("Omar"))).to_have_count(1)
    expect(page.get_by_role("radio", name=re.compile("Cleo"))).to_be_checked()
    expect(subject).to_have_value("Your complaint")
    expect(words).to_have_value("Half\na thought")
    page.get_by_text("A store", exact=True).click()
    page.get_by_label("To", exact=True).fill("")
    page.get_by_role("button", name="Search").click()
    stores = page.get_by_role("group", name="Recipients").get_by_role("radio")
    expect(stores.first).to_have_accessible_name(re.compile("Bakery"))
    expect(page.get_by_role("group", name="Recipients").get_by_role("radio", checked=True)).to_have_count(0)
    page.get_by_text("A customer", exact=True).click()  # looked at, not searched for: the list still shows stores
    page.get_by_role("radio", name=re.compile("Bakery")).check(force=True)
    page.get_by_role("button", name="Send", exact=True).click()
    expect(thread(page, "Your complaint")).to_contain_text("Bakery")
    expect(messages(page)).to_contain_text("a thought")


def test_enter_sends_from_the_subject_and_searches_from_the_recipient(site: Site, visit: Visitors, plain: Open) -> None:
    visit.noise("422")
    page = plain("ada", "/admin/messages/new?recipient_type=customer")
    to, subject = page.get_by_label("To", exact=True), page.get_by_label("Subject", exact=True)
    to.fill("omar")
    to.press("Enter")
    expect(page.get_by_role("radio", name=re.compile("Omar"))).to_have_count(1)
    expect(page.get_by_role("radio", name=re.compile("Cleo"))).to_have_count(0)
    expect(page.locator("#compose-form").get_by_role("alert")).to_have_count(0)
    page.get_by_text("A store", exact=True).click()
    page.get_by_role("radio", name="A store").press("Enter")
    expect(page.get_by_text("Nobody found.")).to_be_visible()
    page.get_by_text("A customer", exact=True).click()
    page.get_by_role("button", name="Search").click()
    subject.fill("Your complaint")
    subject.press("Enter")
    for sentence in ("Write a message.", "Choose a recipient from the list."):
        expect(page.get_by_role("alert").filter(has_text=sentence)).to_be_visible()
    page.get_by_label("Message", exact=True).fill("We are sorry.")
    page.get_by_role("radio", name=re.compile("Omar")).check(force=True)
    subject.press("Enter")
    expect(thread(page, "Your complaint")).to_be_visible()
    expect(messages(page)).to_have_count(1)


def test_keys_and_ears_meet_one_button_that_sends(site: Site, plain: Open) -> None:
    page = plain("sam", "/store/messages/new")
    stops = [
        page.get_by_label("To", exact=True),
        page.get_by_role("button", name="Search"),
        page.get_by_role("radio").first,
        page.locator("[name=context_kind]"),
        page.locator("[name=context_reference]"),
        page.locator("[name=reason]").first,
        page.get_by_label("Subject", exact=True),
        page.get_by_label("Message", exact=True),
        page.locator("#compose-attachments"),
        page.get_by_role("button", name="Send"),
    ]
    expect(stops[0]).to_be_focused()
    for stop in stops[1:]:
        page.keyboard.press("Tab")
        expect(stop).to_be_focused()
    stops[0].focus()
    page.keyboard.press("Shift+Tab")
    expect(page.get_by_role("link", name="Messages", exact=True).last).to_be_focused()


def test_the_next_page_of_recipients_keeps_what_was_entered(site: Site, plain: Open) -> None:
    site.do(bring_in_customers, site.cast.bakery, 25)
    page = plain("sam", "/store/messages/new")
    page.get_by_label("Message", exact=True).fill("Half a thought")
    page.get_by_role("radio", name=re.compile("Aaron 03")).check(force=True)
    page.get_by_role("button", name="Next page").click()
    expect(page.get_by_role("radio", name=re.compile("Omar"))).to_have_count(1)
    expect(page.get_by_role("radio", name=re.compile("Aaron 04"))).to_have_count(0)
    expect(page.get_by_role("radio", name=re.compile("Aaron 03"))).to_be_checked()
    expect(page.get_by_label("Message", exact=True)).to_have_value("Half a thought")


def test_older_messages_are_a_link(site: Site, plain: Open) -> None:
    page = plain("cleo", site.tell(stories.long_thread(120)))
    expect(messages(page)).to_have_count(50)
    page.get_by_role("link", name="Earlier messages").click()
    expect(messages(page)).to_have_count(50)
    expect(messages(page).first).to_contain_text("Message number 21")
    page.get_by_role("link", name="Earlier messages").click()
    expect(messages(page)).to_have_count(20)
    expect(page.get_by_role("link", name="Earlier messages")).to_have_count(0)
    page.get_by_role("link", name="Newest messages").click()
    expect(messages(page).last).to_contain_text("Message number 120")


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("x" * 10_001, "10,000"),
        (" \n ", "message"),
        ("​‌", "message"),
    ],
    ids=["too long", "blank", "nothing to see"],
)
def test_a_refused_message_is_kept_with_a_sentence(
    site: Site, visit: Visitors, plain: Open, typed: str, sentence: str
) -> None:
    visit.noise("422")
    page = plain("cleo", site.begin(site.cast.sam, site.cast.cleo))
    write(page, typed)
    expect(page.get_by_role("alert").filter(has_text=sentence)).to_be_visible()
    expect(composer(page)).to_have_value(typed)
    expect(composer(page)).to_have_attribute("aria-invalid", "true")
    expect(messages(page)).to_have_count(1)
    composer(page).fill("Shorter.")
    send_button(page).click()
    expect(messages(page)).to_have_count(2)


def test_a_message_into_a_conversation_closed_meanwhile_is_kept(site: Site, visit: Visitors, plain: Open) -> None:
    visit.noise("409")
    number = site.begin(site.cast.sam, site.cast.cleo)
    page = plain("cleo", number)
    site.do(messaging.close_conversation, site.cast.sam, number)
    write(page, "Just one more thing")
    expect(page.get_by_role("alert").filter(has_text="closed")).to_be_visible()
    expect(page.get_by_label("Your message, not sent")).to_have_value("Just one more thing")


def test_a_double_click_sends_once_and_going_back_shows_what_was_sent(site: Site, plain: Open) -> None:
    page = plain("sam", site.begin(site.cast.sam, site.cast.cleo))
    composer(page).fill("Only once.")
    send_button(page).dblclick()
    expect(messages(page)).to_have_count(2)
    page.go_back()
    expect(messages(page)).to_have_count(2)


def test_signed_out_while_writing_the_text_is_shown_and_signing_in_leads_back(
    site: Site, visit: Visitors, plain: Open
) -> None:
    visit.noise("401")
    page = plain("cleo", site.begin(site.cast.sam, site.cast.cleo))
    site.end_sessions(site.cast.cleo)
    write(page, "No nuts, please.")
    expect(page.get_by_role("heading", name="You were signed out")).to_be_visible()
    expect(page.get_by_label("What you wrote")).to_have_value("No nuts, please.")
    page.get_by_role("link", name="Sign in again").click()
    page.get_by_label("Store code").fill("bakery")
    page.get_by_role("button", name="Continue").click()
    page.get_by_label("E-mail").fill(cast.EMAILS["cleo"])
    page.get_by_label("Password").fill(cast.PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(thread(page, "Your rye loaf")).to_be_visible()
