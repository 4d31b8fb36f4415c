"""Customers by two frequent words that hardly ever meet: after a few hundred, whole ranges are compared."""

from __future__ import annotations

from flask import Flask

from messaging_app.db.engine import writing
from messaging_app.directory import terms
from messaging_app.extensions import db
from messaging_app.models import Customer, RecipientTerm
from messaging_app.queries.console import Asked
from messaging_app.queries.words import LOOKED_UP
from messaging_app.services import customers
from tests.cast import Cast


def found(cast_of: Cast, asked: Asked) -> list[str]:
    """The names on all pages."""
    names: list[str] = []
    while True:
        page = customers.list_customers(cast_of.ada, asked)
        names += [row.name for row in page.rows]
        if not page.next_cursor:
            return names
        asked = asked._replace(cursor=page.next_cursor)


def test_whoever_has_both_is_found_once(app: Flask, cast_of: Cast) -> None:
    store_id = cast_of.bakery
    with writing(db.session) as session:
        for number in range(LOOKED_UP + 60):
            name = f"Pia{number:03} Zoraz" if number >= LOOKED_UP + 30 else f"Zora{number:03}"
            email = f"p{number}@many.example"
            customer = Customer(
                store_id=store_id, name=name, email=email, email_key=email, sort_name=terms.sort_name(name)
            )
            session.add(customer)
            session.flush()
            session.add_all(
                RecipientTerm(recipient_type="customer", recipient_id=customer.id, term=term, store_id=store_id)
                for term in (*name.lower().split(), "zorah")  # everybody has the word twice
            )
    for asked in (
        Asked("zora pia"),
        Asked("pia zor"),
        Asked("zora pia", store_id=store_id),
        Asked("zora pia", status="active"),
    ):
        names = found(cast_of, asked)
        assert len(names) == len(set(names)) == 30 and all(name.startswith("Pia") for name in names), asked
    assert found(cast_of, Asked("zora pia", status="inactive")) == []
    assert found(cast_of, Asked("zora pia", store_id=cast_of.cycles)) == []
