"""Who leaves gives back what they had, also when somebody gives them something in that very moment."""

from __future__ import annotations

import threading
from collections.abc import Callable

from flask import Flask
from sqlalchemy import select

from messaging_app import directory, doctor
from messaging_app.db.engine import writing
from messaging_app.errors import Invalid
from messaging_app.extensions import db
from messaging_app.models import Conversation, SideLine
from messaging_app.services import admins, assignment, staff
from tests.cast import EMAILS, Cast
from tests.domain.conversations import begin


def holder(number: int, side: str = "store") -> int | None:
    column = getattr(Conversation, f"{side}_assignee_id")
    return db.session.scalar(select(column).where(Conversation.id == number))


def own_lines(number: int) -> list[str]:
    return list(
        db.session.scalars(select(SideLine.event).where(SideLine.conversation_id == number).order_by(SideLine.id))
    )


def test_who_leaves_gives_back_what_they_had(app: Flask, cast_of: Cast) -> None:
    of_store, of_platform = begin(cast_of.sam, cast_of.cleo), begin(cast_of.ada, cast_of.bakery)
    other = begin(cast_of.tomas, cast_of.jun)
    assignment.assign(cast_of.sam, of_store, cast_of.lea.id)
    assignment.assign(cast_of.tomas, other, cast_of.lea.id)
    assignment.assign(cast_of.ada, of_platform, cast_of.abe.id)
    staff.remove_member(cast_of.ada, cast_of.bakery, cast_of.lea.id)
    assert (holder(of_store), holder(other)) == (None, cast_of.lea.id), "only where she left"
    assert own_lines(of_store) == ["given", "left"]
    admins.remove_admin(cast_of.ada, cast_of.abe.id)
    assert holder(of_platform, "admin") is None
    assignment.assign(cast_of.sam, of_store, cast_of.nadia.id)
    gone = {"code": "bakery", "staff": [{"email": EMAILS["nadia"], "active": False}]}
    import_(directory.schema.parse({"stores": [gone]}))
    assert holder(of_store) is None
    assert not doctor.examine().broken


def import_(parsed: directory.schema.Directory) -> None:
    with writing(db.session) as session:
        directory.apply(session, directory.make_plan(parsed))


def test_nobody_has_anything_who_is_leaving_in_that_moment(app: Flask, cast_of: Cast) -> None:
    number = begin(cast_of.sam, cast_of.cleo)
    for _ in range(6):
        assert (
            at_once(
                app,
                lambda: assignment.assign(cast_of.sam, number, cast_of.nadia.id),
                lambda: staff.remove_member(cast_of.ada, cast_of.bakery, cast_of.nadia.id),
            )
            == []
        )
        db.session.rollback()
        assert holder(number) is None
        staff.bring_back(cast_of.ada, cast_of.bakery, cast_of.nadia.id)
    assert not doctor.examine().broken


def at_once(app: Flask, *acts: Callable[[], object]) -> list[BaseException]:
    """Do all this in the same moment. Returns what went wrong, but for refusals: she had left already."""
    ready, faults = threading.Barrier(len(acts)), list[BaseException]()

    def run(act: Callable[[], object]) -> None:
        with app.app_context():
            ready.wait()
            try:
                act()
            except Invalid:
                pass
            except BaseException as error:
                faults.append(error)

    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return faults
