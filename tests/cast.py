"""The cast of the tests, explained once.

The platform has two admins, Ada and Abe. The bakery's staff are Sam (owner) and Nadia; the cycle shop's is Tomas (owner).
Lea works in both. Cleo and Omar are customers of the bakery, Jun is one of the cycle shop. Ada is number 1 among users as
Cleo is among customers, so a look-up that forgets the type finds the wrong person.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from pwdlib.hashers.argon2 import Argon2Hasher

from messaging_app.actors import Actor, ActorType
from messaging_app.db.engine import writing
from messaging_app.extensions import db
from messaging_app.models import Customer, RecipientTerm, Store, StoreMembership, User
from messaging_app.text import email_key, search_key

PASSWORD = "correct horse"


CHEAP = Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1)  # real argon2id at the lowest cost


@cache
def cheap_hash() -> str:
    """A hash of PASSWORD that costs next to nothing, for tests do not test argon2."""
    return CHEAP.hash(PASSWORD)


@dataclass(frozen=True)
class Cast:
    """Actors by name, and the numbers of the two stores."""

    ada: Actor
    abe: Actor
    sam: Actor
    nadia: Actor
    tomas: Actor
    lea: Actor
    lea_at_cycles: Actor
    cleo: Actor
    omar: Actor
    jun: Actor
    bakery: int
    cycles: int


EMAILS = {
    name: f"{name}@mail.example" for name in ("ada", "abe", "sam", "nadia", "tomas", "lea", "cleo", "omar", "jun")
}


def bring_in() -> Cast:
    """Write the cast into the database of the current application."""
    with writing(db.session) as session:
        stores = [Store(code=code, name=name, sort_name=search_key(name)) for code, name in _STORES]
        users = {name: User(**_person(name), is_admin=name in ("ada", "abe")) for name in _USERS}
        session.add_all([*stores, *users.values()])
        session.flush()  # numbers them as they stand here
        bakery, cycles = (store.id for store in stores)
        staff = (("sam", bakery), ("nadia", bakery), ("lea", bakery), ("lea", cycles), ("tomas", cycles))
        session.add_all(
            StoreMembership(store_id=store_id, user_id=users[name].id, role="owner" if name in _OWNERS else "staff")
            for name, store_id in staff
        )
        customers = {
            name: Customer(**_person(name), store_id=store_id, sort_name=name)
            for name, store_id in (("cleo", bakery), ("omar", bakery), ("jun", cycles))
        }
        session.add_all(customers.values())
        session.flush()
        for store in stores:
            _terms(session, "store", store.id, store.id, store.name, store.code)
        for name, customer in customers.items():
            _terms(session, "customer", customer.id, customer.store_id, name, EMAILS[name])
        return Cast(
            **{name: Actor(ActorType.ADMIN, users[name].id, users[name].name) for name in ("ada", "abe")},
            **{
                name: Actor(ActorType.STORE, users[name].id, users[name].name, bakery, is_owner=name in _OWNERS)
                for name in ("sam", "nadia", "lea")
            },
            tomas=Actor(ActorType.STORE, users["tomas"].id, "Tomas", cycles, is_owner=True),
            lea_at_cycles=Actor(ActorType.STORE, users["lea"].id, "Lea", cycles),
            **{name: Actor(ActorType.CUSTOMER, customers[name].id, customers[name].name, bakery) for name in _BAKERY},
            jun=Actor(ActorType.CUSTOMER, customers["jun"].id, "Jun", cycles),
            bakery=bakery,
            cycles=cycles,
        )


_USERS = ("ada", "abe", "sam", "nadia", "tomas", "lea")
_OWNERS = ("sam", "tomas")
_STORES = (("bakery", "Bakery"), ("cycles", "Northwind Cycles"))
_BAKERY = ("cleo", "omar")


def _person(name: str) -> dict[str, str]:
    email = EMAILS[name]
    return {"name": name.title(), "email": email, "email_key": email_key(email), "password_hash": cheap_hash()}


def _terms(session: object, kind: str, number: int, store_id: int, *texts: str) -> None:
    for term in RecipientTerm.words(*texts):
        session.add(RecipientTerm(recipient_type=kind, recipient_id=number, term=term, store_id=store_id))  # type: ignore[attr-defined]
