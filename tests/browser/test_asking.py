"""A customer asks about an order on a phone: few taps, nothing typed but the question, and no words in a wrong form."""

from __future__ import annotations

import re
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Page, expect

from messaging_app.models.context import Named
from messaging_app.services import messaging
from messaging_app.services.settings import set_settings
from tests.browser.conftest import Site, Visitors
from tests.browser.hands import composer, messages, sideways
from tests.web.test_contexts import begin, state

pytestmark = pytest.mark.browser

PHONE = {"width": 390, "height": 844}
CAKE, LOAVES = Named("order", "4711"), Named("order", "4720")


def link(name: Named, place: str = "/storefront/account/messages") -> str:
    return f"{place}/new?{urlencode({'context_kind': name.kind, 'context_reference': name.reference})}"


@pytest.fixture(autouse=True)
def orders(site: Site) -> None:
    site.do(set_settings, None, {"customers_may_start": "always"})
    for name, title in ((CAKE, "A cake"), (LOAVES, "Six loaves")):
        site.do(state, site.cast, name=name, title=title)


def question(page: Page) -> None:
    expect(page.get_by_role("textbox", name="Your message")).to_be_visible()
    page.get_by_role("textbox", name="Your message").fill("Is it with nuts?")


def test_from_a_link_of_the_shop_it_is_one_tap_and_from_the_account_two(site: Site, visit: Visitors) -> None:
    page = visit("cleo", link(CAKE), viewport=PHONE)
    question(page)
    page.get_by_role("button", name="Send").click()
    expect(messages(page)).to_contain_text("Is it with nuts?")
    expect(page.get_by_role("region", name="A cake")).to_be_visible()
    page.goto("/storefront/account")
    assert sideways(page) == 0
    page.get_by_role("listitem").filter(has_text="Six loaves").get_by_role("link", name="Ask the store").click()
    question(page)
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("region", name="Six loaves")).to_be_visible()
    page.goto("/storefront/account")
    page.get_by_role("listitem").filter(has_text="A cake").get_by_role("link", name="Continue with the store").click()
    expect(composer(page)).to_be_visible()


def test_words_about_one_order_stand_in_no_form_of_another(site: Site, visit: Visitors) -> None:
    page = visit("cleo", link(CAKE))
    question(page)
    for other in (link(LOAVES), "/storefront/account/messages/new"):
        page.goto(other)
        expect(page.get_by_role("textbox", name="Your message")).to_have_value("")
    page.goto(link(CAKE))
    expect(page.get_by_role("textbox", name="Your message")).to_have_value("Is it with nuts?")
    page.get_by_role("button", name="Send").click()
    expect(messages(page)).to_contain_text("Is it with nuts?")
    page.goto(link(CAKE))
    expect(page.get_by_role("textbox", name="Your message")).to_have_value("")


@pytest.mark.parametrize("who", ["cleo", "sam"])
def test_beginning_again_leads_to_the_open_one_with_the_text_in_its_composer(
    site: Site, visit: Visitors, who: str
) -> None:
    number = site.do(begin, site.cast)
    label = {"cleo": "Your message", "sam": "Message"}[who]
    page = visit(who, number)
    composer(page).fill("Half an answer")
    place = page.url.rpartition("/")[0]
    page.goto(link(CAKE, place))
    field = page.get_by_role("textbox", name=label, exact=True)
    field.fill("And with nuts?")
    if who == "sam":
        page.get_by_role("textbox", name="Subject").fill("Nuts")
    page.get_by_role("button", name="Send").last.click()
    expect(page).to_have_url(re.compile(rf"/{number}\?was_open$"))
    expect(composer(page)).to_have_value("Half an answer\n\nAnd with nuts?")
    expect(page.get_by_text("was already open, so nothing was sent")).to_be_visible()
    expect(messages(page)).to_have_count(1)
    page.goto(link(CAKE, place))
    expect(field).to_have_value("")


def test_a_closed_one_is_taken_up_again(site: Site, visit: Visitors) -> None:
    number = site.do(begin, site.cast)
    site.do(messaging.close_conversation, site.cast.sam, number)
    page = visit("cleo", number, viewport=PHONE)
    page.get_by_role("link", name="Write again").click()
    expect(page.get_by_text("Follows Your cake, which is closed.")).to_be_visible()
    question(page)
    page.get_by_role("button", name="Send").click()
    expect(messages(page)).to_contain_text("Is it with nuts?")
    page.get_by_role("link", name="Your cake").click()
    expect(page.get_by_text("This conversation is closed. Continued in Your cake.")).to_be_visible()
    assert sideways(page) == 0


def test_staff_pick_a_number_of_the_chosen_customer_and_its_kind_follows(site: Site, visit: Visitors) -> None:
    page = visit("sam", "/store/messages/new")
    options = page.locator("#context-options option")
    expect(options).to_have_count(0)
    page.get_by_role("radio", name="Cleo").check(force=True)
    expect(options).to_have_count(2)
    page.get_by_role("textbox", name="Number").or_(page.get_by_role("combobox", name="Number")).fill("4720")
    expect(page.get_by_label("About", exact=True)).to_have_value("order")
    page.get_by_role("radio", name="Omar").check(force=True)
    expect(options).to_have_count(0)


def test_words_of_a_link_about_one_order_stand_in_no_other_form_of_staff(site: Site, visit: Visitors) -> None:
    page = visit("sam", link(CAKE, "/store/messages"))
    field = page.get_by_role("textbox", name="Message", exact=True)
    field.fill("For Cleo alone")
    for other in ("/store/messages/new", link(LOAVES, "/store/messages")):
        page.goto(other)
        expect(field).to_have_value("")
    page.goto(link(CAKE, "/store/messages"))
    expect(field).to_have_value("For Cleo alone")
    visit.noise("422")
    page.get_by_role("button", name="Send").last.click()
    expect(page.locator("#subject-error, #compose-subject-error").first).to_be_visible()
    expect(field).to_have_value("For Cleo alone")
    page.goto("/store/messages/new")
    expect(field).to_have_value("")
