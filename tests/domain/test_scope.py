"""Who sees which conversation and who is an active person: SQL and Python say the same, whoever asks."""

from __future__ import annotations

import inspect
import itertools
from dataclasses import is_dataclass
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, text

from messaging_app.actors import ActorType
from messaging_app.db.engine import writing
from messaging_app.db.query import Query
from messaging_app.extensions import db
from messaging_app.models import (
    Conversation,
    ConversationStatus,
    ConversationType,
    Customer,
    User,
    conversation,
    message,
    participant,
)
from messaging_app.models.scope import TYPES_OF, active_person, sees_type
from messaging_app.queries import inbox, people, sending, thread
from messaging_app.services import announcements
from tests.cast import Cast
from tests.domain.conversations import set_active


def test_every_type_is_between_two_roles() -> None:
    for kind in ConversationType:
        assert sorted(role for role in ActorType if kind in TYPES_OF[role]) == sorted(kind.split("_"))


def test_the_scope_in_sql_and_the_rule_in_python_agree(app: Flask, all_kinds: dict[str, int], cast_of: Cast) -> None:
    everything = db.session.execute(select(Conversation.id, Conversation.conversation_type)).all()
    for actor, sees_platform in itertools.product((cast_of.ada, cast_of.sam, cast_of.cleo), (True, False)):
        actor = actor._replace(sees_all=sees_platform)
        seen = set(db.session.scalars(select(Conversation.id).where(Conversation.visible_to(actor))))
        own = {"sam": "bakery", "cleo": "cleo", "ada": ""}[actor.name.split()[0].lower()]
        mine = {number for name, number in all_kinds.items() if own in name}
        assert seen == {
            row.id
            for row in everything
            if row.id in mine and sees_type(actor.type, row.conversation_type, sees_platform)
        }


def test_who_is_told_is_who_sees(app: Flask, all_kinds: dict[str, int], cast_of: Cast) -> None:
    scopes = {"admin": cast_of.ada, f"store:{cast_of.bakery}": cast_of.sam, f"customer:{cast_of.cleo.id}": cast_of.cleo}
    for number in all_kinds.values():
        row = db.session.execute(select(Conversation).where(Conversation.id == number)).scalar_one()
        place = conversation.Locked(
            row.id, row.conversation_type, row.store_id, row.customer_id, row.last_seq, None, row.status
        )
        told = set(announcements._audience(place))
        for topic, actor in scopes.items():
            sees = select(Conversation.id).where(Conversation.id == number, Conversation.visible_to(actor))
            assert (topic in told) == (db.session.scalar(sees) is not None)


@pytest.mark.parametrize("off", ["users", "customers", "stores", "store_memberships", None])
def test_an_active_person_is_one_of_whom_everything_is_active(app: Flask, cast_of: Cast, off: str | None) -> None:
    """The one condition, against the rows themselves."""
    if off == "store_memberships":
        with writing(db.session) as session:
            session.execute(
                text("UPDATE store_memberships SET active = :no WHERE user_id = :sam"),
                {"no": False, "sam": cast_of.sam.id},
            )
    elif off:
        number = {"users": cast_of.sam.id, "customers": cast_of.cleo.id, "stores": cast_of.bakery}[off]
        set_active(off, number, False)
    person = {
        ActorType.ADMIN: (cast_of.ada, User),
        ActorType.STORE: (cast_of.sam, User),
        ActorType.CUSTOMER: (cast_of.cleo, Customer),
    }
    concerned = {
        "users": {"store"},
        "customers": {"customer"},
        "stores": {"store", "customer"},
        "store_memberships": {"store"},
        None: set(),
    }
    for role, (actor, table) in person.items():
        found = db.session.scalars(select(table.id).where(active_person(role, actor.id, actor.store_id))).all()
        assert (found == [actor.id]) == (role.value not in concerned[off]), (role, off)
    assert not db.session.scalars(select(User.id).where(active_person(ActorType.ADMIN, cast_of.sam.id))).all()
    other = select(Customer.id).where(active_person(ActorType.CUSTOMER, cast_of.jun.id, cast_of.bakery))
    assert db.session.scalar(other) is None, "of another store"


def all_queries() -> list[tuple[str, Query[Any]]]:
    """Every query there is, for every kind of actor and filter."""
    roles, yes_no = list(ActorType), (True, False)
    made: list[tuple[str, Query[Any]]] = [("Message.write", message._WRITE)]
    filters = [inbox.Shape(*of) for of in itertools.product(
        (None, *ConversationStatus), (None, ConversationType.STORE_CUSTOMER), yes_no, yes_no)]  # fmt: skip
    filters += [inbox.Shape(status, waiting=waiting, assignee=assignee, snoozed=snoozed, longest=longest)
        for status, waiting, assignee, snoozed, longest in itertools.product(  # type: ignore[misc]
            (None, *ConversationStatus), (None, "us", "them", "nobody"), (None, "me", "nobody", "somebody"), yes_no, yes_no)]  # fmt: skip
    filters += [inbox.Shape(status, of_kind=kind, of_reference=reference)
        for status, kind, reference in itertools.product((None, *ConversationStatus), yes_no, yes_no)]  # fmt: skip
    made += [("inbox.page_of", inbox.page_of(role, sees, wanted, beyond, 26)) for role, sees, wanted, beyond in
        itertools.product(roles, yes_no, filters, (None, "older"))]  # type: ignore[list-item]  # fmt: skip
    for dialect in ("sqlite", "postgresql"):
        made += [("thread.lines_of", thread.lines_of(dialect, *of, 51)) for of in itertools.product(yes_no, yes_no)]
        made += [
            ("people.sign_in", people.sign_in(dialect, role, need))
            for role in roles
            for need in ("page", "badge", "fragment")
        ]  # type: ignore[arg-type]
        made += [
            ("raise_for", participant._raise_for(dialect, role, kind)) for role in roles for kind in TYPES_OF[role]
        ]
    for role in roles:
        made += [("people.bearer", people.bearer(role)), ("mark_read", participant._mark_read(role))]
        for sees in yes_no:
            made += [
                ("people.unread_total", people.unread_total(role, sees)),
                ("thread.head_and_seats", thread.head_and_seats(role, sees)),
                ("sending.writer", sending._writer(role, sees)),
                ("take_seq", conversation._take_seq(role, sees)),
            ]
    return made


def test_the_fields_of_a_row_are_the_columns_of_its_query() -> None:
    """In number and, where a column has a name of its own, in name: they are matched by place."""
    made = all_queries()
    for name, query in made:
        columns = list(query.statement.exported_columns)
        if not is_dataclass(query.row) and not (inspect.isclass(query.row) and issubclass(query.row, tuple)):
            assert len(columns) == 1, name
            continue
        parameters = inspect.signature(query.row).parameters
        fields = list(parameters)
        left_out = fields[len(columns) :]  # with a value of their own where this query has none
        assert len(fields) >= len(columns) and all(parameters[x].default is None for x in left_out), name
        for field, column in zip(fields, columns, strict=False):
            same = field == column.key or field.endswith(f"_{column.key}")
            assert column.key not in fields or same, (name, field, column.key)
