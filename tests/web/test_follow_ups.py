"""Follow-ups of conversations that are closed for good: the two link to each other for readers who see both."""

from __future__ import annotations

import re

import pytest

from messaging_app.models.context import Named
from messaging_app.services import assignment, messaging
from messaging_app.services.settings import set_settings
from tests.conftest import Web
from tests.web.forms import HOW, field
from tests.web.test_asking import asked
from tests.web.test_contexts import begin, state

R, STAFF = "/storefront/account/messages", "/store/messages"


def closed(web: Web, mode: str = "always", *, about: bool = True, **settings: str) -> int:
    with web.app.app_context():
        set_settings(None, {"customers_may_start": mode} | settings)
        state(web.cast)
        number = begin(web.cast) if about else begin_about_nothing(web)
        messaging.close_conversation(web.cast.sam, number)
    return number


def begin_about_nothing(web: Web) -> int:
    return messaging.create_conversation(
        web.cast.sam,
        conversation_type="store_customer",
        recipient_type="customer",
        recipient_id=web.cast.cleo.id,
        subject="Opening hours",
        content="From six.",
    ).conversation_id


def write_again(web: Web, number: int, **changes: str) -> int:
    """Follow the button of a closed conversation and send the form."""
    browser = web.signed_in("cleo")
    link = re.search(r'href="([^"]+follows=\d+)">.*?Write again', browser.get(f"{R}/{number}").text)
    assert link
    page = browser.get(link[1].replace("&amp;", "&")).text
    form = {name: field(page, name) for name in ("subject", "follows", "context_kind", "context_reference")}
    sent = browser.post(R, asked(web, **form) | changes)
    assert sent.status_code == 303, sent.text
    return int(sent.location.rpartition("/")[2])


@pytest.mark.parametrize("about", [True, False])
def test_a_follow_up_and_what_it_follows_lead_to_each_other(web: Web, about: bool) -> None:
    old = closed(web, about=about)
    browser = web.signed_in("cleo")
    page = browser.get(f"{R}/{old}").text
    assert "Writing again begins a new one." in page
    new = write_again(web, old)
    subject = "Your cake" if about else "Opening hours"
    for who, place in (("cleo", R), ("sam", STAFF)):
        before = web.signed_in(who).get(f"{place}/{old}").text
        assert f'Continued in <a href="{place}/{new}"' in before and "Write again" not in before
        after = web.signed_in(who).get(f"{place}/{new}").text
        assert f'Follows <a href="{place}/{old}"><bdi>{subject}</bdi></a>' in after
    assert "Reopen conversation" in web.signed_in("sam").get(f"{STAFF}/{old}").text


@HOW
def test_an_open_follow_up_is_where_one_writes_on(web: Web, htmx: bool) -> None:
    old = closed(web, about=False)
    new = write_again(web, old)
    browser = web.signed_in("cleo")
    form = asked(web, subject="More", content="And Sunday?", follows=str(old), context_kind="", context_reference="")
    led = browser.post(R, form, htmx=htmx)
    if htmx:
        assert led.headers["HX-Redirect"] == f"{R}/{new}?was_open" and led.headers["Draft-Belongs-To"] == str(new)
    else:
        assert led.status_code == 200 and field(led.text, "content") == "And Sunday?"
    with web.app.app_context():
        messaging.close_conversation(web.cast.sam, new)
    third = browser.post(R, form)
    assert third.status_code == 303
    assert f'Follows <a href="{R}/{new}"' in browser.get(third.location).text, "the last of the chain, not the first"


def test_an_open_page_learns_that_another_continues_it(web: Web) -> None:
    old = closed(web, about=False)
    sam = web.signed_in("sam")
    page = sam.get(f"{STAFF}/{old}").text
    poll = re.search(r'hx-vals=\'{"after": (\d+), "have": "([^"]+)"}', page)
    assert poll
    address = f"{STAFF}/{old}/messages?after={poll[1]}&have={poll[2]}"
    assert sam.get(address, htmx=True).status_code == 204
    write_again(web, old)
    update = sam.get(address, htmx=True)
    assert "Continued in" in update.text and "#composer:not([data-status=closed-continued])" in update.text


def test_only_what_oneself_talked_about_with_the_store_can_be_followed(web: Web) -> None:
    old = closed(web, about=False)
    with web.app.app_context():
        cast = web.cast
        of_platform = messaging.create_conversation(
            cast.ada, conversation_type="admin_customer", recipient_type="customer", recipient_id=cast.cleo.id,
            subject="Your account", content="Is safe.",
        ).conversation_id  # fmt: skip
        messaging.close_conversation(cast.ada, of_platform)
        still_open = begin(cast, Named("return", "7"))
    cleo, omar = web.signed_in("cleo"), web.signed_in("omar")
    bare = asked(web, subject="Hello", context_kind="", context_reference="")
    assert "Write again" not in cleo.get(f"{R}/{of_platform}").text, "a customer cannot begin with the platform"
    assert cleo.post(R, bare | {"follows": str(of_platform)}).status_code == 404
    assert (
        omar.get(f"{R}/new?follows={old}").status_code == omar.post(R, bare | {"follows": str(old)}).status_code == 404
    )
    assert cleo.post(R, bare | {"follows": str(still_open)}).status_code == 200, "it is open: there one writes on"
    for junk in ("x", "-1", "1e3", "9" * 30, "²"):
        refused = cleo.post(R, bare | {"follows": junk})
        assert refused.status_code == 422 and field(refused.text, "content") == "Where is it?", junk
        assert cleo.get(f"{R}/new?follows={junk}").status_code == 422


def test_where_only_orders_are_written_about_the_choice_still_follows(web: Web) -> None:
    old = closed(web, "about_order", about=False)
    page = web.signed_in("cleo").get(f"{R}/new?follows={old}").text
    assert "<textarea" not in page and f"context_kind=order&amp;context_reference=4711&amp;follows={old}" in page


def test_staff_who_do_not_see_one_of_both_do_not_learn_of_it(web: Web) -> None:
    old = closed(web, about=False)
    new = write_again(web, old)
    with web.app.app_context():
        assignment.assign(web.cast.sam, new, web.cast.sam.id)
        set_settings(None, {"staff_see_only_assigned": "true"})
    page = web.signed_in("nadia").get(f"{STAFF}/{old}").text
    assert f"{STAFF}/{new}" not in page and "Continued in" not in page
