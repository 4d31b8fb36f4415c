"""The demo data: some users and conversations to try things with. The texts are in `data/demo.json`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from importlib.resources import files

from sqlalchemy import exists, or_, select

from messaging_app import directory
from messaging_app.db.engine import now, writing
from messaging_app.db.types import DbSession
from messaging_app.demo import errands, orders
from messaging_app.demo.stories import Cast, Person, Story, store_of, write
from messaging_app.extensions import db
from messaging_app.models import Conversation, Customer, SavedReply, SavedView, Store, User
from messaging_app.policies import ADMIN, STORE, STOREFRONT
from messaging_app.search import indexing
from messaging_app.services import audit
from messaging_app.text import email_key


class NotEmpty(Exception):
    """The database contains other data than the demo."""


def is_empty() -> bool:
    """Whether the database has no users or customers yet. One statement."""
    return not db.session.scalar(
        select(or_(*(exists(select(model.id)) for model in (Store, User, Customer, Conversation))))
    )


def load(progress: Callable[[str], None] = lambda line: None) -> bool:
    """Load the demo users and their conversations, with times relative to now, all or nothing; then run their errands.

    Returns False and does nothing if they are already loaded. Raises `NotEmpty` if the database has other users.
    """
    if _is_loaded():
        return False
    _refuse_others()
    cast = _read()
    plan = directory.make_plan(directory.parse(cast["directory"]))
    directory.prepare_secrets(plan, progress)
    with writing(db.session) as session:
        _refuse_others()  # hashing passwords took a while
        directory.apply(session, plan)
        people = _cast(session, cast["directory"])
        moment = now()
        contexts = orders.write(session.connection(), cast["contexts"], people, moment)
        reasons = orders.write_reasons(session, cast["reasons"])
        for story in cast["conversations"]:
            about = contexts.get((people.stores[store_of(story, people)], story.get("about", "")))
            write(session.connection(), story, people, moment, about, reasons.get(story.get("reason", "")))
        session.add_all(_views(cast["views"], people))
        session.add_all(_saved_replies(cast["saved_replies"], people))
        audit.record(session, None, "demo.loaded", audit.Object("platform", "demo"))
    errands.run(people)
    indexing.run(db.session)
    return True


def sign_in_lines(base_url: str) -> list[str]:
    """Return each role's sign-in address below `base_url` and, if the demo is loaded, the users and passwords."""
    cast = _read()["directory"]
    pages = {"Admin": ADMIN.login, "Store staff": STORE.login, "Customer": STOREFRONT.login}
    if not _is_loaded():
        return [f"{role:<12} {base_url}{page}" for role, page in pages.items()]
    rows = [("Admin", base_url + ADMIN.login, person, "") for person in cast["admins"]]
    staff = {p["email"]: p for store in cast["stores"] for p in store["staff"] if "password" in p}
    for email, person in staff.items():
        names = [s["name"] for s in cast["stores"] if any(p["email"] == email for p in s["staff"])]
        rows.append(("Store staff", base_url + STORE.login, person, f" ({', '.join(names)})"))
    for store in cast["stores"]:
        page = f"{base_url}{STOREFRONT.login}?store={store['code']}"
        rows += [("Customer", page, person, f" ({store['name']})") for person in store["customers"]]
    wide = max(len(page) for _, page, _, _ in rows)
    return [
        f"{role:<12} {page:<{wide}}  {person['email']:<21} {person['password']:<16} {person['name']}{where}"
        for role, page, person, where in rows
    ]


def _refuse_others() -> None:
    if not is_empty():
        raise NotEmpty("This database holds other data. The demo cast goes into an empty one only.")


def _read() -> Story:
    text = (files("messaging_app") / "data" / "demo.json").read_text(encoding="utf-8")
    cast: Story = json.loads(text)
    return cast


def _is_loaded() -> bool:
    """Whether the database contains the demo users and no others."""
    cast = _read()["directory"]
    users = {email_key(p["email"]) for p in cast["admins"] + [s for store in cast["stores"] for s in store["staff"]]}
    customers = {email_key(person["email"]) for store in cast["stores"] for person in store["customers"]}
    codes = {store["code"] for store in cast["stores"]}
    found = select(
        exists(select(User.id).where(User.email_key.in_(users))),
        exists(select(User.id).where(User.email_key.not_in(users))),
        exists(select(Customer.id).where(Customer.email_key.not_in(customers))),
        exists(select(Store.id).where(Store.code.not_in(codes))),
    )
    some, *others = db.session.execute(found).one()
    return bool(some) and not any(others)


def _cast(session: DbSession, people: Story) -> Cast:
    """Return all demo users with their database ids."""
    user_rows = session.execute(select(User.email, User.id, User.name))
    users = {email: Person(number, name) for email, number, name in user_rows}
    customer_rows = session.execute(select(Customer.email, Customer.id, Customer.name))
    customers = {email: Person(number, name) for email, number, name in customer_rows}
    stores = people["stores"]
    return Cast(
        stores={row.code: row.id for row in session.execute(select(Store.code, Store.id))},
        admins={_nick(person): users[person["email"]] for person in people["admins"]},
        staff={store["code"]: {_nick(p): users[p["email"]] for p in store["staff"]} for store in stores},
        customers={_nick(p): (store["code"], customers[p["email"]]) for store in stores for p in store["customers"]},
    )


def _views(entries: list[Story], people: Cast) -> Iterator[SavedView]:
    """Yield the views: a store's or the platform's, of one person where one is named."""
    for entry in entries:
        staff = people.staff[entry["store"]] if "store" in entry else people.admins
        user_id = staff[entry["person"]].id if "person" in entry else None
        store_id = people.stores.get(entry.get("store", ""))
        yield SavedView(store_id=store_id, user_id=user_id, name=entry["name"], query=entry["query"])


def _saved_replies(entries: list[Story], people: Cast) -> Iterator[SavedReply]:
    """Yield what stores, and the platform for all of them, keep to answer with."""
    for entry in entries:
        store_id = people.stores.get(entry.get("store", ""))
        yield SavedReply(store_id=store_id, name=entry["name"], text=entry["text"], used=entry["used"])


def _nick(person: dict[str, str]) -> str:
    return person["email"].partition("@")[0]
