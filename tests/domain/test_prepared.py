"""Prepared statements: they outlive what the driver would throw away, and are never more than a server should keep."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from sqlalchemy import Select, String, bindparam, func, insert, literal_column, select, text
from sqlalchemy.exc import OperationalError

from messaging_app.db import statements
from messaging_app.db.engine import writing
from messaging_app.db.prepared import KEPT, Prepared
from messaging_app.db.statements import ASKED, fetch, transaction
from messaging_app.extensions import db
from messaging_app.models import PlatformSetting

pytestmark = pytest.mark.postgres

BACKEND = select(func.pg_backend_pid().label("pid"))
SETTING = select(PlatformSetting.value).where(PlatformSetting.key == bindparam("key", type_=String()))
ADD = insert(PlatformSetting.__table__).values(  # type: ignore[arg-type]
    key=bindparam("new_key"), value=bindparam("new_value"), updated_at=func.now()
)


@pytest.fixture
def app(make_app: Callable[..., Flask], postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Flask]:
    """An application whose statements and sessions take turns on one connection."""
    monkeypatch.setattr(statements, "AT_HAND", 0)
    app = make_app(postgres_url)
    with app.app_context():
        yield app


def asked() -> Prepared:
    """Who takes the statements of the one connection that the pool holds."""
    link = db.engine.raw_connection()
    try:
        found = link.info[ASKED]
        assert isinstance(found, Prepared)
        return found
    finally:
        link.close()


def test_a_rollback_in_the_session_forgets_nothing(app: Flask) -> None:
    pid = fetch(BACKEND, {})[0].pid
    with pytest.raises(ZeroDivisionError), writing(db.session) as session:
        for _ in range(10):  # more often than the driver needs to prepare it
            assert session.scalar(text("SELECT pg_backend_pid()")) == pid
        raise ZeroDivisionError
    db.session.remove()
    assert fetch(BACKEND, {})[0].pid == pid


def test_the_first_statement_in_a_transaction_of_the_session_is_part_of_it(app: Flask) -> None:
    with pytest.raises(ZeroDivisionError), writing(db.session):
        fetch(ADD, {"new_key": "a", "new_value": "1"})
        raise ZeroDivisionError
    assert fetch(SETTING, {"key": "a"}) == []
    with transaction():
        fetch(ADD, {"new_key": "a", "new_value": "1"})
    assert fetch(SETTING, {"key": "a"}) == [("1",)]


def test_a_connection_keeps_the_statements_that_were_used_last(app: Flask) -> None:
    def number(n: int) -> Select[tuple[int]]:
        return select(literal_column(str(n)).label("n"))

    queries = [number(n) for n in range(KEPT + 20)]
    for n, query in enumerate(queries):
        assert fetch(query, {}) == [(n,)] and fetch(queries[0], {}) == [(0,)]
    with db.engine.connect() as link:
        kept = [row[0] for row in link.execute(text("SELECT statement FROM pg_prepared_statements"))]
    assert len(kept) == KEPT and "SELECT 0 AS n" in kept and "SELECT 1 AS n" not in kept
    assert fetch(queries[1], {}) == [(1,)]


def test_a_server_that_goes_without_a_word_is_told_like_one_that_says_so(app: Flask) -> None:
    """It gives no SQLSTATE, by which the driver tells an error's kind."""
    fetch(BACKEND, {})
    with socket.socket(fileno=os.dup(asked().connection.fileno())) as wire:
        wire.shutdown(socket.SHUT_RDWR)
    with pytest.raises(OperationalError), transaction():
        pass
    assert fetch(BACKEND, {})
