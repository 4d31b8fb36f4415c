"""A database that is locked, full or restarted: reads go on where they can, a send fails as a whole, all recovers alone."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from flask import Flask
from sqlalchemy import event, text

from bench.faults import KillablePostgres
from messaging_app import database
from messaging_app.extensions import db
from messaging_app.services import doctor, messaging
from tests.conftest import Browser, Web
from tests.live.installation import Installation
from tests.services import wait_for

WORDS = "The words that were typed"


def begin(web: Web) -> tuple[Browser, int]:
    """Sam in a conversation with Cleo."""
    sam = web.signed_in("sam")
    fields = {"conversation_type": "store_customer", "recipient_type": "customer", "recipient_id": web.cast.cleo.id}
    answer = sam.post("/store/messages", fields | {"subject": "Rye", "content": "Hello"})
    return sam, int(answer.location.rsplit("/", 1)[1].split("#")[0])


def refused_and_kept(sam: Browser, number: int) -> None:
    """A send fails with 503, a time to come back, and the words kept."""
    answer = sam.post(f"/store/messages/{number}/messages", {"content": WORDS})
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert WORDS in answer.text and "Traceback" not in answer.text


@contextmanager
def sqlite_lock(path: str) -> Iterator[None]:
    """Another program holds the write lock."""
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


def test_while_somebody_holds_sqlites_write_lock_people_read_and_nothing_half_is_written(
    make_app: Callable[..., Flask], sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "SQLITE_BUSY_MS", 200)
    web = Web(make_app(sqlite_url))
    sam, number = begin(web)
    with sqlite_lock(sqlite_url.removeprefix("sqlite:///")):
        refused_and_kept(sam, number)
        assert sam.get(f"/store/messages/{number}").status_code == 200
        assert sam.get("/store/messages/unread-count", htmx=True).status_code == 200
    assert sam.post(f"/store/messages/{number}/messages", {"content": WORDS}).status_code == 303
    sound(web)


@pytest.mark.postgres
def test_while_somebody_locks_postgresqls_messages_a_send_gives_up_in_time(
    make_app: Callable[..., Flask], postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = database.POSTGRES_OPTIONS.replace("lock_timeout=5000", "lock_timeout=200")
    monkeypatch.setattr(database, "POSTGRES_OPTIONS", options)
    web = Web(make_app(postgres_url))
    sam, number = begin(web)
    with web.engine.connect().execution_options(isolation_level="READ COMMITTED") as other:
        other.execute(text("LOCK TABLE messages IN EXCLUSIVE MODE"))  # writers wait, readers do not
        refused_and_kept(sam, number)
        assert sam.get(f"/store/messages/{number}").status_code == 200
        other.rollback()
    assert sam.post(f"/store/messages/{number}/messages", {"content": WORDS}).status_code == 303
    sound(web)


def test_on_a_full_disk_people_read_and_sends_come_back_when_there_is_room(web: Web) -> None:
    sam, number = begin(web)
    room = {"pages": 0}

    def limit(link: Any, *_rest: object) -> None:
        link.execute(f"PRAGMA max_page_count = {room['pages'] or 1_000_000_000}")

    event.listen(web.engine, "checkout", limit)
    with web.engine.connect() as connection:
        room["pages"] = int(connection.exec_driver_sql("PRAGMA page_count").scalar_one())
    large = {"content": "x" * 9_000}
    answers = [sam.post(f"/store/messages/{number}/messages", large).status_code for _ in range(12)]
    assert 503 in answers and set(answers) <= {303, 503}
    refused = sam.post(f"/store/messages/{number}/messages", {"content": WORDS + "x" * 9_000})
    assert refused.status_code == 503 and WORDS in refused.text
    assert sam.get(f"/store/messages/{number}").status_code == 200
    room["pages"] = 0
    assert sam.post(f"/store/messages/{number}/messages", large).status_code == 303
    sound(web)


@pytest.mark.slow
@pytest.mark.postgres
def test_a_restarted_database_is_found_again_without_a_restart_of_ours(tmp_path: Path, redis_url: str) -> None:
    server = KillablePostgres()
    installation = None
    try:
        installation = Installation(tmp_path, server.url(server.migrated()), redis_url).start()
        sam = installation.signed_in("sam")
        number = sam.begin(installation.cast.cleo, "Hello")
        server.kill()
        assert sam.send(number, WORDS) == 503
        assert sam.get("/readyz")[0] == 503 and sam.get("/healthz")[0] == 200
        server.restart()
        wait_for(lambda: sam.send(number, WORDS, idempotency_key="once") == 303, 10, 0.2)
        assert sam.get(f"/store/messages/{number}", htmx=False)[1].count(f">{WORDS}<") >= 1
        with installation.database():
            assert not doctor.examine().broken
    finally:
        if installation is not None:
            installation.stop()
        server.stop()


def test_a_clock_that_is_set_back_an_hour_changes_no_order_and_signs_nobody_out(web: Web) -> None:
    sam, number = begin(web)
    cleo = web.signed_in("cleo")
    later = datetime.now(UTC) + timedelta(minutes=1)
    with time_machine.travel(later, tick=True):
        assert sam.post(f"/store/messages/{number}/messages", {"content": "before"}).status_code == 303
    with time_machine.travel(later - timedelta(hours=1), tick=True):
        place = f"/storefront/account/messages/{number}"
        assert cleo.get(place).status_code == 200
        assert cleo.post(f"{place}/messages", {"content": "after"}).status_code == 303
        assert sam.get("/store/messages/unread-count", htmx=True).status_code == 200
    with web.app.app_context():
        lines = messaging.get_conversation(web.cast.sam, number).lines
        assert [line.content for line in lines] == ["Hello", "before", "after"]
        assert [line.created_at for line in lines] == sorted(line.created_at for line in lines)
    sound(web)


def sound(web: Web) -> None:
    """The doctor finds nothing."""
    with web.app.app_context():
        db.session.remove()
        report = doctor.examine()
        assert not report.broken, report.lines
