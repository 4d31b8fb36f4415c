"""At which store a customer is, between which stores staff switch, and where a link to another one leads."""

from __future__ import annotations

import html
import re
from collections.abc import Callable

import pytest

from tests import cast
from tests.conftest import Web
from tests.web.signing_in import INBOX, bring_in, cookie


def test_a_customer_says_at_which_store_once(web: Web) -> None:
    browser = web.browser()
    asked = browser.get("/storefront/login")
    assert asked.status_code == 200 and 'name="password"' not in asked.text and 'name="store"' in asked.text
    unknown = browser.get("/storefront/login?store=nowhere")
    assert unknown.status_code == 422 and 'role="alert"' in unknown.text
    page = browser.get("/storefront/login?store=bakery")
    assert 'name="password"' in page.text and "Bakery" in page.text
    browser.post("/storefront/login?store=bakery", {"email": "cleo@mail.example", "password": cast.PASSWORD})
    browser.get(INBOX["storefront"])
    browser.post("/storefront/logout")
    again = browser.get("/storefront/login")
    assert 'name="password"' in again.text and "Bakery" in again.text, "the store is remembered"
    signed = browser.post("/storefront/login", {"email": "cleo@mail.example", "password": cast.PASSWORD})
    assert signed.status_code == 303


def test_the_same_customer_e_mail_at_two_stores_is_two_people(web: Web) -> None:
    bring_in(
        web,
        stores=[
            {
                "code": "cycles",
                "customers": [{"email": "cleo@mail.example", "name": "Cleo", "password_hash": cast.cheap_hash()}],
            }
        ],
    )
    browser = web.browser()
    browser.get("/storefront/login?store=cycles")
    browser.post("/storefront/login?store=cycles", {"email": "cleo@mail.example", "password": cast.PASSWORD})
    assert "Northwind" in browser.get("/storefront/account").text


@pytest.mark.parametrize("code", ["\0", "bakery\0", "x" * 10_000, "🥐", "' OR 1=1", "../admin", "nowhere"])
@pytest.mark.parametrize("database", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def test_a_store_code_of_any_wrong_shape_asks_again(code: str, database: str, webs: Callable[[str], Web]) -> None:
    browser = webs(database).browser()
    answer = browser.get("/storefront/login", query_string={"store": code})
    assert answer.status_code == 422 and 'role="alert"' in answer.text
    browser.client.set_cookie("storefront_store", "\x01nonsense", path="/storefront")
    assert browser.get("/storefront/login").status_code == 200


def test_staff_switch_stores_by_post_only_and_only_to_their_own(web: Web, numbers: dict[str, int]) -> None:
    lea = web.signed_in("lea")
    page = lea.get("/store/messages")
    assert "Bakery" in page.text and "Northwind Cycles" in page.text
    assert lea.client.get("/store/switch", query_string={"store_id": web.cast.cycles}).status_code == 405
    before = cookie(lea, "store")
    answer = lea.post("/store/switch", {"store_id": str(web.cast.cycles), "next": "/store/messages?status=all"})
    assert (answer.status_code, answer.location) == (303, "/store/messages?status=all")
    assert lea.get(f"/store/messages/{numbers['cycles-jun']}").status_code == 200
    assert lea.get(f"/store/messages/{numbers['bakery-cleo']}").status_code == 404
    assert (
        lea.post("/store/switch", {"store_id": str(web.cast.bakery), "next": "//evil.example"}).location
        == "/store/messages"
    )
    for wrong in ("999", "0", "-1", "1e0", "٣", "9" * 30, "", "\0"):
        assert lea.post("/store/switch", {"store_id": wrong}).status_code in (404, 422), wrong
    assert lea.get(f"/store/messages/{numbers['bakery-cleo']}").status_code == 200
    assert cookie(lea, "store") == before

    sam = web.signed_in("sam")
    assert "Northwind" not in sam.get("/store/messages").text
    assert sam.post("/store/switch", {"store_id": str(web.cast.cycles)}).status_code == 404
    assert sam.get(f"/store/messages/{numbers['bakery-cleo']}").status_code == 200


def test_the_switcher_sorts_stores_as_people_do(web: Web) -> None:
    mine = [{"email": "lea@mail.example"}]
    names = {"z": "Zoo", "a": "apple", "e": "Éclair", "d": "Dairy"}
    bring_in(web, stores=[{"code": code, "name": name, "staff": mine} for code, name in names.items()])
    page = html.unescape(web.signed_in("lea").get("/store/messages").text)
    found = re.findall("|".join(names.values()), page[page.index('id="stores"') :])
    assert list(dict.fromkeys(found)) == ["apple", "Dairy", "Éclair", "Zoo"]


def test_a_page_of_the_store_one_was_in_asks_and_does_nothing_more(web: Web, numbers: dict[str, int]) -> None:
    lea = web.signed_in("lea")
    page = html.unescape(lea.get("/store/messages").text)
    shown_to = re.search(r'"X-Shown-To": "([^"]+)"', page)
    assert shown_to
    headers = {"X-Shown-To": shown_to.group(1)}
    assert lea.get("/store/messages?have=x", htmx=True, headers=headers).status_code == 200
    lea.post("/store/switch", {"store_id": str(web.cast.cycles)})
    for path in ("/store/messages", "/store/messages?have=x", "/store/messages/new", "/store/messages/unread-count"):
        answer = lea.get(path, htmx=True, headers=headers)
        assert (answer.status_code, answer.data) == (412, b""), path
    form = {"conversation_type": "store_customer", "recipient_type": "customer", "recipient_id": str(web.cast.jun.id)}
    form |= {"subject": "In the wrong name", "content": "Hello"}
    assert lea.post("/store/messages", form, htmx=True, headers=headers).status_code == 412
    assert "In the wrong name" not in lea.get("/store/messages").text
    assert lea.post("/store/messages", form, htmx=True).status_code == 204, "the page of the store one is in may"


def test_a_store_that_closed_or_was_left_is_offered_to_nobody(web: Web) -> None:
    lea = web.signed_in("lea")
    bring_in(web, stores=[{"code": "cycles", "active": False}])
    assert "Northwind" not in lea.get("/store/messages").text
    assert lea.post("/store/switch", {"store_id": str(web.cast.cycles)}).status_code == 404


def test_a_link_that_names_another_store_offers_to_switch_and_switches_nothing(
    web: Web, numbers: dict[str, int]
) -> None:
    lea = web.signed_in("lea")
    link = f"/store/messages/{numbers['cycles-jun']}"
    offer = lea.get(f"{link}?store=cycles")
    assert offer.status_code == 200
    assert "Northwind Cycles" in offer.text and f'value="{web.cast.cycles}"' in offer.text
    assert "Your bicycle" not in offer.text
    assert lea.get(link).status_code == 404, "the offer switched by itself"
    onward = re.search(r'name="next" value="([^"]*)"', offer.text.split("<main", 1)[1])
    assert onward
    gone = lea.post("/store/switch", {"store_id": str(web.cast.cycles), "next": onward.group(1)})
    assert gone.location == link
    assert lea.get(link).status_code == 200
    assert lea.get(f"{link}?store=cycles").status_code == 200, "the store one is in needs no offer"
    sam = web.signed_in("sam")
    assert "Northwind" not in sam.get(f"/store/messages/{numbers['bakery-cleo']}?store=cycles").text
