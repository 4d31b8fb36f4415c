"""A store keeps an owner and the platform an admin, also where two people do it to each other at once."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import func, select, update

from messaging_app.db.engine import writing
from messaging_app.errors import LastOwner, Refusal
from messaging_app.extensions import db
from messaging_app.models import StoreMembership
from messaging_app.services import staff
from tests import cast

ROUNDS = 12


def at_once(app: Flask, *acts: Callable[[], None]) -> list[Refusal]:
    """Do all of it in threads that begin together; what was refused."""
    refused: list[Refusal] = []
    begin = threading.Barrier(len(acts))

    def run(act: Callable[[], None]) -> None:
        with app.app_context():
            begin.wait()
            try:
                act()
            except Refusal as refusal:
                refused.append(refusal)

    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return refused


def owners(store_id: int) -> int:
    member = StoreMembership
    query = select(func.count()).where(member.store_id == store_id, member.role == "owner", member.active)
    found = db.session.scalar(query.select_from(member))
    db.session.rollback()
    return found or 0


@pytest.mark.parametrize("seed", range(3))
def test_of_two_owners_who_remove_or_demote_each_other_one_stays(app: Flask, cast_of: cast.Cast, seed: int) -> None:
    chance = random.Random(seed)
    sam, nadia, bakery = cast_of.sam.id, cast_of.nadia.id, cast_of.bakery
    for _ in range(ROUNDS):
        with writing(db.session) as session:
            both = StoreMembership.user_id.in_((sam, nadia)) & (StoreMembership.store_id == bakery)
            session.execute(update(StoreMembership).where(both).values(role="owner", active=True))

        def act(other: int) -> Callable[[], None]:
            who = chance.choice((cast_of.ada, cast_of.sam))
            if chance.random() < 0.5:
                return lambda: staff.remove_member(who, bakery, other)
            return lambda: staff.change_role(who, bakery, other, "staff")

        refused = at_once(app, act(sam), act(nadia))
        assert owners(bakery) == 1
        assert [type(refusal) for refusal in refused] == [LastOwner]
