"""Contexts on pages: the card beside the thread, in the list, in mail, and in the form for a new conversation."""

from __future__ import annotations

import re
from typing import Any

import pytest

from messaging_app.models.context import Fact, Named
from messaging_app.services import contexts, inboxes, messaging, threads
from tests.cast import Cast
from tests.conftest import Web
from tests.web.forms import HOW, alerts, beginning, field

ORDER = Named("order", "4711")
PAID: dict[str, Any] = {
    "title": "Two-tier <b>cake</b>",
    "url": "https://shop.example/orders/4711?a=1&b=2",
    "state": "Paid",
    "facts": [Fact(label="Pick-up", value="Friday"), Fact(label="Total", value="42.00 €")],
    "version": 1,
}


def state(cast: Cast, who: str = "cleo", name: Named = ORDER, **changes: Any) -> None:
    said = contexts.Statement(None, f"{who}@mail.example", **(PAID | changes))
    contexts.put_context(cast.ada, "bakery", name, said)


def begin(cast: Cast, name: Named = ORDER, subject: str = "Your cake") -> int:
    return messaging.create_conversation(
        cast.sam,
        conversation_type="store_customer",
        recipient_type="customer",
        recipient_id=cast.cleo.id,
        subject=subject,
        content="Which colour?",
        context=name,
    ).conversation_id


def card(text: str) -> str:
    """Return the text of the card, with crossed-out values in brackets."""
    found = re.search(r'<aside class="beside".*?</aside>', text, re.DOTALL)
    assert found
    words = re.sub(r"<del>(.*?)</del>", r"[\1] ", found[0])
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", re.sub(r"</(dt|dd|p|span|ins)>", " ", words)))


@pytest.mark.parametrize("who", ["sam", "cleo"])
def test_the_card_shows_the_beginning_and_what_changed_since(web: Web, who: str) -> None:
    place = {"sam": "/store/messages", "cleo": "/storefront/account/messages"}[who]
    with web.app.app_context():
        state(web.cast)
        number = begin(web.cast)
    browser = web.signed_in(who)
    page = browser.get(f"{place}/{number}").text
    assert "Order 4711" in card(page) and "Changed" not in card(page)
    assert "Two-tier &lt;b&gt;cake&lt;/b&gt;" in page, "markup is words"
    assert (
        'href="https://shop.example/orders/4711?a=1&amp;b=2" target="_blank" rel="noopener noreferrer nofollow"' in page
    )
    with web.app.app_context():
        facts = [Fact(label="Pick-up", value="Saturday"), Fact(label="Allergens", value="Egg")]
        state(web.cast, state="Baking", facts=facts, version=2)
    poll = re.search(r'hx-vals=\'({"after": \d+, "have": "[^"]+"})', page)
    assert poll
    after, have = re.findall(r'\d+|"have": "([^"]+)"', poll[1])[0], re.findall(r'"have": "([^"]+)"', poll[1])[0]
    update = browser.get(f"{place}/{number}/messages?after={after or 1}&have={have}", htmx=True)
    assert update.status_code == 200 and 'hx-target="#about"' in update.text, "an open page learns of it"
    shown = card(browser.get(f"{place}/{number}").text)
    for words in (
        "Changed",
        "[Before: Paid] Now: Baking",
        "[Before: Friday] Now: Saturday",
        "Now: Egg",
        "[Before: 42.00 €] Removed",
    ):
        assert words in shown, (words, shown)
    assert "4 changes since." in shown
    row = browser.get(place, htmx=True).text
    assert re.search(r'class="reference">.*?<bdi>4711</bdi><bdi class="reference__state">Baking</bdi>', row)


def test_a_number_alone_has_a_card_and_fills_when_the_shop_speaks(web: Web) -> None:
    with web.app.app_context():
        number = begin(web.cast)
    sam = web.signed_in("sam")
    assert "The shop has not shared any details yet." in card(sam.get(f"/store/messages/{number}").text)
    with web.app.app_context():
        state(web.cast)
    shown = card(sam.get(f"/store/messages/{number}").text)
    assert "Paid" in shown and "Changed" not in shown and "Before" not in shown


def test_facts_are_told_apart_from_what_people_write(web: Web) -> None:
    with web.app.app_context():
        state(web.cast)
        number = begin(web.cast)
        contexts.state_fact(web.cast.ada, "bakery", ORDER, "1", "Shipped & <i>tracked</i> 100 %")
    for who, place in (("sam", "/store/messages"), ("cleo", "/storefront/account/messages")):
        page = web.signed_in(who).get(f"{place}/{number}").text
        line = re.search(r'<p class="event event--shop".*?</p>', page, re.DOTALL)
        assert line and "Shipped &amp; &lt;i&gt;tracked&lt;/i&gt; 100 %" in line[0] and "stated by the shop" in line[0]


def test_the_others_are_one_click_away(web: Web) -> None:
    with web.app.app_context():
        cast = web.cast
        state(cast)
        number = begin(cast)
        other = begin(cast, Named("return", "7"), subject="A loaf back")
        platform = messaging.create_conversation(
            cast.ada, conversation_type="admin_store", recipient_type="store", recipient_id=cast.bakery,
            subject="Who pays for the candles", content="We do?", context=ORDER,
        ).conversation_id  # fmt: skip
        hidden = messaging.create_conversation(
            cast.ada, conversation_type="admin_customer", recipient_type="customer", recipient_id=cast.cleo.id,
            subject="Between us", content="Hello", context=ORDER,
        ).conversation_id  # fmt: skip
    sam = web.signed_in("sam")
    assert f'hx-get="/store/messages/{number}/others"' in sam.get(f"/store/messages/{number}").text
    for htmx in (True, False):
        text = sam.get(f"/store/messages/{number}/others", htmx=htmx).text
        for words in (
            "Cleo</bdi>’s other conversations",
            "A loaf back",
            "Who pays for the candles",
            f"/store/messages/{platform}",
            f"/store/messages/{other}",
        ):
            assert words in text, (htmx, words)
        assert "Between us" not in text and f"/{hidden}" not in text
    assert web.signed_in("tomas").get(f"/store/messages/{number}/others").status_code == 404
    assert web.signed_in("cleo").get(f"/storefront/account/messages/{number}/others").status_code == 404


def test_a_link_from_an_order_opens_the_form_with_everything_but_the_words(web: Web) -> None:
    with web.app.app_context():
        state(web.cast)
    page = web.signed_in("sam").get("/store/messages/new?context_kind=order&context_reference=4711").text
    assert 'value="4711"' in page and re.search(r'<option selected value="order">', page)
    assert re.search(rf'name="recipient_id" value="{web.cast.cleo.id}" checked', page)
    for junk in ("context_kind=%00&context_reference=%00", "context_kind=parcel&context_reference=1&recipient_id=x"):
        assert web.signed_in("sam").get(f"/store/messages/new?{junk}").status_code == 200


@HOW
def test_beginning_another_about_the_same_leads_to_the_open_one_with_the_text(htmx: bool, web: Web) -> None:
    with web.app.app_context():
        state(web.cast)
        number = begin(web.cast)
    sam = web.signed_in("sam")
    form = beginning(web, context_kind="order", context_reference=" 4711 ", content="And a <dragon>?")
    form["recipient_id"] = str(web.cast.cleo.id)
    answer = sam.post("/store/messages", form, htmx=htmx)
    if htmx:
        assert answer.headers["HX-Redirect"] == f"/store/messages/{number}?was_open"
        assert answer.headers["Draft-Belongs-To"] == str(number)
        assert "was already open" in sam.get(f"/store/messages/{number}?was_open").text
    else:
        assert answer.status_code == 200 and "was already open" in answer.text
        assert field(answer.text, "content") == "And a &lt;dragon&gt;?" or "And a &lt;dragon&gt;?" in answer.text
        assert f'action="/store/messages/{number}/messages"' in answer.text
    with web.app.app_context():
        assert threads.get_head(web.cast.sam, number).head.last_seq == 1, "nothing was posted"


@HOW
@pytest.mark.parametrize(
    ("changes", "status", "told"),
    [
        ({"context_kind": "order", "context_reference": "4712"}, 404, "This customer has nothing with that number."),
        ({"context_kind": "parcel", "context_reference": "1"}, 422, "This must be one of order, return"),
        ({"context_kind": "order", "context_reference": ""}, 422, "Fill this in."),
        ({"context_kind": "", "context_reference": "4711"}, 422, "This must be one of"),
        ({"context_kind": "order", "context_reference": "x" * 101}, 422, "at most 100 characters"),
        ({"context_kind": "order", "context_reference": "a\x01b"}, 422, "control characters"),
    ],
)
def test_a_context_that_does_not_fit_keeps_what_was_typed(
    htmx: bool, web: Web, changes: dict[str, str], status: int, told: str
) -> None:
    with web.app.app_context():
        state(web.cast, "cleo", Named("order", "4712"))
    answer = web.signed_in("sam").post("/store/messages", beginning(web, content="My words") | changes, htmx=htmx)
    assert answer.status_code == status
    assert told in alerts(answer.text) and "My words" in answer.text
    with web.app.app_context():
        assert inboxes.list_conversations(web.cast.sam).rows == []


@HOW
def test_a_closed_one_leads_to_the_open_one_about_the_same(htmx: bool, web: Web) -> None:
    with web.app.app_context():
        state(web.cast)
        closed = begin(web.cast)
        messaging.close_conversation(web.cast.sam, closed)
        number = begin(web.cast)
    sam = web.signed_in("sam")
    place = f"/store/messages/{closed}"
    for path, form in ((f"{place}/messages", {"content": "Hello?", "after": "2"}), (f"{place}/reopen", {"after": "2"})):
        answer = sam.post(path, form, htmx=htmx)
        assert answer.status_code == 409
        assert "Another conversation about this is already open." in alerts(answer.text)
        assert f'href="/store/messages/{number}"' in answer.text
        assert form.get("content", "") in answer.text


def test_the_list_narrows_to_one_matter(web: Web) -> None:
    with web.app.app_context():
        state(web.cast)
        number = begin(web.cast)
        begin(web.cast, Named("return", "7"), subject="A loaf back")
    sam = web.signed_in("sam")
    page = sam.get("/store/messages?context_kind=order&context_reference=4711").text
    assert f'id="conversation-{number}"' in page and "A loaf back" not in page
    assert 'id="filter-context"' in page and "status=closed&amp;context_kind=order&amp;context_reference=4711" in page
    for junk in ("context_kind=%00", "context_reference=%00", "context_kind=x&context_reference=" + "y" * 300):
        assert sam.get(f"/store/messages?{junk}").status_code == 200
    assert sam.get(f"/store/messages/{number}?context_kind=order").status_code == 200


def test_staff_pick_from_what_the_chosen_customer_has(web: Web) -> None:
    with web.app.app_context():
        cast = web.cast
        state(cast)
        state(cast, "omar", Named("order", "4712"))
    customer = f"recipient_type=customer&recipient_id={cast.cleo.id}"
    option = '<option value="4711" data-kind="order" label="Order · Two-tier &lt;b&gt;cake&lt;/b&gt; · Paid">'
    for who, place in (("sam", "/store/messages"), ("ada", "/admin/messages")):
        browser = web.signed_in(who)
        for path in (f"/contexts?{customer}", f"/recipients?{customer}", f"/new?{customer}"):
            text = browser.get(f"{place}{path}", htmx=True).text
            assert option in text and "4712" not in text, (who, path)
        assert option in browser.get(f"{place}/new?{customer}").text, "without scripts too"
        for none in (
            "recipient_type=store&recipient_id=1",
            "recipient_id=x",
            f"recipient_type=customer&recipient_id={2**62}",
        ):
            answer = browser.get(f"{place}/contexts?{none}", htmx=True)
            assert "<option" not in answer.text and answer.status_code < 500
    assert "<option" not in web.signed_in("tomas").get(f"/store/messages/contexts?{customer}", htmx=True).text
