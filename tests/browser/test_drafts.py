"""Whose words stand where: a draft belongs to a role, a person, a store and a conversation, and to nobody else."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, Route, expect

from messaging_app.policies import ROLES
from tests.browser.conftest import Site, Visitors, fail_once
from tests.browser.hands import composer, conversations, messages, send_button, write

pytestmark = pytest.mark.browser

PEOPLE = {"ada": "admin", "sam": "store", "lea": "store", "lea_at_cycles": "store", "cleo": "storefront"}
KEYS = "Object.keys(localStorage).filter((key) => key.startsWith('draft:')).sort()"


def go_on_in(page: Page, store: str) -> None:
    """Switch to another store in the header."""
    page.get_by_role("button", name="Store:").click()
    page.get_by_role("button", name=store, exact=True).click()
    expect(page.get_by_role("button", name=f"Store: {store}")).to_be_visible()


@pytest.mark.parametrize("name", PEOPLE)
def test_every_key_holds_role_person_store_and_conversation(site: Site, visit: Visitors, name: str) -> None:
    role, actor = PEOPLE[name], getattr(site.cast, name)
    number = {
        "ada": lambda: site.begin(site.cast.ada, site.cast.cleo),
        "lea_at_cycles": lambda: site.begin(site.cast.lea_at_cycles, site.cast.jun),
    }.get(name, lambda: site.begin(site.cast.sam, site.cast.cleo))()
    page = visit(name, number, role=role)
    forms = [str(number)]
    composer(page).fill("An answer")
    if role != "storefront":
        page.goto(f"{ROLES[role].messages}/new")
        page.get_by_label("Message", exact=True).fill("A beginning")
        forms.append("new")
    assert page.evaluate(KEYS) == [f"draft:{role}:{actor.id}:{actor.store_id or 0}:{form}" for form in sorted(forms)]


def test_words_begun_in_one_store_stand_in_no_form_of_another_and_all_go_at_sign_out(
    site: Site, visit: Visitors
) -> None:
    visit.noise("401 .*unread-count")  # the page that is left may still ask when its stream ends
    page = visit("lea", "/store/messages/new")
    form = page.get_by_role("form", name="New conversation")
    form.get_by_label("Subject", exact=True).fill("For the bakery alone")
    form.get_by_label("Message", exact=True).fill("Its books are wrong.")
    go_on_in(page, "Northwind Cycles")
    page.keyboard.press("c")
    for _ in ("the dialog", "the page", "the page that the browser goes back to"):
        expect(form.get_by_label("Subject", exact=True)).to_have_value("")
        expect(form.get_by_label("Message", exact=True)).to_have_value("")
        if page.url.endswith("/new"):
            page.go_back()
            page.go_back()
        else:
            page.goto("/store/messages/new")
    page.goto("/store/messages/new")
    form.get_by_label("Subject", exact=True).fill("For the cycle shop")
    go_on_in(page, "Bakery")
    page.keyboard.press("c")
    expect(form.get_by_label("Subject", exact=True)).to_have_value("For the bakery alone")
    page.keyboard.press("Escape")
    assert len(page.evaluate(KEYS)) == 2
    page.get_by_role("button", name="Account of Lea").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert page.evaluate(KEYS) == []


def test_who_signs_in_next_does_not_find_the_words_by_going_back(site: Site, visit: Visitors) -> None:
    number = site.begin(site.cast.sam, site.cast.cleo)
    page = visit("sam", number)
    composer(page).fill("Between Sam and Cleo")
    page.goto("/store")
    page.context.add_cookies([site.cookie("store", site.cast.nadia)])  # type: ignore[list-item]
    page.go_back()
    expect(page.get_by_role("button", name="Account of Nadia")).to_be_visible()
    expect(composer(page)).to_have_value("")


def draft_in_two_tabs(page: Page, address: str, words: str) -> Page:
    """Words begun in one tab, and another that was opened on them. Both stand in their field."""
    page.goto(address)
    page.get_by_label("Message", exact=True).fill(words)
    other = page.context.new_page()
    other.goto(address)
    expect(other.get_by_label("Message", exact=True)).to_have_value(words)
    other.get_by_label("Message", exact=True).focus()
    return other


def test_an_answer_in_two_tabs_is_sent_once_and_gone_in_both(site: Site, visit: Visitors) -> None:
    number = site.begin(site.cast.sam, site.cast.cleo)
    page = visit("sam", number)
    early = page.context.new_page()
    early.goto(page.url)
    composer(early).focus()
    other = draft_in_two_tabs(page, page.url, "Shall I send another?")
    expect(composer(early)).to_have_value("Shall I send another?")
    composer(page).press_sequentially(" Or two?")
    for tab in (early, other):
        expect(composer(tab)).to_have_value("Shall I send another? Or two?")
    send_button(other).click()
    for tab in (page, early, other):
        expect(composer(tab)).to_have_value("")
        expect(messages(tab)).to_have_count(2)
    write(page, "Shall I send another? Or two?")
    for tab in (page, early, other):
        expect(messages(tab)).to_have_count(3)  # the same words again are a message of their own


@pytest.mark.parametrize("kind", ["answer", "new conversation"])
def test_pressed_in_two_tabs_before_either_heard_of_the_other_a_draft_is_sent_once(
    site: Site, visit: Visitors, kind: str
) -> None:
    number = site.begin(site.cast.sam, site.cast.cleo)
    page = visit("sam")
    if kind == "answer":
        target, address = f"**/messages/{number}/messages", f"/store/messages/{number}"
    else:
        target, address = "**/store/messages", "/store/messages/new"
        page.goto(address)
        page.get_by_label("Subject", exact=True).fill("Once")
        page.get_by_role("radio", name=re.compile("Cleo")).check(force=True)
    other = draft_in_two_tabs(page, address, "Once and no more")
    if kind != "answer":
        expect(other.get_by_role("radio", name=re.compile("Cleo"))).to_be_checked()
    held: list[Route] = []
    page.context.route(
        target, lambda route: held.append(route) if route.request.method == "POST" else route.continue_()
    )
    for tab in (page, other):
        with tab.expect_request(target):
            tab.get_by_role("button", name="Send", exact=True).click()
    for route in held:
        route.continue_()
    for tab in (page, other):
        expect(messages(tab).last).to_contain_text("Once and no more")
        expect(composer(tab)).to_have_value("")
    page.goto("/store/messages")
    expect(conversations(page).get_by_role("listitem")).to_have_count(1 if kind == "answer" else 2)
    page.goto(address if kind == "answer" else other.url)
    expect(messages(page)).to_have_count(2 if kind == "answer" else 1)


def test_what_is_typed_in_another_tab_while_a_message_travels_stays(site: Site, visit: Visitors) -> None:
    number = site.begin(site.cast.sam, site.cast.cleo)
    page = visit("sam", number)
    other = draft_in_two_tabs(page, page.url, "First")
    held: list[Route] = []
    page.route(f"**/messages/{number}/messages", lambda route: held.append(route))
    with page.expect_request(f"**/messages/{number}/messages"):
        send_button(page).click()
    composer(other).fill("Something else")
    held[0].continue_()
    expect(messages(other)).to_have_count(2)
    for tab in (page, other):
        expect(composer(tab)).to_have_value("Something else")
    send_button(other).click()
    expect(messages(other)).to_have_count(3)
    expect(messages(other).last).to_contain_text("Something else")


def test_words_for_another_recipient_stay_when_those_they_grew_from_are_sent(site: Site, visit: Visitors) -> None:
    page = visit("sam", "/store/messages/new")
    page.get_by_label("Subject", exact=True).fill("Bread")
    page.get_by_role("radio", name=re.compile("Cleo")).check(force=True)
    other = draft_in_two_tabs(page, "/store/messages/new", "For Cleo")
    other.get_by_role("radio", name=re.compile("Omar")).check(force=True)
    other.get_by_label("Message", exact=True).fill("For Omar")
    page.get_by_role("button", name="Send", exact=True).click()
    expect(messages(page)).to_contain_text(["For Cleo"])
    expect(other.get_by_label("Message", exact=True)).to_have_value("For Omar")
    other.reload()
    expect(other.get_by_label("Message", exact=True)).to_have_value("For Omar")
    expect(other.get_by_role("radio", name=re.compile("Omar"))).to_be_checked()
    other.get_by_role("button", name="Send", exact=True).click()
    expect(messages(other)).to_contain_text(["For Omar"])


def test_a_conflict_can_be_answered_in_the_form_for_a_new_conversation(site: Site, visit: Visitors) -> None:
    """The first answer was lost and the words changed: the question whether to send these too comes once."""
    visit.noise("503", "409")
    page = visit("sam", "/store/messages/new")
    page.get_by_label("Subject", exact=True).fill("Bread")
    page.get_by_role("radio", name=re.compile("Cleo")).check(force=True)
    page.get_by_label("Message", exact=True).fill("One loaf")
    fail_once(page, "**/store/messages", deliver=True)
    send = page.get_by_role("button", name="Send", exact=True)
    send.click()
    expect(page.get_by_role("alert").filter(has_text="Not sent")).to_be_visible()
    page.get_by_label("Message", exact=True).fill("Two loaves")
    with page.expect_response(lambda answer: answer.status == 409):
        send.click()
    expect(page.get_by_label("Message", exact=True)).to_have_value("Two loaves")
    page.get_by_role("button", name="Send", exact=True).click()
    expect(messages(page)).to_contain_text(["Two loaves"])
