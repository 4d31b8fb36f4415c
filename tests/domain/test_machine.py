"""A Hypothesis state machine drives the messaging centre against a model in plain Python; after each step everything
that can be counted is counted anew: from the model, and from the rows."""

from __future__ import annotations

import os
import random
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, Phase, Verbosity, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import select, text

from messaging_app import directory
from messaging_app.actors import Actor, ActorType
from messaging_app.db.engine import writing
from messaging_app.db.query import Query
from messaging_app.errors import ConversationClosed, IdempotencyConflict, NotAllowed, NotFound
from messaging_app.extensions import db
from messaging_app.models import Conversation, ConversationParticipant
from messaging_app.services import inboxes, messaging
from tests.cast import EMAILS, Cast
from tests.domain import invariants

Person = tuple[str, int]
# Who, where and what: evenly drawn. Drawn one by one by Hypothesis, which prefers first and small, hardly anybody would
# ever speak; it still chooses the seeds, so a walk is repeated by its number and shortened by whole steps.
DICE = st.randoms(use_true_random=True)
WORDS = ("Hello", "Is it ready?\nToday?", "שלום", "🥐" * 130, "ok")

# Who may take part, by name: the same nine people as everywhere in the tests; Lea is two, one at each store.
NAMES = ("ada", "abe", "sam", "nadia", "lea", "lea_at_cycles", "tomas", "cleo", "omar", "jun")
STORES = {"bakery": "Bakery", "cycles": "Northwind Cycles"}


@dataclass
class Line:
    sender: Person
    text: str
    event: str | None = None


@dataclass
class SeatModel:
    last_read: int
    mail: bool = True


@dataclass
class ConversationModel:
    id: int
    kind: str
    store: int
    customer: int | None
    closed: bool = False
    lines: list[Line] = field(default_factory=list)
    seats: dict[Person, SeatModel] = field(default_factory=dict)

    def unread(self, person: Person) -> int:
        seat = self.seats.get(person)
        if seat is None:
            return 0
        return sum(line.event is None and line.sender != person for line in self.lines[seat.last_read :])


class Centre(RuleBasedStateMachine):
    """The rules of section 3 of the contract, once more, as simply as they can be said."""

    app: Flask
    cast: Cast

    def __init__(self) -> None:
        super().__init__()
        self.actors: dict[str, Actor] = {name: getattr(self.cast, name) for name in NAMES}
        self.step = 0
        self.conversations: list[ConversationModel] = []
        self.sent: dict[tuple[str, int, int], tuple[Any, int, int]] = {}
        self.customers_see_platform = True
        self.inactive_users: set[str] = set()
        self.off_staff: set[tuple[str, str]] = {("bakery", "tomas")}  # Tomas may join the bakery
        self.inactive_stores: set[str] = set()
        self.inactive_customers: set[str] = set()
        _forget_everything()

    # --- what the model knows ---------------------------------------------------------------------------------

    def code(self, store_id: int | None) -> str:
        return "bakery" if store_id == self.cast.bakery else "cycles"

    def is_active(self, kind: str, name: str, store_id: int | None) -> bool:
        base = name.removesuffix("_at_cycles").removesuffix("_at_bakery")
        if kind == "admin":
            return base not in self.inactive_users
        if self.code(store_id) in self.inactive_stores:
            return False
        if kind == "customer":
            return base not in self.inactive_customers
        return base not in self.inactive_users and (self.code(store_id), base) not in self.off_staff

    def everybody(self) -> dict[str, Actor]:
        tomas = self.cast.tomas
        here = self.actors | {"tomas_at_bakery": Actor(ActorType.STORE, tomas.id, tomas.name, self.cast.bakery)}
        return {
            name: Actor(actor.type, actor.id, actor.name, actor.store_id, self.customers_see_platform)
            for name, actor in here.items()
        }

    def active(self) -> dict[str, Actor]:
        return {n: a for n, a in self.everybody().items() if self.is_active(a.type, n, a.store_id)}

    def sees(self, actor: Actor, conversation: ConversationModel) -> bool:
        if actor.type == "admin":
            return conversation.kind != "store_customer"
        if actor.type == "store":
            return conversation.store == actor.store_id and conversation.kind != "admin_customer"
        own = conversation.customer == actor.id
        return own and (self.customers_see_platform or conversation.kind == "store_customer")

    def count(self, actor: Actor, conversation: ConversationModel, text: str) -> None:
        """What a message changes besides the lines: who gets a seat."""
        seq = len(conversation.lines)
        sender: Person = (actor.type.value, actor.id)
        if actor.type == "admin":
            conversation.seats.setdefault(sender, SeatModel(seq))
        for other in self.active().values():
            here = (other.type == "store" and conversation.kind != "admin_customer") or other.type == "customer"
            if here and self.is_of(other, conversation):
                conversation.seats.setdefault((other.type.value, other.id), SeatModel(seq))
        conversation.lines.append(Line(sender, text))

    def is_of(self, actor: Actor, conversation: ConversationModel) -> bool:
        if actor.type == "customer":
            return conversation.customer == actor.id
        return conversation.store == actor.store_id

    # --- what people do ---------------------------------------------------------------------------------------

    @initialize()
    def three_conversations(self) -> None:
        """Walks that begin with nothing to talk in spend half their steps in vain."""
        cast = self.cast
        for actor, kind_of, number, store_id, customer_id in (
            (cast.sam, "customer", cast.cleo.id, cast.bakery, cast.cleo.id),
            (cast.ada, "store", cast.bakery, cast.bakery, None),
            (cast.ada, "customer", cast.cleo.id, cast.bakery, cast.cleo.id),
        ):
            kind = f"{actor.type.value}_{kind_of}"
            sent = messaging.create_conversation(
                actor,
                conversation_type=kind,
                recipient_type=kind_of,
                recipient_id=number,
                subject="Begun",
                content="Hello",
            )
            conversation = ConversationModel(sent.conversation_id, kind, store_id, customer_id)
            self.count(actor, conversation, "Hello")
            self.conversations.append(conversation)

    @precondition(lambda self: len(self.conversations) < 5)
    @rule(dice=DICE, text=st.sampled_from(WORDS), key=st.none() | st.integers(1, 3))
    def begin(self, dice: random.Random, text: str, key: int | None) -> None:
        starters = {n: a for n, a in self.active().items() if a.type != "customer"}
        if not starters:
            return
        actor = starters[dice.choice(sorted(starters))]
        recipients: list[tuple[str, int, int, int | None]] = []
        for name in ("cleo", "omar", "jun"):
            customer = self.actors[name]
            assert customer.store_id is not None
            reached = actor.type == "admin" or customer.store_id == actor.store_id
            if reached and self.is_active("customer", name, customer.store_id):
                recipients.append(("customer", customer.id, customer.store_id, customer.id))
        if actor.type == "admin":
            for code in STORES:
                if code not in self.inactive_stores:
                    number = getattr(self.cast, code)
                    recipients.append(("store", number, number, None))
        if not recipients:
            return
        kind_of, number, store_id, customer_id = dice.choice(recipients)
        kind = f"{actor.type.value}_{kind_of}"
        asked = ("create", kind, kind_of, number, "About " + text.split()[0], text)
        before = self.sent.get((actor.type, actor.id, key)) if key else None
        try:
            sent = messaging.create_conversation(
                actor,
                conversation_type=kind,
                recipient_type=kind_of,
                recipient_id=number,
                subject=asked[4],
                content=text,
                idempotency_key=f"key {key}" if key else None,
            )
        except IdempotencyConflict:
            assert before is not None and before[0] != asked
            return
        except NotFound:
            assert before is not None and before[0] == asked
            return
        if before is not None:
            assert before[0] == asked and sent.repeated and (sent.conversation_id, sent.seq) == before[1:]
            return
        assert not sent.repeated and sent.seq == 1
        conversation = ConversationModel(sent.conversation_id, kind, store_id, customer_id)
        self.count(actor, conversation, text)
        self.conversations.append(conversation)
        if key:
            self.sent[actor.type, actor.id, key] = (asked, sent.conversation_id, 1)

    def someone(self, dice: random.Random) -> tuple[Actor, ConversationModel] | None:
        people = self.active()
        if not people or not self.conversations:
            return None
        actor = people[dice.choice(sorted(people))]
        seen = [c for c in self.conversations if self.sees(actor, c)]
        # Mostly what they see; now and then what they do not.
        choice = seen if seen and dice.random() < 0.9 else self.conversations
        number = dice.randrange(len(choice))
        return actor, choice[number]

    @rule(
        dice=DICE,
        verbs=st.lists(
            st.sampled_from(("send", "send", "send", "read", "read", "turn", "switch")), min_size=1, max_size=6
        ),
    )
    def live(self, dice: random.Random, verbs: list[str]) -> None:
        """Several things in a row, each checked. With a rule for each, Hypothesis leaves whole rules out of most walks."""
        for verb in verbs:
            getattr(self, verb)(dice)
            self.every_row_is_right()
            self.the_rows_are_the_models()

    def send(self, dice: random.Random) -> None:
        text = dice.choice(WORDS)
        key = dice.choice([None, None, 1, 2, 3])
        if (chosen := self.someone(dice)) is None:
            return
        actor, conversation = chosen
        asked = ("send", conversation.id, text)
        before = self.sent.get((actor.type, actor.id, key)) if key else None
        try:
            sent = messaging.send_message(actor, conversation.id, text, idempotency_key=f"key {key}" if key else None)
        except NotFound:
            assert not self.sees(actor, conversation)
        except IdempotencyConflict:
            assert before is not None and before[0] != asked
        except ConversationClosed:
            assert conversation.closed and before is None
        else:
            assert self.sees(actor, conversation)
            if before is not None:
                assert before[0] == asked and sent.repeated and (sent.conversation_id, sent.seq) == before[1:]
                return
            assert not conversation.closed and not sent.repeated
            self.count(actor, conversation, text)
            assert sent.seq == len(conversation.lines)
            if key:
                self.sent[actor.type, actor.id, key] = (asked, conversation.id, sent.seq)

    def read(self, dice: random.Random) -> None:
        if (chosen := self.someone(dice)) is None:
            return
        actor, conversation = chosen
        up_to = dice.choice([None, *range(len(conversation.lines) + 2)])
        try:
            left = messaging.mark_conversation_read(actor, conversation.id, up_to)
        except NotFound:
            assert not self.sees(actor, conversation)
            return
        assert self.sees(actor, conversation)
        seat = conversation.seats.get((actor.type.value, actor.id))
        if seat is not None:
            end = len(conversation.lines)
            seat.last_read = max(seat.last_read, end if up_to is None else min(up_to, end))
        assert left == conversation.unread((actor.type.value, actor.id))

    def turn(self, dice: random.Random) -> None:
        closing = dice.random() < 0.4
        if (chosen := self.someone(dice)) is None:
            return
        actor, conversation = chosen
        act = messaging.close_conversation if closing else messaging.reopen_conversation
        try:
            act(actor, conversation.id)
        except NotFound:
            assert not self.sees(actor, conversation)
        except NotAllowed:
            assert self.sees(actor, conversation) and actor.type == "customer"
        else:
            assert self.sees(actor, conversation) and actor.type != "customer"
            if conversation.closed != closing:
                conversation.closed = closing
                event = "closed" if closing else "reopened"
                conversation.lines.append(Line((actor.type.value, actor.id), "", event))

    def switch(self, dice: random.Random) -> None:
        wanted = dice.random() < 0.5
        if (chosen := self.someone(dice)) is None:
            return
        actor, conversation = chosen
        try:
            messaging.set_email_notifications(actor, conversation.id, wanted)
        except NotFound:
            assert not self.sees(actor, conversation)
            return
        assert self.sees(actor, conversation)
        seat = conversation.seats.setdefault((actor.type.value, actor.id), SeatModel(len(conversation.lines)))
        seat.mail = wanted

    # --- who comes and goes, all through the directory ----------------------------------------------------------

    def import_entry(self, entry: dict[str, Any]) -> None:
        plan = directory.make_plan(directory.parse({"admins": [], "stores": []} | entry))
        with writing(db.session) as session:
            directory.apply(session, plan)

    def come_back(self, person: Person, store_id: int | None = None) -> None:
        for conversation in self.conversations:
            if store_id in (None, conversation.store) and person in conversation.seats:
                conversation.seats[person].last_read = len(conversation.lines)

    @rule(dice=DICE)
    def come_or_go(self, dice: random.Random) -> None:
        """One rule for all of these: with one each, most of a walk would pass among people who are away."""
        staff = ("sam", "nadia", "lea", "tomas")
        what = dice.randrange(14)
        if what < 3:
            self.join_or_leave(dice.choice(staff), dice.choice(sorted(STORES)))
        elif what == 3:
            self.deactivate_or_bring_back_an_admin(dice.choice(("ada", "abe")))
        elif what < 6:
            self.deactivate_or_bring_back_a_customer(dice.choice(("cleo", "omar", "jun")))
        elif what == 6 or self.inactive_stores:
            self.deactivate_or_bring_back_a_store(dice.choice(sorted(STORES)))

    def join_or_leave(self, name: str, code: str) -> None:
        if (code, name) not in {("bakery", n) for n in ("sam", "nadia", "lea", "tomas")} | {
            ("cycles", "lea"),
            ("cycles", "tomas"),
        }:
            return
        joining = (code, name) in self.off_staff
        entry = {"email": EMAILS[name], "name": name.title(), "active": joining}
        self.import_entry({"stores": [{"code": code, "name": STORES[code], "staff": [entry]}]})
        if joining:
            self.off_staff.remove((code, name))
            self.come_back(("store", getattr(self.cast, name).id), getattr(self.cast, code))
        else:
            self.off_staff.add((code, name))

    def deactivate_or_bring_back_an_admin(self, name: str) -> None:
        back = name in self.inactive_users
        self.import_entry({"admins": [{"email": EMAILS[name], "name": name.title(), "active": back}]})
        self.inactive_users ^= {name}
        if back:
            self.come_back(("admin", self.actors[name].id))

    def deactivate_or_bring_back_a_customer(self, name: str) -> None:
        back = name in self.inactive_customers
        code = self.code(self.actors[name].store_id)
        entry = {"email": EMAILS[name], "name": name.title(), "active": back}
        self.import_entry({"stores": [{"code": code, "name": STORES[code], "customers": [entry]}]})
        self.inactive_customers ^= {name}
        if back:
            self.come_back(("customer", self.actors[name].id))

    def deactivate_or_bring_back_a_store(self, code: str) -> None:
        back = code in self.inactive_stores
        self.import_entry({"stores": [{"code": code, "name": STORES[code], "active": back}]})
        self.inactive_stores ^= {code}
        if back:
            for actor in self.everybody().values():
                if actor.store_id == getattr(self.cast, code):
                    self.come_back((actor.type.value, actor.id), actor.store_id)

    @rule()
    def turn_the_platform_setting(self) -> None:
        self.customers_see_platform = not self.customers_see_platform

    # --- what must be true after each step ----------------------------------------------------------------------

    @invariant()
    def every_row_is_right(self) -> None:
        assert invariants.broken() == []

    @invariant()
    def the_rows_are_the_models(self) -> None:
        seat = ConversationParticipant
        rows = db.session.execute(select(*seat.__table__.c))
        seats = {(row.conversation_id, row.participant_type, row.participant_id): row for row in rows}
        heads = {row.id: row for row in db.session.execute(select(*Conversation.__table__.c))}
        assert set(heads) == {c.id for c in self.conversations}
        for conversation in self.conversations:
            head = heads[conversation.id]
            assert head.last_seq == len(conversation.lines)
            assert (head.status == "closed") is conversation.closed
        people = {(c.id, *person): (c, person, model) for c in self.conversations for person, model in c.seats.items()}
        assert set(seats) == set(people)
        for key, (conversation, person, model) in people.items():
            assert seats[key].email_notifications is model.mail
            if self.counts(conversation, person):
                assert seats[key].last_read_seq == model.last_read, key
                assert seats[key].unread_count == conversation.unread(person), key

    def counts(self, conversation: ConversationModel, person: Person) -> bool:
        return any(
            (a.type.value, a.id) == person and (a.type == "admin" or a.store_id == conversation.store)
            for a in self.active().values()
        )

    @invariant()
    def everybody_sees_and_counts_what_is_theirs(self) -> None:
        self.step += 1
        for number, actor in enumerate(self.active().values()):
            unread = {c.id: c.unread((actor.type.value, actor.id)) for c in self.conversations if self.sees(actor, c)}
            assert inboxes.get_unread_count(actor) == sum(unread.values())
            if (number + self.step) % 4 == 0:  # each step asks a quarter of the people for their whole list
                listed = inboxes.list_conversations(actor, status="all")
                assert {row.id: row.unread_count for row in listed.rows} == unread


def _forget_everything() -> None:
    with writing(db.session) as session:
        for table in ("messages", "conversation_participants", "conversations"):
            session.execute(text(f"DELETE FROM {table}"))
        for table, column in product(("users", "customers", "stores", "store_memberships"), ("active",)):
            session.execute(text(f"UPDATE {table} SET {column} = true"))
        session.execute(
            text("UPDATE users SET is_admin = true WHERE id IN (:ada, :abe)"),
            {"ada": Centre.cast.ada.id, "abe": Centre.cast.abe.id},
        )
        session.execute(
            text("DELETE FROM store_memberships WHERE user_id = :tomas AND store_id = :bakery"),
            {"tomas": Centre.cast.tomas.id, "bakery": Centre.cast.bakery},
        )


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_counters_order_and_sight_hold_under_any_interleaving(app: Flask, cast_of: Cast) -> None:
    Centre.app, Centre.cast = app, cast_of
    run_state_machine_as_test(Centre, settings=_settings(postgres=db.engine.dialect.name == "postgresql"))


def _settings(*, postgres: bool) -> settings:
    """The same walks at every run, so that a red build can be run again; MACHINE_EXAMPLES walks on, at random.

    Through the driver, as in bin/test, half of them; the long run makes all of them through the session.
    """
    more = int(os.environ.get("MACHINE_EXAMPLES", "0"))
    return settings(
        max_examples=more or (8 if postgres else 30) // (1 if Query.through_session else 2),
        stateful_step_count=30,
        derandomize=not more,
        deadline=None,
        database=None,
        print_blob=True,
        verbosity=Verbosity.normal,
        suppress_health_check=list(HealthCheck),
        # Without the shrinker, which walks for minutes: set MACHINE_EXAMPLES to find the shortest way to a fault.
        phases=(Phase.generate, Phase.shrink) if more else (Phase.generate,),
    )
