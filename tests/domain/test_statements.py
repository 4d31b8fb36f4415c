"""A `Query` gives what the session gives, in the transaction under way, and everybody hears of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import NamedTuple

import psycopg
import pytest
from flask import Flask
from sqlalchemy import bindparam, func, insert, literal, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from messaging_app.db.engine import after_commit, writing
from messaging_app.db.query import Query
from messaging_app.db.types import UtcDateTime, table_of
from messaging_app.extensions import db
from messaging_app.models import Store
from tests.conftest import executed


class StoreRow(NamedTuple):
    id: int
    code: str
    active: bool
    created_at: datetime


ROW = select(Store.id, Store.code, Store.active, Store.created_at)
BY_CODE = Query(ROW.where(Store.code == bindparam("code")), StoreRow)
SINCE = Query(
    select(Store.code).where(Store.created_at >= bindparam("at", type_=UtcDateTime)).order_by(Store.code), str
)
NEW = ("code", "name", "sort_name", "active", "created_at")
ADD = Query(
    insert(table_of(Store))
    .values({name: bindparam(f"new_{name}", type_=table_of(Store).c[name].type) for name in NEW})
    .returning(table_of(Store).c.id),
    int,
)
BACKEND = Query(select(func.pg_backend_pid()), int)
NOON = datetime(2026, 5, 1, 12, 0, 0, 123456, tzinfo=UTC)


def add(code: str, at: datetime = NOON) -> int:
    (number,) = ADD.all(
        db.session(), new_code=code, new_name=code, new_sort_name=code, new_active=False, new_created_at=at
    )
    return number


def find(code: str) -> list[StoreRow]:
    return BY_CODE.all(db.session(), code=code)


def test_rows_are_what_the_session_gives(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    with writing(db.session):
        number = add("a", NOON.astimezone(timezone(timedelta(hours=9))))
    (row,) = found = find("a")
    assert row == (number, "a", False, NOON) and row.created_at.utcoffset() == timedelta(0) and row.active is False
    assert SINCE.all(db.session(), at=NOON) == ["a"] and SINCE.all(db.session(), at=NOON + timedelta(hours=1)) == []
    assert find("b") == []
    monkeypatch.setattr(Query, "through_session", True)
    assert find("a") == found and SINCE.all(db.session(), at=NOON) == ["a"] and find("b") == []
    with writing(db.session):
        assert add("c") == number + 1


def test_a_transaction_is_seen_by_its_own_statements_and_by_others_after_it(app: Flask) -> None:
    said: list[str] = []
    with writing(db.session) as session:
        add("a")
        after_commit(session, lambda: said.append("a"))
        assert find("a") and session.execute(ROW.where(Store.code == "a")).one()
        assert said == []
    assert said == ["a"] and find("a")
    with pytest.raises(ZeroDivisionError), writing(db.session) as session:
        add("b")
        after_commit(session, lambda: said.append("b"))
        raise ZeroDivisionError
    assert find("b") == [] and said == ["a"]


def test_what_the_driver_refuses_is_told_as_sqlalchemy_tells_it_and_leaves_nothing(app: Flask) -> None:
    with pytest.raises(IntegrityError) as told, writing(db.session):
        add("a")
        add("a")
    assert "[parameters" not in str(told.value)  # they are what people wrote
    assert find("a") == []


def test_constants_come_back_as_they_are(app: Flask) -> None:
    words = ["it's", ":name $1 ?", "é\u2028", "100 %", "%(name)s", "\\", "\\'; --", "", -1, 2**40, True, False]
    query = Query(select(*(literal(one).label(f"c{at}") for at, one in enumerate(words))), lambda *row: row)
    assert query.all(db.session()) == [tuple(words)]


def test_every_statement_is_heard_of_whoever_runs_it(app: Flask) -> None:
    with executed() as heard:
        find("a")
        db.session.execute(text("SELECT 1"))
    first, second = (statement for statement, _parameters in heard)
    assert first.startswith("SELECT stores.id") and second == "SELECT 1"


@pytest.mark.postgres
def test_a_statement_is_prepared_once_whatever_its_numbers(make_app: Callable[..., Flask], postgres_url: str) -> None:
    by_id = Query(ROW.where(Store.id == bindparam("id", type_=Store.id.type)), StoreRow)
    with make_app(postgres_url).app_context():
        for number in (1, 40_000, 3_000_000_000):
            by_id.all(db.session(), id=number)
        kept = db.session.scalars(text("SELECT statement FROM pg_prepared_statements")).all()
    assert len([statement for statement in kept if "stores.id = " in statement]) == 1


@pytest.mark.postgres
def test_a_server_that_was_restarted_costs_one_statement_and_no_more(
    make_app: Callable[..., Flask], postgres_url: str
) -> None:
    plain = postgres_url.replace("postgresql+psycopg", "postgresql")
    with make_app(postgres_url).app_context(), psycopg.connect(plain, autocommit=True) as other:
        links = [db.engine.raw_connection() for _ in range(3)]
        for link in links:
            link.close()
        (pid,) = BACKEND.all(db.session())
        other.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
        with pytest.raises(OperationalError) as told:
            BACKEND.all(db.session())
        assert isinstance(told.value, DBAPIError) and told.value.connection_invalidated
        db.session.rollback()
        for _ in range(3):
            assert BACKEND.all(db.session()) != [pid]
            db.session.remove()


def test_who_does_not_wait_for_the_lock_of_sqlite_fails_soon(make_app: Callable[..., Flask], sqlite_url: str) -> None:
    import sqlite3
    import time

    with make_app(sqlite_url).app_context():
        other = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        with pytest.raises(OperationalError), writing(db.session, wait_ms=50):
            pass
        assert time.monotonic() - began < 4, "sooner than five seconds"
        other.execute("ROLLBACK")
        other.close()
        with writing(db.session):
            add("a")
        assert db.session.scalar(text("PRAGMA busy_timeout")) == 5_000
