"""The totals of unread that badges show are always the sum over the seats, whoever changes a seat."""

from __future__ import annotations

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from flask import Flask
from sqlalchemy import select, text, update

from messaging_app import doctor
from messaging_app.db.engine import writing
from messaging_app.extensions import db
from messaging_app.models import ConversationParticipant, UnreadTotal
from messaging_app.services import messaging
from tests import cast


def begin(actor: object, kind: str, to: str, number: int) -> int:
    sent = messaging.create_conversation(
        actor,  # type: ignore[arg-type]
        conversation_type=kind,
        recipient_type=to,
        recipient_id=number,
        subject="Rye",
        content="Hello",
    )
    return sent.conversation_id


def test_totals_hold_while_many_write_and_read_in_one_store(app: Flask) -> None:
    people = cast.bring_in()
    of_store = [begin(people.sam, "store_customer", "customer", people.cleo.id) for _ in range(6)]
    of_platform = [begin(people.ada, "admin_customer", "customer", people.cleo.id) for _ in range(2)]

    def act(seed: int) -> None:
        chance = random.Random(seed)
        with app.app_context():
            for _ in range(12):
                actor = chance.choice([people.sam, people.nadia, people.cleo, people.ada])
                numbers = of_platform if actor is people.ada else of_store
                number = chance.choice([*numbers, *of_platform] if actor is people.cleo else numbers)
                if chance.random() < 0.6:
                    messaging.send_message(actor, number, "And again")
                else:
                    messaging.mark_conversation_read(actor, number)
                db.session.remove()

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(act, range(8)))
    assert "ok   unread totals" in doctor.examine().lines
    seats = db.session.scalars(
        select(ConversationParticipant.unread_count).where(ConversationParticipant.belongs_to(people.cleo))
    )
    assert messaging.get_unread_count(people.cleo) == sum(seats)


def test_the_doctor_sees_and_mends_a_total_that_is_off(app: Flask) -> None:
    people = cast.bring_in()
    begin(people.sam, "store_customer", "customer", people.cleo.id)
    with writing(db.session) as session:
        session.execute(update(UnreadTotal).where(UnreadTotal.participant_type == "customer").values(unread=7))
    report = doctor.examine()
    wrong = [line for line in report.lines if not line.startswith("ok")]
    assert report.broken and wrong == ["FAIL unread totals: 1 total of unread is wrong (first: customer 1: off by 6)"]
    assert not doctor.examine(repair=True).broken
    assert messaging.get_unread_count(people.cleo) == 1


def test_hidden_conversations_with_the_platform_are_counted_apart(app: Flask) -> None:
    people = cast.bring_in()
    begin(people.ada, "admin_customer", "customer", people.cleo.id)
    begin(people.sam, "store_customer", "customer", people.cleo.id)
    seeing, not_seeing = people.cleo, type(people.cleo)(people.cleo.type, people.cleo.id, "Cleo", people.bakery, False)
    assert (messaging.get_unread_count(seeing), messaging.get_unread_count(not_seeing)) == (2, 1)


def test_seats_of_before_are_added_up_by_the_migration(make_app: Callable[..., Flask], database_url: str) -> None:
    from flask_migrate import downgrade, upgrade

    app = make_app(database_url)
    with app.app_context():
        people = cast.bring_in()
        begin(people.sam, "store_customer", "customer", people.cleo.id)
        begin(people.ada, "admin_customer", "customer", people.cleo.id)
        db.session.remove()
        app.config["QUIET_MIGRATIONS"] = True
        downgrade(revision="0004")
        upgrade()
        assert messaging.get_unread_count(people.cleo) == 2
        triggers = "SELECT count(*) FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'unread_totals%'"
        if db.engine.dialect.name == "postgresql":
            triggers = "SELECT count(*) FROM pg_trigger WHERE tgname LIKE 'unread_totals%'"
        assert db.session.scalar(text(triggers)) == 3
