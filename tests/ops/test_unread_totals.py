"""The totals of unread that badges show, while many write and read at once."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor

from flask import Flask
from sqlalchemy import select

from messaging_app import doctor
from messaging_app.extensions import db
from messaging_app.models import ConversationParticipant
from messaging_app.services import inboxes, messaging
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
    assert not doctor.examine().broken
    seats = db.session.scalars(
        select(ConversationParticipant.unread_count).where(ConversationParticipant.belongs_to(people.cleo))
    )
    assert inboxes.get_unread_count(people.cleo) == sum(seats)


def test_hidden_conversations_with_the_platform_are_counted_apart(app: Flask) -> None:
    people = cast.bring_in()
    begin(people.ada, "admin_customer", "customer", people.cleo.id)
    begin(people.sam, "store_customer", "customer", people.cleo.id)
    seeing, not_seeing = people.cleo, type(people.cleo)(people.cleo.type, people.cleo.id, "Cleo", people.bakery, False)
    assert (inboxes.get_unread_count(seeing), inboxes.get_unread_count(not_seeing)) == (2, 1)
