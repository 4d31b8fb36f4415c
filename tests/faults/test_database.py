"""A database that is locked, full or restarted: reads go on where they can, a send fails as a whole, all recovers alone."""

from __future__ import annotations

import contextlib
import random
import shutil
import sqlite3
import sys
import tempfile
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
from messaging_app import doctor
from messaging_app.db import engine as database
from messaging_app.extensions import db
from messaging_app.services import threads
from tests.attachments.test_faults import disk
from tests.conftest import Browser, Web
from tests.live.installation import Installation
from tests.services import Postgres, wait_for

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

    def limit(_link: Any, cursor: Any, *_rest: object) -> None:
        cursor.connection.execute(f"PRAGMA max_page_count = {room['pages'] or 1_000_000_000}")

    event.listen(web.engine, "before_cursor_execute", limit)
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


@pytest.mark.skipif(sys.platform != "linux", reason="a disk of its own needs Linux")
@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def test_on_a_disk_without_a_byte_left_people_read_and_sends_come_back_when_there_is_room(
    kind: str, request: pytest.FixtureRequest, make_app: Callable[..., Flask]
) -> None:
    with open_disk("32m") as folder:
        if kind == "sqlite":
            url = f"sqlite:///{shutil.copy(request.getfixturevalue('migrated_sqlite'), folder / 'messaging.db')}"
        else:
            url = request.getfixturevalue("postgres_on")(folder)
        web = Web(make_app(url))
        sam, number = begin(web)
        with no_byte_left(folder):
            large = {"content": random.Random(1).randbytes(5_000).hex()[:9_000]}  # nothing that can be compressed
            answers = [sam.post(f"/store/messages/{number}/messages", large).status_code for _ in range(12)]
            assert answers[-1] == 503 and set(answers) <= {303, 503}
            refused = sam.post(f"/store/messages/{number}/messages", large)
            assert refused.status_code == 503 and large["content"] in refused.text
            assert sam.get(f"/store/messages/{number}").status_code == 200
            assert web.browser().get("/readyz").status_code == 200
        assert sam.post(f"/store/messages/{number}/messages", large).status_code == 303
        sound(web)
        with web.app.app_context():
            db.engine.dispose()


@contextmanager
def open_disk(size: str) -> Iterator[Path]:
    """A small disk that PostgreSQL's user may reach, too."""
    with tempfile.TemporaryDirectory(prefix="disk-", dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        with disk(Path(folder) / "disk", size) as place:
            yield place


@contextmanager
def no_byte_left(folder: Path) -> Iterator[None]:
    """Something else has taken all the room."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        for piece in (2**16, 2**12):
            with contextlib.suppress(OSError):
                while file.write(b"x" * piece):
                    pass
    try:
        yield
    finally:
        ballast.unlink()


@pytest.fixture
def postgres_on(postgres: Postgres) -> Iterator[Callable[[Path], str]]:
    """Makes a migrated database whose tables lie in a folder."""
    made: list[str] = []

    def make(folder: Path) -> str:
        if postgres.user:
            shutil.chown(folder, postgres.user["user"], postgres.user["group"])
        (folder / "tables").mkdir(mode=0o700)
        if postgres.user:
            shutil.chown(folder / "tables", postgres.user["user"], postgres.user["group"])
        postgres.execute(f"CREATE TABLESPACE small LOCATION '{folder / 'tables'}'")
        made.append(postgres.create_database(template=f"{postgres.migrated()} TABLESPACE small"))
        return postgres.url(made[0])

    yield make
    for name in made:
        postgres.drop_database(name)
    postgres.execute("DROP TABLESPACE IF EXISTS small")


@pytest.mark.long
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
        assert all(sam.get(f"/store/messages/{number}", htmx=False)[0] == 503 for _ in range(4))  # each process
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


def test_a_clock_that_is_set_back_an_hour_changes_no_order_and_signs_nobody_out(
    make_app: Callable[..., Flask], database_url: str
) -> None:
    web = Web(make_app(database_url))
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
        lines = threads.get_conversation(web.cast.sam, number).lines
        assert [line.content for line in lines] == ["Hello", "before", "after"]
        assert [line.created_at for line in lines] == sorted(line.created_at for line in lines)
    sound(web)


def sound(web: Web) -> None:
    """The doctor finds nothing."""
    with web.app.app_context():
        db.session.remove()
        report = doctor.examine()
        assert not report.broken, report.lines
