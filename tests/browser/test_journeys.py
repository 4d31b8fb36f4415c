"""Two people at two browsers: write, badge, read mark, answer, close, reopen, as the contract names things."""

from __future__ import annotations

import re
import time

import pytest
from playwright.sync_api import Page, Route, expect

from messaging_app.services import messaging
from tests import cast
from tests.browser.conftest import Site, Visitors
from tests.browser.hands import (
    composer,
    conversations,
    expect_unread,
    log,
    messages,
    row,
    send_button,
    thread,
    write,
)

pytestmark = pytest.mark.browser


def compose(page: Page, recipient: str, subject: str, content: str, kind: str | None = None) -> None:
    """Begin a conversation in the dialog."""
    page.get_by_role("button", name="New conversation").or_(page.get_by_role("link", name="New conversation")).click()
    dialog = page.get_by_role("dialog", name="New conversation")
    expect(dialog.get_by_label("To", exact=True)).to_be_focused()
    if kind:
        dialog.get_by_text(kind, exact=True).click()
    dialog.get_by_label("To", exact=True).press_sequentially(recipient[:3])
    dialog.get_by_role("radio", name=re.compile(recipient)).check(force=True)
    dialog.get_by_label("Subject", exact=True).fill(subject)
    dialog.get_by_label("Message", exact=True).fill(content)
    dialog.get_by_role("button", name="Send", exact=True).click()
    expect(dialog).to_be_hidden()


def converse(starter: Page, answerer: Page, subject: str, first: str, answerer_may_close: bool) -> None:
    """From the first message to reopening, watched from both sides. `starter` has the thread open already."""
    expect(thread(starter, subject)).to_be_visible()
    expect(messages(starter)).to_have_count(1)

    expect_unread(answerer, 1)
    expect(answerer).to_have_title(re.compile(r"^\(1\) "))
    expect(row(answerer, subject)).to_contain_text("1 unread")
    expect(row(answerer, subject)).to_contain_text(first)
    row(answerer, subject).click()
    expect(messages(answerer)).to_contain_text([first])
    expect_unread(answerer, 0)
    expect(answerer).not_to_have_title(re.compile(r"^\("))
    expect(messages(starter).last).to_contain_text("Read")

    write(answerer, "The answer.\nIn two lines.")
    expect(messages(answerer)).to_have_count(2)
    expect(composer(answerer)).to_have_value("")
    expect(messages(starter)).to_have_count(2)
    expect(messages(starter).last).to_contain_text("The answer.")
    expect(messages(answerer).last).to_contain_text("Read")
    expect_unread(starter, 0)

    starter.get_by_role("button", name="Close conversation").click()
    reopen = starter.get_by_role("button", name="Reopen conversation")
    expect(reopen).to_be_focused()
    expect(log(starter)).to_contain_text("You closed this conversation")
    expect(composer(starter)).to_have_count(0)
    expect(log(answerer)).to_contain_text("closed this conversation")
    expect(composer(answerer)).to_have_count(0)
    expect(answerer.get_by_role("button", name="Reopen conversation")).to_have_count(int(answerer_may_close))

    opener = answerer if answerer_may_close else starter
    opener.get_by_role("button", name="Reopen conversation").click()
    expect(log(opener)).to_contain_text("You reopened this conversation")
    for page in (starter, answerer):
        expect(composer(page)).to_be_editable()
    write(starter, "Once more.")
    expect(messages(answerer)).to_have_count(3)
    expect(messages(starter)).to_have_count(3)


def test_a_store_writes_to_its_customer(site: Site, visit: Visitors) -> None:
    sam, cleo = visit("sam"), visit("cleo")
    compose(sam, "Cleo", "Your rye loaf", "It leaves tomorrow.")
    converse(sam, cleo, "Your rye loaf", "It leaves tomorrow.", answerer_may_close=False)
    expect(messages(sam).nth(0)).to_have_accessible_name("Sam")
    expect(messages(sam).nth(1)).to_have_accessible_name("Cleo")
    expect(messages(sam).nth(1)).to_contain_text("Customer")
    expect(messages(cleo).nth(0)).to_contain_text("Bakery")


def test_an_admin_writes_to_a_store(site: Site, visit: Visitors) -> None:
    ada, sam = visit("ada"), visit("sam")
    compose(ada, "Bakery", "The new contract", "Please sign it.", kind="A store")
    converse(ada, sam, "The new contract", "Please sign it.", answerer_may_close=True)
    expect(messages(sam).nth(0)).to_contain_text("Platform")


def test_an_admin_writes_to_a_customer(site: Site, visit: Visitors) -> None:
    ada, cleo = visit("ada"), visit("cleo")
    compose(ada, "Cleo", "Your complaint", "We looked into it.", kind="A customer")
    converse(ada, cleo, "Your complaint", "We looked into it.", answerer_may_close=False)
    expect(messages(cleo).nth(0)).to_contain_text("Platform")


def test_a_colleague_sees_the_same_and_counts_for_herself(site: Site, visit: Visitors) -> None:
    number = site.begin(site.cast.sam, site.cast.cleo)
    sam, nadia = visit("sam", number), visit("nadia")
    expect_unread(nadia, 1)
    site.say(site.cast.cleo, number, "Thank you.", "When?")
    expect(messages(sam)).to_have_count(3)
    expect_unread(sam, 0)
    expect_unread(nadia, 3)
    expect(row(nadia, "Your rye loaf")).to_contain_text("3 unread")
    row(nadia, "Your rye loaf").click()
    expect_unread(nadia, 0)
    expect_unread(sam, 0)


@pytest.mark.parametrize(("name", "role"), [("ada", "admin"), ("sam", "store"), ("cleo", "storefront")])
def test_signing_in_leads_to_the_inbox_and_signing_out_ends_it(
    site: Site, visit: Visitors, name: str, role: str
) -> None:
    visit.noise("401", "422")
    page = visit(at=f"/{role}/login" + ("?store=bakery" if role == "storefront" else ""))
    page.get_by_label("E-mail").fill(cast.EMAILS[name])
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("Wrong e-mail or password")
    expect(page.get_by_label("E-mail")).to_have_value(cast.EMAILS[name])
    expect(page.get_by_label("Password")).to_be_focused()
    page.get_by_label("Password").fill(cast.PASSWORD)
    page.get_by_label("Password").press("Enter")
    expect(page.get_by_role("heading", name="Messages", exact=True)).to_be_visible()
    expect(page.get_by_role("link", name="Messages", exact=True)).to_be_visible()
    page.get_by_role("button", name=f"Account of {name.title()}").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_one_browser_is_three_people_side_by_side(site: Site, visit: Visitors) -> None:
    site.begin(site.cast.sam, site.cast.cleo)
    ada = visit("ada")
    context = ada.context
    for name, role in (("sam", "store"), ("cleo", "storefront")):
        context.add_cookies([site.cookie(role, getattr(site.cast, name))])
    sam, cleo = context.new_page(), context.new_page()
    sam.goto("/store/messages")
    cleo.goto("/storefront/account/messages")
    expect(row(ada, "Your rye loaf")).to_have_count(0)
    row(sam, "Your rye loaf").click()
    expect(messages(sam)).to_have_count(1)
    row(cleo, "Your rye loaf").click()
    write(cleo, "Thank you.")
    expect(messages(sam)).to_have_count(2)
    expect(ada.get_by_role("heading", name="Messages", exact=True)).to_be_visible()


def test_staff_of_two_stores_switch_and_see_the_other_inbox(site: Site, visit: Visitors) -> None:
    site.begin(site.cast.sam, site.cast.cleo, "Your rye loaf")
    site.begin(site.cast.tomas, site.cast.jun, "Your front wheel")
    lea = visit("lea")
    expect(row(lea, "Your rye loaf")).to_be_visible()

    def answer_late(route: Route) -> None:
        """The stream tells the page that its store was left before the page itself hears of it."""
        answer = route.fetch(max_redirects=0)
        time.sleep(1)
        route.fulfill(response=answer)

    lea.route("**/store/switch", answer_late)
    lea.get_by_role("button", name=re.compile("Store:.*Bakery")).click()
    lea.get_by_role("button", name="Northwind Cycles").click()
    expect(row(lea, "Your front wheel")).to_be_visible()
    expect(row(lea, "Your rye loaf")).to_have_count(0)


def test_filters_keep_their_state_in_the_address(site: Site, visit: Visitors) -> None:
    site.begin(site.cast.sam, site.cast.cleo, "An open one")
    closed = site.begin(site.cast.sam, site.cast.omar, "A closed one")
    site.do(messaging.close_conversation, site.cast.sam, closed)
    page = visit("sam")
    expect(conversations(page).get_by_role("listitem")).to_have_count(1)
    page.get_by_role("link", name="Closed", exact=True).click()
    expect(row(page, "A closed one")).to_be_visible()
    expect(row(page, "An open one")).to_have_count(0)
    assert page.url.endswith("?status=closed")
    page.reload()
    expect(row(page, "A closed one")).to_be_visible()
    page.get_by_role("link", name="All", exact=True).click()
    expect(conversations(page).get_by_role("listitem")).to_have_count(2)
    page.get_by_role("link", name="Unread", exact=True).click()
    expect(page.get_by_text("No unread conversations.")).to_be_visible()
    assert "status=all" in page.url and "unread=1" in page.url
    page.go_back()
    expect(conversations(page).get_by_role("listitem")).to_have_count(2)
    page.go_back()
    expect(row(page, "A closed one")).to_be_visible()
    expect(row(page, "An open one")).to_have_count(0)


def test_the_switch_for_mail_keeps_its_position(site: Site, visit: Visitors) -> None:
    page = visit("sam", site.begin(site.cast.sam, site.cast.cleo))
    switch = page.get_by_role("switch", name="E-mail me about this conversation")
    expect(switch).to_be_checked()
    switch.click()
    expect(page.get_by_role("status").filter(has_text="No more e-mail")).to_be_visible()
    expect(switch).not_to_be_checked()
    page.reload()
    expect(switch).not_to_be_checked()


@pytest.mark.parametrize(("name", "home"), [("cleo", "/storefront/account"), ("nadia", "/store"), ("ada", "/admin")])
def test_the_card_shows_the_newest_unread_message_and_leads_to_it(
    site: Site, visit: Visitors, name: str, home: str
) -> None:
    people = site.cast
    writer, other = {"cleo": ("Sam", people.sam), "nadia": ("Omar", people.omar), "ada": ("Sam", people.sam)}[name]
    number = {
        "cleo": lambda: site.begin(people.sam, people.cleo, "Your rye loaf", "One"),
        "nadia": lambda: site.begin(people.nadia, people.omar, "Your rye loaf", "Mine"),
        "ada": lambda: site.begin(people.ada, people.bakery, "Your rye loaf", "Mine"),
    }[name]()
    if name != "cleo":
        site.say(other, number, "One")
    page = visit(name, home)
    card = page.get_by_role("main").get_by_role("link", name=re.compile("Messages"))
    expect(card).to_contain_text("1 unread")
    expect(card).to_contain_text(f"{writer}: One")
    site.say(other, number, "Two")
    expect(card).to_contain_text("2 unread")
    expect(card).to_contain_text(f"{writer}: Two")
    site.say(getattr(people, name), number, "My own word is not news")
    page.reload()
    expect(card).to_contain_text(f"{writer}: Two")
    card.click()
    expect(messages(page).filter(has_text="Two")).to_be_in_viewport()
    expect_unread(page, 0)
    page.goto(home)
    expect(card).to_contain_text("No unread messages")


def test_the_card_leads_to_the_list_where_several_conversations_are_unread(site: Site, visit: Visitors) -> None:
    site.begin(site.cast.sam, site.cast.cleo, "Your rye loaf", "One")
    closed = site.begin(site.cast.nadia, site.cast.cleo, "Your cake", "Two")
    site.do(messaging.close_conversation, site.cast.nadia, closed)
    page = visit("cleo", "/storefront/account")
    card = page.get_by_role("main").get_by_role("link", name=re.compile("Messages"))
    expect(card).to_contain_text("2 unread")
    expect(card).to_contain_text("Nadia: Two")
    card.click()
    expect(row(page, "Your rye loaf")).to_contain_text("1 unread")


def test_one_message_for_ten_clicks(site: Site, visit: Visitors) -> None:
    page = visit("sam", site.begin(site.cast.sam, site.cast.cleo))
    composer(page).fill("Only once.")
    send_button(page).evaluate("button => { for (let i = 0; i < 10; i++) button.click(); }")
    expect(messages(page)).to_have_count(2)
    page.reload()
    expect(messages(page)).to_have_count(2)


@pytest.mark.parametrize("later", [40, 110], ids=["some pages down", "far down"])
def test_the_open_conversation_is_in_the_list_after_a_reload(site: Site, visit: Visitors, later: int) -> None:
    number = site.begin(site.cast.sam, site.cast.cleo, "The one that is open")
    for n in range(later):
        site.begin(site.cast.sam, site.cast.cleo, f"Later {n:03}")
    page = visit("nadia", number, viewport={"width": 1440, "height": 900})
    chosen = row(page, "The one that is open")
    expect(chosen).to_have_attribute("aria-current", "true")
    expect(chosen).to_be_in_viewport()
    shown = conversations(page).get_by_role("listitem")
    if later < 100:
        expect(shown).to_have_count(later + 1)
        site.begin(site.cast.sam, site.cast.omar, "Newest of all")
        expect(shown.first).to_contain_text("Newest of all")
        expect(shown).to_have_count(later + 2)
    else:
        expect(shown.first).to_contain_text("The one that is open")
        page.get_by_role("link", name="Back to the newest").click()
        expect(shown.first).to_contain_text("Later 109")
    page.goto(f"/store/messages/{number}?status=closed")
    expect(thread(page, "The one that is open")).to_be_visible()
    expect(page.get_by_text("No closed conversations.")).to_be_visible()


def test_a_row_says_what_its_reader_needs(site: Site, visit: Visitors) -> None:
    closed = site.begin(site.cast.ada, site.cast.cleo, "Your complaint", "It is solved.")
    site.do(messaging.close_conversation, site.cast.ada, closed)
    for name, words in (
        ("ada", ["Cleo · Bakery", "Your complaint", "Closed · You: It is solved."]),
        ("cleo", ["Your complaint", "Platform", "Closed · Ada: It is solved."]),
    ):
        page = visit(name)
        page.get_by_role("link", name="All", exact=True).click()
        link = row(page, "Your complaint")
        tops = [link.get_by_text(text).evaluate("e => e.getBoundingClientRect().top") for text in words]
        assert tops == sorted(tops) and tops[0] < tops[1] < tops[2], (name, tops)
        expect(link).to_contain_text(re.compile(".*".join(map(re.escape, words)), re.DOTALL))
