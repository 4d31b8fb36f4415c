"""People who go and come back by a directory file: their sessions end, their seats catch up."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, text, update
from sqlalchemy.engine import Connection

from messaging_app import directory, doctor
from messaging_app.accounts import tokens
from messaging_app.actors import Actor, ActorType
from messaging_app.db.engine import writing
from messaging_app.directory import seats
from messaging_app.extensions import db
from messaging_app.models import (
    Conversation,
    ConversationParticipant,
    Customer,
    Message,
    Store,
    StoreMembership,
    User,
)
from messaging_app.services import messaging
from tests import cast
from tests.commands.files import Import, alive, importer, person, problems, sign_in


@pytest.fixture
def talk(cast_of: cast.Cast) -> dict[str, int]:
    return talk_of(cast_of)


def talk_of(who: cast.Cast) -> dict[str, int]:
    """A conversation of each type in the bakery and one in the cycle shop, each with two messages."""
    said: dict[str, int] = {}
    for name, starter, kind, recipient_type, recipient, answerer in (
        ("shop", who.sam, "store_customer", "customer", who.cleo.id, who.cleo),
        ("office", who.ada, "admin_store", "store", who.bakery, who.sam),
        ("support", who.ada, "admin_customer", "customer", who.cleo.id, who.cleo),
        ("elsewhere", who.lea_at_cycles, "store_customer", "customer", who.jun.id, who.jun),
    ):
        said[name] = messaging.create_conversation(
            starter,
            conversation_type=kind,
            recipient_type=recipient_type,
            recipient_id=recipient,
            subject=name,
            content="first",
        ).conversation_id
        messaging.send_message(answerer, said[name], "second")
    return said


def seat(actor: Actor, conversation: int) -> tuple[int, int]:
    """(unread_count, last_read_seq) of somebody's seat."""
    own = ConversationParticipant
    query = select(own.unread_count, own.last_read_seq).where(
        own.conversation_id == conversation, own.belongs_to(actor)
    )
    found = db.session.execute(query).one()
    db.session.rollback()
    return found.unread_count, found.last_read_seq


def of(name: str, **more: Any) -> dict[str, Any]:
    """An entry of the tests' cast."""
    return {"email": cast.EMAILS[name], **more}


def test_an_ended_membership_ends_the_sessions_in_that_store_only(bring_in: Import, cast_of: cast.Cast) -> None:
    lea = cast_of.lea.id
    sign_in(ActorType.STORE, lea, cast_of.bakery)
    others = {sign_in(ActorType.STORE, lea, cast_of.cycles), sign_in(ActorType.STORE, cast_of.sam.id, cast_of.bakery)}
    bring_in(stores=[{"code": "bakery", "staff": [of("lea", active=False)]}])
    assert alive() == others
    query = select(StoreMembership.store_id, StoreMembership.active).where(StoreMembership.user_id == lea)
    assert dict(map(tuple, db.session.execute(query))) == {cast_of.bakery: False, cast_of.cycles: True}


def test_a_store_that_closes_ends_the_sessions_of_its_people(bring_in: Import, cast_of: cast.Cast) -> None:
    sign_in(ActorType.STORE, cast_of.sam.id, cast_of.bakery)
    sign_in(ActorType.CUSTOMER, cast_of.cleo.id, cast_of.bakery)
    others = {sign_in(ActorType.STORE, cast_of.lea.id, cast_of.cycles), sign_in(ActorType.ADMIN, cast_of.ada.id)}
    bring_in(stores=[{"code": "bakery", "active": False}])
    assert alive() == others


def test_a_deactivated_admin_or_customer_is_signed_out(bring_in: Import, cast_of: cast.Cast) -> None:
    sign_in(ActorType.ADMIN, cast_of.ada.id)
    sign_in(ActorType.CUSTOMER, cast_of.cleo.id, cast_of.bakery)
    others = {sign_in(ActorType.ADMIN, cast_of.abe.id), sign_in(ActorType.CUSTOMER, cast_of.omar.id, cast_of.bakery)}
    bring_in(admins=[of("ada", active=False)], stores=[{"code": "bakery", "customers": [of("cleo", active=False)]}])
    assert alive() == others


@pytest.mark.parametrize("in_the_same_file", [False, True])
def test_whoever_is_admin_no_more_stays_staff(
    bring_in: Import, cast_of: cast.Cast, talk: dict[str, int], in_the_same_file: bool
) -> None:
    ada, place = cast_of.ada.id, {"code": "bakery", "staff": [of("ada")]}
    if not in_the_same_file:
        bring_in(stores=[place])
    as_admin = tokens.create_token(ActorType.ADMIN, ada, None, "a program")
    sign_in(ActorType.ADMIN, ada)
    others = {sign_in(ActorType.STORE, ada, cast_of.bakery), sign_in(ActorType.ADMIN, cast_of.abe.id)}
    bring_in(admins=[of("ada", active=False)], stores=[place] if in_the_same_file else [])
    rights = select(User.is_admin, User.active).where(User.id == ada)
    assert tuple(db.session.execute(rights).one()) == (False, True)
    assert alive() == others and tokens.find_bearer(as_admin) is None
    frozen = seat(cast_of.ada, talk["office"])
    as_staff = Actor(ActorType.STORE, ada, "Ada", cast_of.bakery)
    messaging.send_message(cast_of.sam, talk["office"], "to the platform")
    messaging.send_message(cast_of.cleo, talk["shop"], "to the store")
    assert seat(cast_of.ada, talk["office"]) == frozen and seat(as_staff, talk["shop"]) == (1, 2)
    assert not doctor.examine().broken
    changes = bring_in(admins=[of("ada", active=False)])
    assert changes.counts["users", "unchanged"] == 1
    bring_in(admins=[of("ada")])
    assert tuple(db.session.execute(rights).one()) == (True, True)
    assert seat(cast_of.ada, talk["office"]) == (0, 3) and not doctor.examine().broken


def test_a_new_entry_that_is_no_admin_is_none(bring_in: Import, cast_of: cast.Cast) -> None:
    bring_in(admins=[person("zoe", active=False)])
    found = db.session.execute(select(User.is_admin, User.active).where(User.name == "Zoe")).one()
    assert tuple(found) == (False, False)


def test_tokens_of_those_who_went_are_ended_for_good(bring_in: Import, cast_of: cast.Cast) -> None:
    who = cast_of
    here, there = (
        tokens.create_token(ActorType.STORE, who.lea.id, store_id, "a program") for store_id in (who.bakery, who.cycles)
    )
    bring_in(stores=[{"code": "bakery", "staff": [of("lea", active=False)]}])
    bring_in(stores=[{"code": "bakery", "staff": [of("lea", active=True)]}])
    assert tokens.find_bearer(here) is None
    assert tokens.find_bearer(there) is not None


def test_whoever_is_inactive_stays_so_until_an_entry_says_otherwise(bring_in: Import, cast_of: cast.Cast) -> None:
    def entries(**more: Any) -> dict[str, Any]:
        people = {"staff": [of("sam", **more)], "customers": [of("cleo", **more)]}
        return {"admins": [of("ada", **more)], "stores": [{"code": "bakery", **more, **people}]}

    def active() -> list[bool | None]:
        query = (
            select(User.active).where(User.id == cast_of.ada.id),
            select(Store.active).where(Store.id == cast_of.bakery),
            select(StoreMembership.active).where(StoreMembership.user_id == cast_of.sam.id),
            select(Customer.active).where(Customer.id == cast_of.cleo.id),
        )
        return [db.session.scalar(one) for one in query]

    bring_in(**entries(active=False))
    assert active() == [False] * 4
    bring_in(**entries())
    assert active() == [False] * 4
    bring_in(**entries(active=True))
    assert active() == [True] * 4


@pytest.mark.parametrize(
    ("away", "who", "where", "writer"),
    [
        pytest.param(
            lambda on: {"stores": [{"code": "bakery", "staff": [of("sam", active=on)]}]},
            "sam", "shop", "cleo", id="a membership",
        ),
        pytest.param(
            lambda on: {"stores": [{"code": "bakery", "customers": [of("cleo", active=on)]}]},
            "cleo", "shop", "sam", id="a customer",
        ),
        pytest.param(
            lambda on: {"stores": [{"code": "bakery", "customers": [of("cleo", active=on)]}]},
            "cleo", "support", "ada", id="a customer, towards the platform",
        ),
        pytest.param(lambda on: {"admins": [of("ada", active=on)]}, "ada", "office", "sam", id="an admin"),
        pytest.param(
            lambda on: {"stores": [{"code": "bakery", "active": on}]}, "sam", "office", "ada", id="a store, its staff"
        ),
        pytest.param(
            lambda on: {"stores": [{"code": "bakery", "active": on}]}, "cleo", "support", "ada", id="a store, its customer"
        ),
    ],
)  # fmt: skip
def test_whoever_comes_back_has_read_what_was_said_meanwhile(
    bring_in: Import, cast_of: cast.Cast, talk: dict[str, int], away: Any, who: str, where: str, writer: str
) -> None:
    actor, conversation = getattr(cast_of, who), talk[where]
    elsewhere = seat(cast_of.lea_at_cycles, talk["elsewhere"]), seat(cast_of.jun, talk["elsewhere"])
    bring_in(**away(False))
    frozen = seat(actor, conversation)
    messaging.send_message(getattr(cast_of, writer), conversation, "while you were away")
    assert seat(actor, conversation) == frozen
    assert not doctor.examine().broken
    bring_in(**away(True))
    last = db.session.scalar(select(Conversation.last_seq).where(Conversation.id == conversation))
    assert seat(actor, conversation) == (0, last)
    assert (seat(cast_of.lea_at_cycles, talk["elsewhere"]), seat(cast_of.jun, talk["elsewhere"])) == elsewhere
    assert not doctor.examine().broken
    messaging.send_message(getattr(cast_of, writer), conversation, "welcome back")
    assert seat(actor, conversation) == (1, last)
    assert not doctor.examine().broken


def test_a_user_who_comes_back_has_read_everything_in_every_role(
    bring_in: Import, cast_of: cast.Cast, talk: dict[str, int]
) -> None:
    bring_in(stores=[{"code": "bakery", "staff": [of("ada")]}])
    messaging.send_message(cast_of.cleo, talk["shop"], "for everybody")
    as_staff = Actor(ActorType.STORE, cast_of.ada.id, "Ada", cast_of.bakery)
    assert seat(as_staff, talk["shop"]) == (1, 2)
    with writing(db.session) as session:
        session.execute(update(User).where(User.id == cast_of.ada.id).values(active=False))
    messaging.send_message(cast_of.cleo, talk["shop"], "and another one")
    bring_in(admins=[of("ada", active=True)])
    assert seat(as_staff, talk["shop"]) == (0, 4)
    assert seat(cast_of.ada, talk["office"]) == (0, 2)
    assert not doctor.examine().broken


def test_whoever_is_made_admin_again_has_read_everything(
    bring_in: Import, cast_of: cast.Cast, talk: dict[str, int]
) -> None:
    with writing(db.session) as session:
        session.execute(update(User).where(User.id == cast_of.ada.id).values(is_admin=False))
    messaging.send_message(cast_of.sam, talk["office"], "is anybody there?")
    bring_in(admins=[of("ada")])
    assert seat(cast_of.ada, talk["office"]) == (0, 3)
    assert not doctor.examine().broken


@contextmanager
def transaction() -> Iterator[Connection]:
    """One of somebody else's, on a connection of its own."""
    with db.engine.connect() as connection:
        connection = connection.execution_options(isolation_level="READ COMMITTED")
        with connection.begin():
            yield connection


def start_and_wait_for_lock(other: threading.Thread) -> None:
    other.start()
    waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    for _ in range(200):
        with db.engine.connect() as watcher:
            if watcher.scalar(waiting):
                return
        other.join(0.02)
    raise AssertionError("nobody waits for a lock")


@pytest.mark.postgres
def test_a_send_that_waits_for_a_return_counts_for_who_came_back(postgres_app: Flask, tmp_path: Path) -> None:
    """Its one statement began while Sam was away; when it holds the conversation, he is there and has read the rest."""
    bring_in, who = importer(tmp_path), cast.bring_in()
    shop = talk_of(who)["shop"]
    bring_in(stores=[{"code": "bakery", "staff": [of("sam", active=False)]}])

    def send() -> None:
        with postgres_app.app_context():
            messaging.send_message(who.cleo, shop, "third")

    sending = threading.Thread(target=send)
    with transaction() as returning:
        own = (StoreMembership.user_id == who.sam.id) & (StoreMembership.store_id == who.bakery)
        returning.execute(update(StoreMembership).where(own).values(active=True))
        seats.staff_return(returning, [(who.bakery, who.sam.id)])
        start_and_wait_for_lock(sending)
    sending.join()
    assert seat(who.sam, shop) == (1, 2)
    assert not doctor.examine().broken


@pytest.mark.postgres
def test_a_message_sent_at_the_moment_of_return_is_not_lost_to_the_count(postgres_app: Flask, tmp_path: Path) -> None:
    """The sender saw Sam as away and holds the conversation; the import must wait for that message's number."""
    bring_in, who = importer(tmp_path), cast.bring_in()
    shop = talk_of(who)["shop"]
    back = {"stores": [{"code": "bakery", "staff": [of("sam", active=True)]}]}
    bring_in(stores=[{"code": "bakery", "staff": [of("sam", active=False)]}])

    def come_back() -> None:
        with postgres_app.app_context():
            bring_in(**back)

    importing = threading.Thread(target=come_back)
    with postgres_app.app_context(), writing(db.session) as sender:
        line = Conversation.take_seq(sender, who.cleo, shop, messaging.now(), "second")
        assert line is not None
        start_and_wait_for_lock(importing)
        ConversationParticipant.raise_for(sender, who.cleo, line, None)
        Message.write(sender, who.cleo, line, "second")
    importing.join()
    assert seat(who.sam, shop) == (0, 3)
    assert not doctor.examine().broken


@pytest.mark.postgres
def test_two_imports_do_not_run_at_once(postgres_app: Flask, tmp_path: Path) -> None:
    bring_in = importer(tmp_path)
    with transaction() as other:
        other.execute(text(f"SELECT pg_advisory_xact_lock({directory._ONE_IMPORT_AT_A_TIME})"))
        assert "Another import is running" in problems(lambda: bring_in(admins=[person("ada")]))
    bring_in(admins=[person("ada")])
