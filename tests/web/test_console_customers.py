"""Customers in the console: found among many, looked at, closed out and let in again."""

from __future__ import annotations

import csv
import io
import re

import pytest

from messaging_app import doctor
from messaging_app.accounts import tokens
from messaging_app.actors import ActorType
from messaging_app.db.engine import writing
from messaging_app.directory import terms
from messaging_app.extensions import db
from messaging_app.models import Customer, RecipientTerm
from tests.conftest import Browser, Web
from tests.web.test_console_stores import trail


def rows(page: str) -> list[str]:
    found = re.findall(r'<a href="/admin/customers/\d+"><bdi>(.*?)</bdi>', page)
    return [re.sub("</?mark>", "", name) for name in found]


def every_page(browser: Browser, address: str | None) -> list[str]:
    seen: list[str] = []
    while address:
        page = browser.get(address).text
        seen += rows(page)
        following = re.search(r'href="([^"]+)" rel="next"', page)
        address = following[1].replace("&amp;", "&") if following else None
    return seen


def bring_many(web: Web, count: int = 60) -> None:
    with web.app.app_context(), writing(db.session) as session:
        for number in range(count):
            name, email, external = f"Zoë Nr{number:02}", f"z{number}@many.example", f"shop-{number:04}"
            store = web.cast.cycles if number % 2 else web.cast.bakery
            customer = Customer(
                store_id=store, name=name, email=email, email_key=email, external_id=external, active=number % 3 > 0,
                sort_name=terms.sort_name(name),
            )  # fmt: skip
            session.add(customer)
            session.flush()
            session.add_all(
                RecipientTerm(recipient_type="customer", recipient_id=customer.id, term=term, store_id=store)
                for term in terms.words_of_customer(name, email, external)
            )


def test_a_customer_is_found_by_name_email_and_id_and_the_file_holds_the_same(web: Web) -> None:
    bring_many(web)
    ada = web.signed_in("ada")
    for words, found in {
        "zoe nr07": 1,
        "nr0": 10,
        "z12@many": 1,
        "shop-0012": 1,
        "oe": 0,
        "cleo": 1,
        "zo shop-00": 60,
    }.items():
        assert len(every_page(ada, f"/admin/customers?q={words.replace(' ', '+')}")) == found, words
    assert rows(ada.get("/admin/customers?sort=newest").text)[0] == "Zoë Nr59"
    assert rows(ada.get("/admin/customers?sort=-name").text)[0] == "Zoë Nr59"
    bakery = f"store_id={web.cast.bakery}"
    for query, count in {
        "": 63, "sort=-name": 63, "sort=newest": 63, "status=active": 43, "status=inactive": 20, bakery: 32, "q=zo": 60,
        f"{bakery}&status=inactive": 10, f"{bakery}&q=zo": 30, f"{bakery}&q=zo&status=inactive": 10,
        f"{bakery}&sort=newest": 32, "q=zo&status=inactive": 20,
    }.items():  # fmt: skip
        seen = every_page(ada, f"/admin/customers?{query}")
        file = ada.get(f"/admin/customers.csv?{query}").get_data(as_text=True).removeprefix("\ufeff")
        lines = list(csv.DictReader(io.StringIO(file)))
        assert len(seen) == len(set(seen)) == count, query
        assert sorted(seen) == sorted(line["name"] for line in lines), query
    assert lines[0]["store"] in ("bakery", "cycles") and lines[0]["external_id"].startswith("shop-")
    assert {entry[1] for entry in trail(web)} == {"export.made"}
    for wrong in ("?status=gone", "?sort=age", "?cursor=x", "?store_id=x"):
        assert ada.get(f"/admin/customers{wrong}").status_code == 422, wrong
    assert ada.get("/admin/customers?store_id=999").status_code == 404


def test_deactivating_asks_first_signs_out_and_is_undone(web: Web, numbers: dict[str, int]) -> None:
    ada, cleo, omar = web.signed_in("ada"), web.signed_in("cleo"), web.signed_in("omar")
    number = web.cast.cleo.id
    at = f"/admin/customers/{number}"
    with web.app.app_context():
        token = tokens.create_token(ActorType.CUSTOMER, number, web.cast.bakery, "app")
    page = ada.get(at).text
    assert "cleo@mail.example" in page and "Bakery" in page
    for asked in (ada.get(f"{at}/deactivate").text, ada.get(f"{at}/deactivate", htmx=True).text):
        assert "Ends 1 session." in asked and "Keeps 1 conversation with you." in asked and "1 API token" in asked
    assert cleo.get("/storefront/account").status_code == 200
    done = ada.post(f"{at}/deactivate")
    assert done.status_code == 303 and ada.post(f"{at}/deactivate").status_code == 303, "twice is well"
    assert cleo.get("/storefront/account").status_code == 302 and omar.get("/storefront/account").status_code == 200
    assert cleo.sign_in("storefront", "cleo").status_code == 422
    with web.app.app_context():
        assert tokens.find_bearer(token) is None
        db.session.rollback()
    page = ada.get(done.location).text
    assert "Deactivated and signed out." in page and f'action="{at}/reactivate"' in page and "Undo" in page
    assert rows(ada.get("/admin/customers?status=inactive&q=cle").text) == ["Cleo"]
    ada.post(f"/admin/messages/{numbers['admin-cleo']}/messages", {"content": "While you were out"})
    back = ada.post(f"{at}/reactivate")
    assert "Active again." in ada.get(back.location).text
    assert cleo.get("/storefront/account").status_code == 302, "what was ended stays so"
    assert cleo.sign_in("storefront", "cleo").status_code == 303
    assert [entry[1:] for entry in trail(web)][1:] == [
        ("customer.deactivated", str(number)),
        ("customer.reactivated", str(number)),
    ]
    with web.app.app_context():
        assert not doctor.examine().broken


def test_from_a_customer_to_their_conversations_and_to_a_new_one(web: Web, numbers: dict[str, int]) -> None:
    ada, cleo = web.signed_in("ada"), web.cast.cleo.id
    page = ada.get(f"/admin/customers/{cleo}").text
    link = f"/admin/messages?customer_id={cleo}&amp;status=all"
    assert link in page
    for query, found in {
        f"customer_id={cleo}": {"admin-cleo"},
        f"customer_id={cleo}&status=all": {"admin-cleo"},
        f"customer_id={cleo}&type=admin_customer": {"admin-cleo"},
        f"customer_id={cleo}&store_id={web.cast.cycles}": set(),
        f"customer_id={web.cast.omar.id}&status=all": set(),
    }.items():
        listed = set(re.findall(r'id="conversation-(\d+)"', ada.get(f"/admin/messages?{query}").text))
        assert listed == {str(numbers[name]) for name in found}, query
    assert ada.get("/admin/messages?customer_id=x").status_code == 422
    write = re.findall(r'href="(/admin/messages/new[^"]+)"', page)[-1].replace("&amp;", "&")
    assert re.search(rf'<input[^>]*name="recipient_id"[^>]*value="{cleo}"[^>]*checked', ada.get(write).text)


@pytest.mark.parametrize("who", ["sam", "nadia"])
def test_the_page_of_all_customers_is_the_platforms(web: Web, who: str) -> None:
    assert web.signed_in(who).get("/admin/customers").status_code == 302
