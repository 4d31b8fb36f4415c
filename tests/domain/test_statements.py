"""Statements on the driver's cursor: converted, told and counted as the session does it, in the transaction under way."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from typing import cast as cast_to

import psycopg
import pytest
from flask import Flask
from sqlalchemy import QueuePool, bindparam, event, func, insert, literal, select
from sqlalchemy.exc import IntegrityError

from messaging_app.db import statements
from messaging_app.db.engine import UtcDateTime, after_commit, writing
from messaging_app.db.statements import fetch, here, transaction
from messaging_app.extensions import db
from messaging_app.models import Store
from messaging_app.services import messaging
from tests import cast
from tests.services import wait_for
from tests.world import begin

STORES = select(Store.id, Store.code, Store.active, Store.created_at).where(Store.code == bindparam("code"))
ADD = insert(Store.__table__).returning(Store.__table__.c.id)  # type: ignore[arg-type]
SINCE = select(Store.code).where(Store.created_at >= bindparam("at", type_=UtcDateTime())).order_by(Store.code)
BACKEND = select(func.pg_backend_pid().label("pid"))
NOON = datetime(2026, 5, 1, 12, 0, 0, 123456, tzinfo=UTC)


def add(code: str, at: datetime = NOON) -> int:
    values = {"code": code, "name": code, "sort_name": code, "active": False, "created_at": at}
    return int(fetch(ADD, values)[0].id)


def test_rows_are_what_the_session_gives(app: Flask) -> None:
    with transaction():
        add("a", NOON.astimezone(timezone(timedelta(hours=9))))
    (row,) = fetch(STORES, {"code": "a"})
    assert row == db.session.execute(STORES, {"code": "a"}).one()
    assert (row.active, row.created_at, row.created_at.utcoffset()) == (False, NOON, timedelta(0))
    assert [r.code for r in fetch(SINCE, {"at": NOON})] == ["a"] and fetch(
        SINCE, {"at": NOON + timedelta(hours=1)}
    ) == []


def test_a_transaction_is_seen_by_its_own_statements_and_by_others_after_it(app: Flask) -> None:
    said: list[str] = []
    with transaction():
        add("a")
        after_commit(lambda: said.append("a"))
        assert fetch(STORES, {"code": "a"}) and here().execute(STORES, {"code": "a"}).one()
        assert said == []
    assert said == ["a"] and fetch(STORES, {"code": "a"}) and here() is db.session
    with pytest.raises(ZeroDivisionError), transaction():
        add("b")
        after_commit(lambda: said.append("b"))
        raise ZeroDivisionError
    assert fetch(STORES, {"code": "b"}) == [] and said == ["a"]
    with writing(db.session) as session:
        add("c")
        assert session.execute(STORES, {"code": "c"}).one()
    assert fetch(STORES, {"code": "c"})


def test_what_the_driver_refuses_is_told_as_sqlalchemy_tells_it_and_leaves_nothing(app: Flask) -> None:
    with pytest.raises(IntegrityError) as told, transaction():
        add("a")
        add("a")
    assert "[parameters" not in str(told.value)  # they are what people wrote
    assert fetch(STORES, {"code": "a"}) == []


def test_what_stands_in_the_text_of_a_statement_comes_back_as_it_is(app: Flask) -> None:
    words = ["it's", ":name $1 ?", "é\u2028", "100 %", "%(name)s", "\\", "\\'; --", ""]
    constants = [*words, -1, 0, 2**40, True, False]
    statement = select(*(literal(one).label(f"c{at}") for at, one in enumerate(constants)))
    assert list(fetch(statement, {})[0]) == constants


def test_who_listens_to_the_engine_hears_each_statement(app: Flask) -> None:
    heard: list[str] = []

    def note(_c: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        heard.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    fetch(STORES, {"code": "a"})
    event.remove(db.engine, "before_cursor_execute", note)
    assert len(heard) == 1 and heard[0].startswith("SELECT stores.id")


def test_a_connection_stays_at_hand_between_statements_for_as_long_as_it_is_fresh(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[object] = []

    def note(*_of: object) -> None:
        taken.append(1)

    fetch(STORES, {"code": "a"})
    event.listen(db.engine, "checkout", note)
    for _ in range(5):
        with transaction():
            fetch(STORES, {"code": "a"})
        fetch(STORES, {"code": "a"})
    assert taken == []
    monkeypatch.setattr(statements, "RECYCLED_AFTER", -1)
    for _ in range(5):
        fetch(STORES, {"code": "a"})
    event.remove(db.engine, "checkout", note)
    assert len(taken) == 4  # the first was at hand


def test_no_connection_is_kept_at_hand_where_others_wait_for_one(app: Flask) -> None:
    pool = cast_to(QueuePool, db.engine.pool)
    with ExitStack() as held:
        for _ in range(pool.size() + pool._max_overflow - 1):
            held.enter_context(closing(db.engine.raw_connection()))
        fetch(STORES, {"code": "a"})
        held.enter_context(closing(db.engine.raw_connection()))


@pytest.mark.postgres
def test_who_closes_the_engine_closes_what_is_at_hand(make_app: Callable[..., Flask], postgres_url: str) -> None:
    plain = postgres_url.replace("postgresql+psycopg", "postgresql")
    of_others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    with make_app(postgres_url).app_context(), psycopg.connect(plain, autocommit=True) as other:
        fetch(STORES, {"code": "a"})
        assert other.execute(of_others).fetchone() == (1,)
        db.engine.dispose()
        wait_for(lambda: other.execute(of_others).fetchone() == (0,), 5, 0.05, "the connection to end")


def test_on_postgresql_store_and_customer_write_in_one_statement(app: Flask, cast_of: cast.Cast) -> None:
    heard: list[str] = []

    def note(_c: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        heard.append(" ".join(statement.split()[:2]))

    shop = begin(cast_of.sam, "store_customer", "customer", cast_of.cleo.id, "Cake")
    office = begin(cast_of.ada, "admin_store", "store", cast_of.bakery, "Fees")
    event.listen(db.engine, "before_cursor_execute", note)
    told = []
    for actor, number in ((cast_of.cleo, shop), (cast_of.sam, office)):
        messaging.send_message(actor, number, "Hello")
        told.append([statement for statement in heard if not statement.startswith("BEGIN")])
        heard.clear()
    event.remove(db.engine, "before_cursor_execute", note)
    transaction = ["UPDATE conversations", "INSERT INTO", "INSERT INTO"]
    if db.engine.dialect.name == "postgresql":
        assert told == [["WITH taken"], ["WITH taken", *transaction]]
    else:
        assert told == [transaction, transaction]


@pytest.mark.postgres
def test_what_reads_asks_once_more_where_the_server_let_go_of_its_connection(
    make_app: Callable[..., Flask], postgres_url: str
) -> None:
    plain = postgres_url.replace("postgresql+psycopg", "postgresql")
    with make_app(postgres_url).app_context(), psycopg.connect(plain, autocommit=True) as other:
        for _ in range(3):
            pid = fetch(BACKEND, {})[0].pid
            other.execute("SELECT pg_terminate_backend(%s)", [pid])
            assert fetch(BACKEND, {})[0].pid != pid
