"""Directory import: what conversations can be about, by the rules of the API."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from messaging_app import doctor
from messaging_app.extensions import db
from messaging_app.models import Context, Customer
from tests.commands.files import Import, everything, person, problems, store

CAKE: dict[str, Any] = {
    "kind": "order",
    "reference": "4711",
    "customer": {"external_id": "C-1"},
    "title": "A cake",
    "url": "https://shop.example/4711",
    "state": "Paid",
    "facts": [{"label": "Total", "value": "42 €"}],
    "version": 3,
}


def bakery(*contexts: dict[str, Any]) -> dict[str, Any]:
    return store(customers=[person("cleo", external_id="C-1"), person("omar")], contexts=list(contexts))


def stored() -> dict[tuple[str, str], tuple[Any, ...]]:
    query = select(Context.kind, Context.reference, Context.title, Context.state, Context.version, Customer.name)
    rows = db.session.execute(query.outerjoin(Customer, Customer.id == Context.customer_id)).all()
    db.session.rollback()
    return {(kind, reference): tuple(rest) for kind, reference, *rest in rows}


def test_orders_come_in_with_their_customers_and_again_changes_nothing(bring_in: Import) -> None:
    of_omar = CAKE | {"kind": "return", "customer": {"email": "OMAR@mail.example"}, "state": None}
    payout = {"kind": "payout", "reference": "2026-03", "title": "March", "version": 1}
    changes = bring_in(stores=[bakery(CAKE, of_omar, payout)])
    assert changes.counts["contexts", "new"] == 3
    assert stored() == {
        ("order", "4711"): ("A cake", "Paid", 3, "Cleo"),
        ("return", "4711"): ("A cake", None, 3, "Omar"),
        ("payout", "2026-03"): ("March", None, 1, None),
    }
    row = db.session.execute(select(Context).where(Context.kind == "order")).scalar_one()
    assert (row.facts, row.url) == (CAKE["facts"], CAKE["url"])
    db.session.rollback()
    before = everything()
    assert bring_in(stores=[bakery(CAKE, of_omar, payout)]).counts["contexts", "unchanged"] == 3
    assert everything() == before
    assert not doctor.examine().broken


def test_only_a_newer_version_changes_anything(bring_in: Import) -> None:
    bring_in(stores=[bakery(CAKE)])
    bring_in(stores=[bakery(CAKE | {"version": 2, "state": "Older"})])
    assert stored()["order", "4711"][1:3] == ("Paid", 3)
    without_customer = {name: value for name, value in CAKE.items() if name != "customer"}
    bring_in(stores=[bakery(without_customer | {"version": 4, "state": "Baking"})])
    assert stored()["order", "4711"] == ("A cake", "Baking", 4, "Cleo")


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"kind": "parcel"}, "kind: This must be one of order"),
        ({"reference": "x" * 101}, "reference: This can have at most 100 characters."),
        ({"url": "javascript:alert(1)"}, "url: The address must begin with http:// or https://"),
        ({"title": ""}, "title: Fill this in."),
        ({"facts": [{"label": "x", "value": "y" * 1_048_576}]}, "facts: This can have at most 200 characters."),
        ({"facts": [{"label": "x", "value": "y"}] * 9}, "facts: There can be at most 8 facts."),
        ({"facts": [{"label": "x"}]}, "facts[0].value: is missing."),
        ({"version": 0}, "version: Input should be greater than or equal to 1."),
        ({"version": 2**63}, "version: Input should be less than or equal to"),
        ({"customer": {"external_id": "C-9"}}, "customer: is no customer of this store."),
        ({"customer": {"external_id": "C-1", "email": "cleo@mail.example"}}, "customer: Name the customer by"),
        ({"colour": "red"}, "colour: is not a known key."),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
)
def test_what_cannot_be_is_refused_with_its_place_and_nothing_is_written(
    bring_in: Import, wrong: dict[str, Any], says: str
) -> None:
    refused = problems(lambda: bring_in(stores=[bakery(CAKE | {"reference": "1"}, CAKE | wrong)]))
    assert refused.startswith(f"stores[0].contexts[1].{says}")
    assert stored() == {}


def test_one_number_twice_and_another_customers_are_refused(bring_in: Import) -> None:
    twice = problems(lambda: bring_in(stores=[bakery(CAKE, CAKE | {"kind": "return"}, CAKE | {"reference": " 4711 "})]))
    assert twice == "stores[0].contexts[2].reference: already used at stores[0].contexts[0].reference."
    bring_in(stores=[bakery(CAKE)])
    of_omar = CAKE | {"customer": {"email": "omar@mail.example"}, "version": 9}
    refused = problems(lambda: bring_in(stores=[bakery(of_omar)]))
    assert refused == "stores[0].contexts[0].customer: is another than that of the same number in the database."
