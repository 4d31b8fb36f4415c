"""One statement that waits keeps nobody else waiting: the deployed set-up, gevent before PostgreSQL and Redis."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import psycopg
import pytest

from bench.faults import KillablePostgres
from tests.live.installation import Installation, Person
from tests.services import ROOT, free_port, wait_for

pytestmark = [pytest.mark.long, pytest.mark.postgres]


class Asking(threading.Thread):
    """Somebody who waits for one answer."""

    def __init__(self, person: Person, path: str, **fields: str) -> None:
        super().__init__(daemon=True)
        self.person, self.path, self.fields, self.status = person, path, fields, 0
        self.start()

    def run(self) -> None:
        ask = self.person.post if self.fields else self.person.get
        self.status = ask(self.path, **self.fields)[0]


def one_process(tmp_path: Path, database_url: str, redis_url: str) -> Installation:
    """Scaled, but in one process, so that every request goes to the one that waits."""
    installation = Installation(tmp_path, database_url, redis_url)
    installation.environment["WEB_CONCURRENCY"] = "1"
    return installation.start()


def test_a_locked_row_keeps_nobody_else_waiting(tmp_path: Path, postgres_url: str, redis_url: str) -> None:
    installation = one_process(tmp_path, postgres_url, redis_url)
    try:
        sam, cleo = installation.signed_in("sam"), installation.signed_in("cleo")
        number = sam.begin(installation.cast.cleo, "Hello")
        with psycopg.connect(postgres_url.replace("+psycopg", "")) as other:
            other.execute("SELECT 1 FROM conversations WHERE id = %s FOR UPDATE", (number,))
            waits = Asking(sam, f"{sam.base}/{number}/messages", content="Waits for the row")
            find = (
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
            )
            with psycopg.connect(postgres_url.replace("+psycopg", ""), autocommit=True) as looking:
                wait_for(lambda: looking.execute(find).fetchone() == (1,), 10, what="the send to wait for the row")
            for _ in range(10):
                assert cleo.get("/healthz")[0] == 200
                assert cleo.get(f"{cleo.base}/{number}", htmx=False)[0] == 200
            assert waits.is_alive(), "everybody was answered while one waited"
        waits.join(20)
        assert waits.status == 303
    finally:
        installation.stop()


@pytest.mark.timeout(180)
def test_a_database_that_hangs_ends_in_503_and_is_found_again(tmp_path: Path, redis_url: str) -> None:
    server = KillablePostgres()
    installation = None
    try:
        installation = one_process(tmp_path, server.url(server.migrated()), redis_url)
        sam = installation.signed_in("sam")
        sam.patience = 90.0
        server.tell(signal.SIGSTOP)
        waits = [Asking(sam, sam.base) for _ in range(40)]  # more than the pool has connections
        wait_for(lambda: Person(sam.port).get("/healthz")[0] == 200 and not any(one.is_alive() for one in waits), 90)
        assert {one.status for one in waits} == {503}
        assert "WORKER TIMEOUT" not in installation.said()
        server.tell(signal.SIGCONT)
        wait_for(lambda: sam.get(sam.base, htmx=False)[0] == 200, 20, 0.2)
        assert installation.said().count("Booting worker") == 1
    finally:
        server.tell(signal.SIGCONT)
        if installation is not None:
            installation.stop()
        server.stop()


def test_gunicorn_refuses_gevent_after_something_that_blocks(tmp_path: Path, postgres_url: str) -> None:
    """As `--preload` or a program that loads the application first would have it."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MESSAGING_")}
    place = {
        "MESSAGING_INSTANCE": str(tmp_path),
        "PORT": str(free_port()),
        "MESSAGING_REDIS_URL": "redis://127.0.0.1:1",
    }
    command = [sys.executable, "-m", "gunicorn", "-c", "python:messaging_app.gunicorn_conf", "--preload", "wsgi:app"]
    environment = clean | place | {"MESSAGING_DATABASE_URL": postgres_url}
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)
    assert ended.returncode != 0
    assert "psycopg" in ended.stderr and "imported before gevent" in ended.stderr
