"""Every sender and every recipient of the three kinds of conversation: who is woken, counted and mailed.

Lea is staff of both stores, Ada an admin; the tables name everybody whom a message of the sender concerns. Everybody
else of the cast must notice nothing.
"""

from __future__ import annotations

import json
from contextlib import suppress

import pytest

from messaging_app.actors import Actor
from messaging_app.bus import Subscription, current_bus
from messaging_app.db.engine import writing
from messaging_app.errors import NotFound
from messaging_app.extensions import db
from messaging_app.models import Customer, Store, StoreMembership, User
from messaging_app.models.platform import OWNER
from messaging_app.services import assignment, inboxes, messaging
from messaging_app.services.announcements import topics_of
from tests.cast import Cast
from tests.post import Post

NAMES = ("ada", "abe", "sam", "nadia", "lea", "lea_at_cycles", "tomas", "cleo", "omar", "jun")
BAKERY = {"sam", "nadia", "lea"}
ADMINS = {"ada", "abe"}

# conversation, sender: woken beside the sender, counted, mailed
PAIRS = [
    ("store_customer", "sam", BAKERY | {"cleo"}, {"nadia", "lea", "cleo"}, {"cleo"}),
    ("store_customer", "nadia", BAKERY | {"cleo"}, {"sam", "lea", "cleo"}, {"cleo"}),
    ("store_customer", "cleo", BAKERY | {"cleo"}, BAKERY, BAKERY),
    ("admin_store", "ada", ADMINS | BAKERY, BAKERY, BAKERY),
    ("admin_store", "abe", ADMINS | BAKERY, {"ada"} | BAKERY, BAKERY),
    ("admin_store", "sam", ADMINS | BAKERY, {"ada", "nadia", "lea"}, {"ada"}),
    ("admin_customer", "ada", ADMINS | {"cleo"}, {"cleo"}, {"cleo"}),
    ("admin_customer", "abe", ADMINS | {"cleo"}, {"ada", "cleo"}, {"cleo"}),
    ("admin_customer", "cleo", ADMINS | {"cleo"}, {"ada"}, {"ada"}),
]


@pytest.mark.parametrize(("kind", "sender", "woken", "counted", "mailed"), PAIRS)
def test_a_message_reaches_exactly_those_whom_it_concerns(
    post: Post, kind: str, sender: str, woken: set[str], counted: set[str], mailed: set[str]
) -> None:
    number = begin(post, kind)
    everybody_reads(post.cast, number)
    listening = {name: listen(getattr(post.cast, name)) for name in NAMES}
    messaging.send_message(getattr(post.cast, sender), number, "What about this?")
    roused = {name for name, stream in listening.items() if heard(stream) == [number]}
    for stream in listening.values():
        stream.close()  # one person may have few
    assert roused == woken
    assert {name for name in NAMES if unread(getattr(post.cast, name))} == counted
    assert set(post.receivers()) == mailed


# conversation, who begins it: woken beside the beginner, counted, mailed
BEGUN = [
    ("store_customer", BAKERY | {"cleo"}, {"nadia", "lea", "cleo"}, {"cleo"}),
    ("admin_store", ADMINS | BAKERY, BAKERY, BAKERY),
    ("admin_customer", ADMINS | {"cleo"}, {"cleo"}, {"cleo"}),
]


@pytest.mark.parametrize(("kind", "woken", "counted", "mailed"), BEGUN)
def test_a_conversation_that_begins_reaches_exactly_those_whom_it_concerns(
    post: Post, kind: str, woken: set[str], counted: set[str], mailed: set[str]
) -> None:
    listening = {name: listen(getattr(post.cast, name)) for name in NAMES}
    number = begin(post, kind)
    assert {name for name, stream in listening.items() if heard(stream) == [number]} == woken
    assert {name for name in NAMES if unread(getattr(post.cast, name))} == counted
    assert set(post.receivers()) == mailed


SIDES = {
    "store_customer": (BAKERY, {"cleo"}),
    "admin_store": (ADMINS, BAKERY),
    "admin_customer": (ADMINS, {"cleo"}),
}


@pytest.mark.parametrize("kind", SIDES)
def test_where_everybody_has_written_each_one_reaches_all_the_others(post: Post, kind: str) -> None:
    """Every sender to every recipient: all others are woken and counted, those of the other side are mailed."""
    number = begin(post, kind)
    everybody, side_of = set().union(*SIDES[kind]), {name: side for side in SIDES[kind] for name in side}
    for name in everybody:
        messaging.send_message(getattr(post.cast, name), number, "Here I am")
    everybody_reads(post.cast, number)
    for turn, (sender, side) in enumerate(sorted(side_of.items())):
        listening = {name: listen(getattr(post.cast, name)) for name in NAMES}
        messaging.send_message(getattr(post.cast, sender), number, "What about this?")
        assert {name for name, stream in listening.items() if heard(stream) == [number]} == everybody, sender
        assert {name for name in NAMES if unread(getattr(post.cast, name))} == everybody - {sender}, sender
        assert set(post.receivers(20 * (turn + 1))) == everybody - side, sender
        everybody_reads(post.cast, number)
        for stream in listening.values():
            stream.close()


def begin(post: Post, kind: str) -> int:
    people = post.cast
    if kind == "store_customer":
        return post.begin(people.sam, people.cleo)
    return post.begin(people.ada, people.bakery if kind == "admin_store" else people.cleo)


def everybody_reads(people: Cast, number: int) -> None:
    for name in NAMES:
        with suppress(NotFound):
            messaging.mark_conversation_read(getattr(people, name), number)


def unread(actor: Actor) -> int:
    db.session.rollback()
    return inboxes.get_unread_count(actor)


def listen(actor: Actor) -> Subscription:
    bus = current_bus()
    stream = bus.listen(f"{actor.type}:{actor.id}", topics_of(actor), bus.position())
    assert stream is not None
    return stream


def heard(stream: Subscription) -> list[int]:
    """The conversations whose messages a stream was woken for."""
    wakes = [delivered.event for delivered in iter(lambda: stream.next(0), None)]
    return [json.loads(wake.data)["id"] for wake in wakes if wake.kind == "message"]


def test_somebody_who_is_both_admin_and_staff_is_not_mailed_their_own_words(post: Post) -> None:
    """Ada also works in the bakery, where the platform's message reaches her second seat."""
    people = post.cast
    _also_staff(people.ada, people.bakery)
    number = post.begin(people.ada, people.bakery)
    assert post.receivers() == ["lea", "nadia", "sam"]
    messaging.send_message(people.abe, number, "And from me")
    assert "ada" in post.receivers(40)


def test_one_person_in_two_seats_gets_one_mail(post: Post) -> None:
    """Ada sits on both sides; Abe writes to her as staff, Sam to her as admin, in the same minutes."""
    people = post.cast
    _also_staff(people.ada, people.bakery)
    number = post.begin(people.ada, people.bakery)
    everybody_reads(people, number)
    post.sweep(2.1)
    post.take()
    messaging.send_message(people.abe, number, "From the platform")
    messaging.send_message(people.sam, number, "From the store")
    assert post.receivers(30).count("ada") == 1


def test_a_customer_with_the_senders_own_address_gets_no_mail(post: Post) -> None:
    """Sam is a customer of the bakery as well, under the same address."""
    people = post.cast
    with writing(db.session) as session:
        sam = session.get_one(User, people.sam.id)
        session.get_one(Customer, people.omar.id).email_key = sam.email_key
    number = post.begin(people.sam, people.omar)
    assert post.receivers() == []
    messaging.send_message(people.nadia, number, "But this is for you")
    assert len(post.receivers(30)) == 1


def _also_staff(actor: Actor, store_id: int) -> None:
    with writing(db.session) as session:
        session.add(StoreMembership(store_id=store_id, user_id=actor.id))


def test_no_mail_comes_about_a_colleagues_conversation(post: Post) -> None:
    cast = post.cast
    with writing(db.session) as session:
        session.get_one(StoreMembership, (cast.bakery, cast.sam.id)).role = OWNER
        session.get_one(Store, cast.bakery).staff_see_only_assigned = True
    number = post.begin(cast.sam, cast.cleo)
    assignment.assign(cast.sam, number, cast.lea.id)
    post.receivers()
    messaging.send_message(cast.cleo, number, "When?")
    assert set(post.receivers(minutes=40)) == {"sam", "lea"}
