"""Whose words stand where: a draft belongs to a role, a person, a store and a conversation, and to nobody else."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from messaging_app.policies import ROLES
from tests.browser.conftest import Site, Visitors
from tests.browser.hands import composer

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
