"""Many people at once, on a real SQLite file and a real PostgreSQL: nothing is lost, doubled, miscounted or locked."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from messaging_app import directory
from messaging_app.actors import Actor
from messaging_app.db.engine import writing
from messaging_app.errors import ConversationClosed
from messaging_app.extensions import db
from messaging_app.models import Conversation, Message
from messaging_app.services import inboxes, messaging, threads
from tests.cast import EMAILS, Cast
from tests.domain import invariants

THREADS = 8
OPERATIONS = 40


def at_once(app: Flask, *acts: Callable[[], Any]) -> list[Any]:
    """Run `acts` in threads that start together; their results in order. Whatever one of them raises, is raised."""
    results: list[Any] = [None] * len(acts)
    errors: list[BaseException] = []
    start = threading.Barrier(len(acts))

    def run(number: int, act: Callable[[], Any]) -> None:
        with app.app_context():
            try:
                start.wait(30)
                results[number] = act()
            except BaseException as error:
                errors.append(error)

    threads = [threading.Thread(target=run, args=(number, act)) for number, act in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(100)
    if errors:
        raise errors[0]
    return results


def begin(actor: Actor, kind: str, recipient_type: str, recipient_id: int) -> int:
    sent = messaging.create_conversation(
        actor,
        conversation_type=kind,
        recipient_type=recipient_type,
        recipient_id=recipient_id,
        subject="Everybody at once",
        content="Go",
    )
    return sent.conversation_id


@pytest.mark.slow
def test_eight_people_who_do_forty_things_each_leave_every_count_exact(app: Flask, cast_of: Cast) -> None:
    numbers = {
        "with the customer": begin(cast_of.sam, "store_customer", "customer", cast_of.cleo.id),
        "with the store": begin(cast_of.ada, "admin_store", "store", cast_of.bakery),
        "from the platform": begin(cast_of.ada, "admin_customer", "customer", cast_of.cleo.id),
    }
    people = [
        cast_of.sam,
        cast_of.nadia,
        cast_of.lea,
        cast_of.cleo,
        cast_of.ada,
        cast_of.abe,
        cast_of.sam,
        cast_of.cleo,
    ]
    written: Counter[int] = Counter(dict.fromkeys(numbers.values(), 1))

    def life_of(person: Actor, seed: int) -> Callable[[], Counter[int]]:
        def live() -> Counter[int]:
            dice = random.Random(seed)
            mine: Counter[int] = Counter()
            seen = [row.id for row in inboxes.list_conversations(person, status="all").rows]
            for step in range(OPERATIONS):
                number = dice.choice(seen)
                chance = dice.random()
                if chance < 0.6:
                    try:
                        messaging.send_message(person, number, f"{seed}.{step}")
                        mine[number] += 1
                    except ConversationClosed:
                        pass
                elif chance < 0.85 or person.type == "customer":
                    messaging.mark_conversation_read(person, number, dice.choice([None, step]))
                elif chance < 0.9:
                    messaging.close_conversation(person, number)
                else:
                    messaging.reopen_conversation(person, number)
            return mine

        return live

    for mine in at_once(app, *(life_of(person, seed) for seed, person in enumerate(people[:THREADS]))):
        written += mine

    assert invariants.broken() == []
    stored = select(Message.conversation_id, func.count()).where(Message.kind == "message")
    assert dict(db.session.execute(stored.group_by(Message.conversation_id)).all()) == dict(written)
    assert sum(written.values()) > 60, "hardly anything was said"


def test_ten_equal_sends_at_once_make_one_message(app: Flask, cast_of: Cast) -> None:
    number = begin(cast_of.sam, "store_customer", "customer", cast_of.cleo.id)

    def send() -> messaging.Sent:
        return messaging.send_message(cast_of.cleo, number, "Thank you!", idempotency_key="one click")

    sent = at_once(app, *[send] * 10)

    assert {s.seq for s in sent} == {2}
    assert sorted(s.repeated for s in sent) == [False] + [True] * 9
    assert db.session.scalar(select(Conversation.last_seq)) == 2
    assert inboxes.get_unread_count(cast_of.sam) == 1
    assert invariants.broken() == []


def test_ten_equal_beginnings_at_once_make_one_conversation(app: Flask, cast_of: Cast) -> None:
    def create() -> messaging.Sent:
        return messaging.create_conversation(
            cast_of.sam,
            conversation_type="store_customer",
            recipient_type="customer",
            recipient_id=cast_of.cleo.id,
            subject="Once",
            content="Only once",
            idempotency_key="one click",
        )

    sent = at_once(app, *[create] * 10)

    assert len({s.conversation_id for s in sent}) == 1
    assert sum(not s.repeated for s in sent) == 1
    assert db.session.scalar(select(func.count()).select_from(Conversation)) == 1
    assert invariants.broken() == []


def test_closing_at_once_leaves_one_line(app: Flask, cast_of: Cast) -> None:
    number = begin(cast_of.sam, "store_customer", "customer", cast_of.cleo.id)
    staff = [cast_of.sam, cast_of.nadia, cast_of.lea]

    at_once(app, *(lambda who=who: messaging.close_conversation(who, number) for who in staff * 2))

    assert db.session.scalar(select(func.count()).where(Message.kind == "event")) == 1
    assert invariants.broken() == []


def test_who_reads_while_others_write_has_exactly_the_later_ones_unread(app: Flask, cast_of: Cast) -> None:
    number = begin(cast_of.sam, "store_customer", "customer", cast_of.cleo.id)

    def write() -> None:
        for step in range(15):
            messaging.send_message(cast_of.sam, number, str(step))

    def read() -> None:
        for _ in range(15):
            shown = threads.get_conversation(cast_of.cleo, number).lines[-1].seq
            messaging.mark_conversation_read(cast_of.cleo, number, shown)

    at_once(app, write, read, write, read)

    assert invariants.broken() == []
    thread = threads.get_conversation(cast_of.cleo, number)
    assert thread.mine is not None
    assert thread.mine.unread_count == thread.head.last_seq - thread.mine.last_read_seq


@pytest.mark.parametrize("key", [None, "mine"])
def test_who_closes_while_others_write_refuses_only_what_comes_after(
    app: Flask, cast_of: Cast, key: str | None
) -> None:
    number = begin(cast_of.sam, "store_customer", "customer", cast_of.cleo.id)

    def write() -> int:
        for step in range(10):
            try:
                messaging.send_message(cast_of.cleo, number, str(step), idempotency_key=key and f"{key} {step}")
            except ConversationClosed:
                return step
        return 10

    said, _ = at_once(app, write, lambda: messaging.close_conversation(cast_of.nadia, number))

    lines = db.session.execute(select(Message.kind).order_by(Message.seq)).scalars().all()
    assert lines == ["message"] * (said + 1) + ["event"]
    assert invariants.broken() == []


def test_who_leaves_and_comes_back_while_others_write_misses_nothing_afterwards(app: Flask, cast_of: Cast) -> None:
    number = begin(cast_of.sam, "store_customer", "customer", cast_of.cleo.id)

    def write() -> None:
        for step in range(20):
            messaging.send_message(cast_of.cleo, number, str(step))

    def come_and_go() -> None:
        for active in [False, True] * 4:
            staff = [{"email": EMAILS["nadia"], "active": active}]
            plan = directory.make_plan(directory.parse({"stores": [{"code": "bakery", "staff": staff}]}))
            with writing(db.session) as session:
                directory.apply(session, plan)

    at_once(app, write, come_and_go, write)

    assert invariants.broken() == []
    before = inboxes.get_unread_count(cast_of.nadia)
    messaging.send_message(cast_of.cleo, number, "And now?")
    assert inboxes.get_unread_count(cast_of.nadia) == before + 1


@pytest.mark.slow
def test_many_conversations_of_one_store_at_once_never_wait_in_a_circle(app: Flask, cast_of: Cast) -> None:
    """Sends, reads and imports lock different conversations but count for the same people, in whatever order."""
    with_customers = [begin(cast_of.sam, "store_customer", "customer", cast_of.cleo.id) for _ in range(9)]
    with_platform = [begin(cast_of.ada, "admin_store", "store", cast_of.bakery) for _ in range(9)]

    def write(person: Actor, numbers: list[int], seed: int) -> Callable[[], None]:
        def act() -> None:
            dice = random.Random(seed)
            for step in range(30):
                number = dice.choice(numbers)
                if dice.random() < 0.7:
                    messaging.send_message(person, number, str(step))
                else:
                    messaging.mark_conversation_read(person, number)

        return act

    def come_and_go() -> None:
        for active in [False, True] * 5:
            plan = directory.make_plan(directory.parse({"stores": [{"code": "bakery", "active": active}]}))
            with writing(db.session) as session:
                directory.apply(session, plan)

    people = (cast_of.sam, cast_of.nadia, cast_of.lea)
    at_once(
        app,
        *(write(person, with_customers + with_platform, seed) for seed, person in enumerate(people)),
        *(write(cast_of.cleo, with_customers, seed) for seed in (7, 8)),
        *(write(person, with_platform, seed) for seed, person in enumerate((cast_of.ada, cast_of.abe), 20)),
        come_and_go,
    )

    assert invariants.broken() == []
