"""What stands under a closed conversation: a composer while a reply reopens it, "Reopen and send", or "Write again"."""

from __future__ import annotations

from messaging_app.services import messaging
from messaging_app.services.settings import set_settings
from tests.conftest import Web
from tests.web.forms import HOW, field
from tests.web.test_contexts import begin, state

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
def test_a_refused_message_of_the_team_is_reopened_and_sent(web: Web, htmx: bool) -> None:
    number = closed(web)
    browser = web.signed_in("sam")
    refused = browser.post(f"{STAFF}/{number}/messages", {"content": "Oh"}, htmx=htmx)
    kept = refused.text.partition('id="unsent"')[2]
    assert refused.status_code == 409 and kept.startswith(' name="content" dir="auto">\nOh</textarea>')
    assert "Reopen and send" in kept
    again = browser.post(f"{STAFF}/{number}/messages", {"content": "Oh", "reopen": "1"}, htmx=htmx)
    assert again.status_code == (200 if htmx else 303)


def test_what_is_closed_for_good_offers_to_write_again(web: Web) -> None:
    number = closed(web)
    browser = web.signed_in("cleo")
    assert "Write again" not in browser.get(f"{CUSTOMERS}/{number}").text
    with web.app.app_context():
        set_settings(None, {"customers_may_start": "about_order"})
    page = browser.get(f"{CUSTOMERS}/{number}").text
    assert "Write again" in page and "new?context_kind=order&amp;context_reference=4711" in page
