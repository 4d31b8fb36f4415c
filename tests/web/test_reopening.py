"""The end of a closed thread: a composer while a reply reopens it (for teams always), or "Write again"."""

from __future__ import annotations

import pytest

from messaging_app.services import messaging
from messaging_app.services.settings import set_settings
from tests.conftest import Web
from tests.web.forms import HOW, alerts, field
from tests.web.test_contexts import begin, state
from tests.world import begin as start

CUSTOMERS, STAFF = "/storefront/account/messages", "/store/messages"


def closed(web: Web, **settings: str) -> int:
    with web.app.app_context():
        set_settings(None, settings)
        state(web.cast)
        number = begin(web.cast)
        messaging.close_conversation(web.cast.sam, number)
    return number


@HOW
def test_a_reply_under_a_closed_conversation_reopens_it(web: Web, htmx: bool) -> None:
    number = closed(web, reply_reopens_days="3")
    browser = web.signed_in("cleo")
    page = browser.get(f"{CUSTOMERS}/{number}").text
    assert "Your reply reopens it" in page
    form = {"content": "Still dry", "after": field(page, "after")}
    sent = browser.post(f"{CUSTOMERS}/{number}/messages", form, htmx=htmx)
    assert sent.status_code == (200 if htmx else 303)
    after = sent.text if htmx else browser.get(f"{CUSTOMERS}/{number}").text
    assert "Still dry" in after and "You reopened this conversation" in after


@HOW
@pytest.mark.parametrize(("who", "place"), [("sam", STAFF), ("ada", "/admin/messages")])
def test_a_team_writes_and_reopens_in_one_go(web: Web, htmx: bool, who: str, place: str) -> None:
    with web.app.app_context():
        number = start(web.cast.ada, "admin_store", "store", web.cast.bakery, "Hours")
        messaging.close_conversation(web.cast.ada, number)
    browser = web.signed_in(who)
    page = browser.get(f"{place}/{number}").text
    assert "Write and reopen" in page and "Reopen and send" in page and "Reopen conversation" in page
    assert 'id="send-and-close"' not in page
    form = {"content": "One more thing", "after": field(page, "after"), "reopen": field(page, "reopen")}
    sent = browser.post(f"{place}/{number}/messages", form, htmx=htmx)
    assert sent.status_code == (200 if htmx else 303)
    after = sent.text if htmx else browser.get(f"{place}/{number}").text
    assert "One more thing" in after and "You reopened this conversation" in after and "Close conversation" in after


@HOW
def test_a_message_into_what_a_colleague_closed_is_kept_and_then_reopens_it(web: Web, htmx: bool) -> None:
    number = closed(web)
    browser = web.signed_in("sam")
    browser.get(STAFF)
    refused = browser.post(f"{STAFF}/{number}/messages", {"content": "Oh"}, htmx=htmx)
    assert refused.status_code == 409 and "closed" in alerts(refused.text)
    assert field(refused.text, "content") == "Oh" and "Reopen and send" in refused.text
    form = {name: field(refused.text, name) for name in ("content", "after", "reopen", "idempotency_key")}
    again = browser.post(f"{STAFF}/{number}/messages", form, htmx=htmx)
    assert again.status_code == (200 if htmx else 303)


@HOW
def test_a_reply_to_what_another_conversation_has_replaced_is_kept_and_leads_there(web: Web, htmx: bool) -> None:
    number = closed(web)
    with web.app.app_context():
        other = begin(web.cast)
    browser = web.signed_in("sam")
    page = browser.get(f"{STAFF}/{number}").text
    form = {"content": "Oh", "after": field(page, "after"), "reopen": "1"}
    refused = browser.post(f"{STAFF}/{number}/messages", form, htmx=htmx)
    assert refused.status_code == 409
    kept = refused.text.partition('id="unsent"')[2]
    assert kept.startswith(' readonly dir="auto">\nOh</textarea>') and f'href="{STAFF}/{other}"' in kept


def test_what_is_closed_for_good_offers_to_write_again(web: Web) -> None:
    number = closed(web)
    browser = web.signed_in("cleo")
    assert "Write again" not in browser.get(f"{CUSTOMERS}/{number}").text
    with web.app.app_context():
        set_settings(None, {"customers_may_start": "about_order"})
    page = browser.get(f"{CUSTOMERS}/{number}").text
    assert "Write again" in page and "new?context_kind=order&amp;context_reference=4711" in page
