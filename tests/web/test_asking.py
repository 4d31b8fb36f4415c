"""A customer writes to the store: from a link on an order to a conversation without typing its number."""

from __future__ import annotations

from messaging_app.db.engine import writing
from messaging_app.extensions import db
from messaging_app.models import Store
from messaging_app.models.context import Named
from messaging_app.services import messaging
from messaging_app.services.settings import set_settings
from tests.conftest import Web
from tests.web.forms import HOW, alerts, field
from tests.web.test_contexts import begin, state

R = "/storefront/account/messages"
LINK = f"{R}/new?context_kind=order&context_reference=4711"


def allow(web: Web, mode: str, **settings: str) -> None:
    with web.app.app_context():
        set_settings(None, {"customers_may_start": mode} | settings)
        state(web.cast)


def asked(web: Web, **changes: str) -> dict[str, str]:
    form = {"recipient_type": "store", "recipient_id": str(web.cast.bakery), "content": "Where is it?", "subject": ""}
    return form | {"context_kind": "order", "context_reference": "4711"} | changes


def test_nothing_offers_to_write_where_it_is_not_allowed(web: Web) -> None:
    browser = web.signed_in("cleo")
    assert browser.get(f"{R}/new").status_code == 404
    assert browser.post(R, asked(web)).status_code == 403
    for page in (R, "/storefront/account"):
        assert "Write to the store" not in browser.get(page).text
    allow(web, "about_order")
    for page in (R, "/storefront/account"):
        assert "Write to the store" in browser.get(page).text


def test_a_link_of_the_shop_leads_to_a_conversation(web: Web) -> None:
    allow(web, "about_order")
    browser = web.signed_in("cleo")
    page = browser.get(LINK).text
    assert "Order <bdi>4711</bdi>" in page and field(page, "subject") == "Two-tier <b>cake</b>"
    sent = browser.post(R, asked(web, subject=field(page, "subject"), idempotency_key=field(page, "idempotency_key")))
    assert sent.status_code == 303
    assert "Where is it?" in browser.get(sent.location).text
    led = browser.post(R, asked(web, content="Hello?"))
    assert led.status_code == 200 and field(led.text, "content") == "Hello?", "the open one, with the text kept"
    assert web.signed_in("omar").get(LINK).status_code == 404, "not theirs"


def test_without_a_link_customers_choose_what_it_is_about(web: Web) -> None:
    allow(web, "about_order")
    browser = web.signed_in("cleo")
    page = browser.get(f"{R}/new").text
    assert "context_reference=4711" in page and "<textarea" not in page
    refused = browser.post(R, asked(web, context_kind="", context_reference=""))
    assert refused.status_code == 422 and field(refused.text, "content") == "Where is it?"
    allow(web, "always")
    assert "<textarea" in browser.get(f"{R}/new").text


@HOW
def test_the_day_is_over_and_the_text_stays(web: Web, htmx: bool) -> None:
    allow(web, "always", customer_starts_per_day="1")
    browser = web.signed_in("cleo")
    assert browser.post(R, asked(web)).status_code == 303
    full = browser.post(R, asked(web, context_kind="", context_reference="", subject="Bread"), htmx=htmx)
    assert full.status_code == 429 and full.headers["Retry-After"]
    assert field(full.text, "content") == "Where is it?" and "tomorrow" in alerts(full.text)


def test_the_account_lists_orders_each_with_its_way_to_the_store(web: Web) -> None:
    allow(web, "about_order")
    with web.app.app_context():
        state(web.cast, name=Named("order", "4720"), title="Six loaves", url=None)
        state(web.cast, "omar", Named("order", "9"), title="Of Omar")
        number = begin(web.cast)
    browser = web.signed_in("cleo")
    for page in ("/storefront/account", f"{R}/new"):
        text = browser.get(page).text
        cake, loaves = text.partition("Six loaves")[2], text.partition("Two-tier")[2]
        assert "Of Omar" not in text
        assert f'href="{R}/{number}" ' in loaves and "Continue with the store" in loaves
        assert f'href="{R}/new?context_kind=order&amp;context_reference=4720" ' in cake and "Ask the store" in cake
        assert 'href="https://shop.example/orders/4711?a=1&amp;b=2"' in text
    with web.app.app_context():
        messaging.close_conversation(web.cast.sam, number)
    assert "Continue with the store" not in browser.get("/storefront/account").text


def test_what_a_customer_sees_first_stays_cheap(web: Web) -> None:
    allow(web, "about_order")
    with web.app.app_context():
        for number in range(9):
            state(web.cast, name=Named("order", str(number)))
    browser = web.signed_in("cleo")
    pages = {"/storefront/account": 5, f"{R}/new": 5, LINK: 5, R: 3}
    assert {page: len(web.statements(lambda: browser.get(page))) for page in pages} == pages  # noqa: B023


def test_when_the_store_answers_stands_by_every_way_to_write(web: Web) -> None:
    allow(web, "always")
    hours = "Mon–Sat 7–18 <b>sharp</b>. We usually answer within a day."
    with web.app.app_context(), writing(db.session) as session:
        session.get_one(Store, web.cast.bakery).hours = hours
    browser = web.signed_in("cleo")
    for page in ("/storefront/account", R, f"{R}/new", LINK):
        assert "Mon–Sat 7–18 &lt;b&gt;sharp&lt;/b&gt;. We usually answer within a day." in browser.get(page).text, page
    with web.app.app_context():
        number = begin(web.cast)
        messaging.close_conversation(web.cast.sam, number)
    assert "usually answer within a day" in browser.get(f"{R}/{number}").text
    assert "usually answer within a day" not in web.signed_in("jun").get("/storefront/account").text
