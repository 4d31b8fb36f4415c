"""Whose turn it is, against a model that keeps every line and thinks anew each time."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update

from messaging_app import doctor
from messaging_app.actors import Actor, ActorType
from messaging_app.db.engine import now, writing
from messaging_app.errors import Invalid, NotFound
from messaging_app.extensions import db
from messaging_app.models import Conversation
from messaging_app.services import inboxes, messaging, turns
from tests.cast import Cast
from tests.domain import invariants
from tests.domain.conversations import begin

PARTIES = {"bakery-cleo": ("sam", "cleo"), "admin-bakery": ("ada", "sam"), "admin-cleo": ("ada", "cleo")}


@dataclass
class Model:
    """What was done to one conversation. `said` holds the party and the time of each message."""

    said: list[tuple[str, datetime]]
    closed: bool = False
    ruled_out: set[str] = field(default_factory=set)
    asleep: dict[str, datetime] = field(default_factory=dict)

    def waiting(self, side: str) -> tuple[str, datetime | None]:
        last = self.said[-1][0]
        if self.closed or (last != side and side in self.ruled_out):
            return "nobody", None
        whose = "them" if last == side else "us"
        since = next(
            at for number, (_who, at) in enumerate(self.said) if all(who == last for who, _ in self.said[number:])
        )
        return whose, since


def seen(actor: Actor, **filters: Any) -> dict[int, Any]:
    """What a list holds, whole."""
    rows = inboxes.list_conversations(actor, **({"status": "all", "limit": 100} | filters)).rows
    return {row.id: row for row in rows}


def step(dice: random.Random, cast_of: Cast, numbers: dict[str, int], models: dict[int, Model]) -> None:
    """Do something to one of the conversations, and to its model."""
    name = dice.choice(list(PARTIES))
    number = numbers[name]
    model = models[number]
    actor: Actor = getattr(cast_of, dice.choice(PARTIES[name]))
    act = dice.choice(["send", "send", "send", "rule out", "expect", "snooze", "wake", "close", "reopen"])
    if act == "send" and not model.closed:
        messaging.send_message(actor, number, "Hello")
        row = db.session.get_one(Conversation, number, populate_existing=True)
        model.said.append((actor.type, row.last_message_at))
        model.ruled_out.clear()
        model.asleep = {side: until for side, until in model.asleep.items() if side == actor.type}
    if actor.type == ActorType.CUSTOMER:
        return
    if act == "rule out":
        assert turns.rule_reply_out(actor, number) == (model.waiting(actor.type)[0] == "us")
        if model.waiting(actor.type)[0] == "us":
            model.ruled_out.add(actor.type)
    elif act == "expect":
        turns.expect_reply(actor, number)
        model.ruled_out.discard(actor.type)
    elif act == "snooze":
        model.asleep[actor.type] = now() + timedelta(hours=dice.randint(1, 9))
        turns.snooze(actor, number, model.asleep[actor.type])
    elif act == "wake":
        turns.snooze(actor, number, None)
        model.asleep.pop(actor.type, None)
    elif act in ("close", "reopen"):
        (messaging.close_conversation if act == "close" else messaging.reopen_conversation)(actor, number)
        if model.closed != (act == "close"):
            model.ruled_out.clear()
        model.closed = act == "close"


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.long) for seed in range(1, 8))])
def test_a_conversation_waits_for_whom_its_lines_say(
    app: Flask, all_kinds: dict[str, int], cast_of: Cast, seed: int
) -> None:
    dice, numbers = random.Random(seed), {name: all_kinds[name] for name in PARTIES}
    models = {}
    for name, number in numbers.items():
        first = db.session.get_one(Conversation, number).last_message_at
        models[number] = Model([(getattr(cast_of, PARTIES[name][0]).type, first)])
    for _ in range(40):
        step(dice, cast_of, numbers, models)
        for actor in (cast_of.ada, cast_of.nadia):
            mine = {number for number in numbers.values() if number in seen(actor)}
            assert mine == {numbers[name] for name in PARTIES if actor.type in name.replace("bakery", "store-bakery")}
            right = {number: models[number].waiting(actor.type) for number in mine}
            rows = seen(actor)
            assert {n: (rows[n].waiting, rows[n].waiting_since) for n in mine} == right
            assert {n: rows[n].snoozed_until for n in mine} == {n: models[n].asleep.get(actor.type) for n in mine}
            asleep = {n for n in mine if actor.type in models[n].asleep}
            for whose in ("us", "them", "nobody"):
                expected = {n for n in mine if right[n][0] == whose} - (asleep if whose == "us" else set())
                assert set(seen(actor, waiting=whose)) == expected
                assert inboxes.list_conversations(actor, status="all", waiting=whose, include_total=True).total == len(
                    expected
                )
            longest = list(seen(actor, waiting="us", order="waiting"))
            assert longest == sorted(longest, key=lambda n: (right[n][1], n))
            assert set(seen(actor, snoozed=True)) == asleep
    assert not any(row.waiting != "nobody" or row.snoozed_until for row in seen(cast_of.cleo).values())
    assert invariants.broken() == []
    assert not doctor.examine().broken


def test_the_longest_waiting_come_first_page_by_page(app: Flask, cast_of: Cast) -> None:
    numbers = [begin(cast_of.sam, cast_of.cleo) for _ in range(5)]
    for number in reversed(numbers):
        messaging.send_message(cast_of.cleo, number, "Is it ready?")
    messaging.send_message(cast_of.cleo, numbers[-1], "Hello?")  # has waited longest all the same
    found: list[int] = []
    cursor = None
    while True:
        page = inboxes.list_conversations(cast_of.sam, waiting="us", order="waiting", cursor=cursor, limit=2)
        found += [row.id for row in page.rows]
        if (cursor := page.next_cursor) is None:
            break
    assert found == numbers[::-1]


def test_what_sleeps_comes_back_when_its_time_has_come(app: Flask, cast_of: Cast) -> None:
    number = begin(cast_of.sam, cast_of.cleo)
    messaging.send_message(cast_of.cleo, number, "Is it ready?")
    turns.snooze(cast_of.sam, number, now() + timedelta(hours=1))
    assert seen(cast_of.nadia, waiting="us") == {}
    with writing(db.session) as session:
        session.execute(update(Conversation).values(store_snoozed_until=now() - timedelta(seconds=1)))
    assert list(seen(cast_of.nadia, waiting="us")) == [number]
    assert seen(cast_of.nadia)[number].snoozed_until is None
    assert seen(cast_of.nadia, snoozed=True) == {}
    for until in (now() - timedelta(seconds=1), now(), now() + timedelta(days=5000)):
        with pytest.raises(Invalid):
            turns.snooze(cast_of.sam, number, until)


def test_what_is_marked_as_unread_is_unread_from_there_on(app: Flask, cast_of: Cast) -> None:
    number = begin(cast_of.sam, cast_of.cleo)  # 1
    for text in ("Two", "Three", "Four"):
        messaging.send_message(cast_of.cleo, number, text)
    messaging.send_message(cast_of.nadia, number, "Five")
    messaging.mark_conversation_read(cast_of.sam, number)
    turns.mark_unread(cast_of.sam, number, 3)
    assert inboxes.get_unread_count(cast_of.sam) == 3
    turns.mark_unread(cast_of.sam, number, 5)  # nothing becomes read by it
    assert inboxes.get_unread_count(cast_of.sam) == 3
    turns.mark_unread(cast_of.sam, number, 1)
    assert inboxes.get_unread_count(cast_of.sam) == 4, "their own do not count"
    for wrong in (0, 6):
        with pytest.raises(Invalid):
            turns.mark_unread(cast_of.sam, number, wrong)
    with pytest.raises(NotFound):
        turns.mark_unread(cast_of.tomas, number, 1)
    platform = begin(cast_of.ada, cast_of.cleo)
    turns.mark_unread(cast_of.abe, platform, 1)  # who had no seat takes one
    assert inboxes.get_unread_count(cast_of.abe) == 1
    assert invariants.broken() == []
    assert not doctor.examine().broken
