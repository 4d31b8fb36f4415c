"""A store keeps an owner and the platform an admin, also where two people do it to each other at once."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import func, select, update

from messaging_app.actors import Actor
from messaging_app.db.engine import writing
from messaging_app.errors import LastAdmin, LastOwner, NotFound, Refusal
from messaging_app.extensions import db
from messaging_app.models import StoreMembership, User
from messaging_app.services import admins, staff, user_accounts
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
    found = db.session.scalar(query.select_from(member).join(User, User.id == member.user_id).where(User.active))
    db.session.rollback()
    return found or 0


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.long) for seed in (1, 2))])
def test_of_two_owners_who_remove_demote_or_deactivate_each_other_one_stays(
    app: Flask, cast_of: cast.Cast, seed: int
) -> None:
    chance = random.Random(seed)
    sam, nadia, bakery = cast_of.sam.id, cast_of.nadia.id, cast_of.bakery
    for _ in range(ROUNDS):
        with writing(db.session) as session:
            both = StoreMembership.user_id.in_((sam, nadia)) & (StoreMembership.store_id == bakery)
            session.execute(update(StoreMembership).where(both).values(role="owner", active=True))
            session.execute(update(User).where(User.id.in_((sam, nadia))).values(active=True))

        def act(other: int) -> Callable[[], None]:
            who, which = chance.choice((cast_of.ada, cast_of.sam)), chance.random()
            if which < 0.4:
                return lambda: user_accounts.deactivate_user(cast_of.ada, other)
            if which < 0.7:
                return lambda: staff.remove_member(who, bakery, other)
            return lambda: staff.change_role(who, bakery, other, "staff")

        refused = at_once(app, act(sam), act(nadia))
        assert owners(bakery) == 1
        assert [type(refusal) for refusal in refused] == [LastOwner]


def active_admins() -> set[int]:
    found = set(db.session.scalars(select(User.id).where(User.is_admin, User.active)))
    db.session.rollback()
    return found


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.long) for seed in (1, 2))])
def test_of_two_admins_who_remove_or_deactivate_each_other_one_stays(app: Flask, cast_of: cast.Cast, seed: int) -> None:
    chance = random.Random(seed)
    ada, abe = cast_of.ada, cast_of.abe
    for _ in range(ROUNDS):
        with writing(db.session) as session:
            session.execute(update(User).where(User.id.in_((ada.id, abe.id))).values(is_admin=True, active=True))
        pairs = [(chance.choice((ada, abe)), target) for target in (ada.id, abe.id)]

        def act(who: Actor, target: int) -> Callable[[], None]:
            if who.id != target and chance.random() < 0.5:
                return lambda: user_accounts.deactivate_user(who, target)
            return lambda: admins.remove_admin(who, target)

        refused = at_once(app, *(act(*pair) for pair in pairs))
        assert len(active_admins()) == 1
        assert [type(refusal) for refusal in refused] == [LastAdmin]


def test_an_admin_who_is_deactivated_counts_for_none(app: Flask, cast_of: cast.Cast) -> None:
    with writing(db.session) as session:
        session.execute(update(User).where(User.id == cast_of.abe.id).values(active=False))
    with pytest.raises(LastAdmin):
        admins.remove_admin(cast_of.ada, cast_of.ada.id)
    admins.remove_admin(cast_of.ada, cast_of.abe.id)
    with pytest.raises(NotFound):
        admins.bring_back(cast_of.ada, cast_of.sam.id)  # who never was one
    admins.bring_back(cast_of.ada, cast_of.abe.id)
    assert active_admins() == {cast_of.ada.id, cast_of.abe.id}
