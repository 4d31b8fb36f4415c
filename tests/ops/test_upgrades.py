"""Upgrades without a pause: old and new code on one database, and migrations that give up rather than hold people up."""

from __future__ import annotations

import http.client
import itertools
import json
import os
import random
import re
import signal
import sqlite3
import subprocess
import sys
import tarfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest
from flask import Flask
from flask_migrate import upgrade
from sqlalchemy import Connection, create_engine, event, inspect, text
from sqlalchemy.exc import OperationalError

from messaging_app import doctor
from messaging_app.actors import Actor, ActorType
from messaging_app.db import engine as database
from messaging_app.extensions import db
from messaging_app.ops import health
from tests import cast
from tests.conftest import SECRET
from tests.live.installation import Person
from tests.services import ROOT, die_with_parent, free_port, wait_for
from tests.test_migrations import OLD_ROWS, described

OLD = "0016"  # the code before it calls, in every send, functions that the contract step takes away
TOTALS = "0005", "0015"  # begins to add up what is unread under a lock; the last that keeps it
PASSWORDS = {"password_hash": cast.cheap_hash()}
DIRECTORY = {
    "stores": [
        {
            "code": "bakery",
            "name": "Bakery",
            "staff": [
                {"email": cast.EMAILS[name], "name": name, "role": "staff"} | PASSWORDS for name in ("sam", "nadia")
            ],
            "customers": [{"email": cast.EMAILS[name], "name": name} | PASSWORDS for name in ("cleo", "omar")],
        }
    ]
}

# What the old code does at its command line, in one process, for it takes seconds to load: the second half when told to.
CLERK = """
import pathlib, sys
from flask_migrate import upgrade
from messaging_app import create_app
from messaging_app import directory, doctor
create_app().app_context().push()
upgrade()
directory.import_file(pathlib.Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
report = doctor.examine()
sys.exit("\\n".join(report.lines) if report.broken else 0)
"""


def git(*arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=False)
    return done.stdout.strip()


def code_before(revision: str, folder: Path) -> Path:
    """The tree of the commit that came just before the migration `revision` was added."""
    path = next(ROOT.glob(f"migrations/versions/{revision}_*.py")).relative_to(ROOT)
    added = git("log", "--diff-filter=A", "--format=%H", "--", str(path)).splitlines()
    before = added and git("rev-parse", "--verify", "--quiet", f"{added[-1]}^")
    if not before:
        pytest.skip("the code of before is not in this clone's history; a full clone (git fetch --unshallow) has it")
    archive = folder / "old.tar"
    git("archive", "--format=tar", f"--output={archive}", before)
    with tarfile.open(archive) as tar:
        tar.extractall(folder / "old", filter="data")
    return folder / "old"


@dataclass
class Code:
    """A version of the application: its tree, and a port at which it serves."""

    root: Path
    environment: dict[str, str]
    log: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @contextmanager
    def clerk(self, directory: Path) -> Iterator[Callable[[], None]]:
        """The database is made and its people are in it; what is given examines it."""
        with subprocess.Popen(
            [sys.executable, "-c", CLERK, directory], cwd=self.root, env=self.environment, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=die_with_parent,
        ) as process:  # fmt: skip

            def examine() -> None:
                said = process.communicate("now\n", timeout=60)
                assert process.returncode == 0, said

            assert process.stdout is not None and process.stderr is not None
            assert "ready" in process.stdout.readline(), process.stderr.read()
            yield examine

    def serve(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "gunicorn", "-c", "python:messaging_app.gunicorn_conf", "wsgi:app"],
                cwd=self.root, env=self.environment | {"PORT": str(self.port)}, stdout=log, stderr=log,
                preexec_fn=die_with_parent,
            )  # fmt: skip
        wait_for(self._answers, 30, 0.05, "the server to answer")

    def _answers(self) -> bool:
        try:
            return Person(self.port).get("/", htmx=False)[0] == 200
        except OSError:
            return False

    def readiness(self) -> dict[str, str]:
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        link.request("GET", "/readyz")
        found: dict[str, str] = json.loads(link.getresponse().read())
        link.close()
        return found

    def stop(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(15)
            self.process = None


class Writer(threading.Thread):
    """Somebody behind a load balancer: each request goes to any of the versions that serve, with one session."""

    def __init__(self, person: Person, name: str, number: int, serving: list[Code]) -> None:
        super().__init__(daemon=True)
        self.person, self.who, self.number, self.serving = person, name, number, serving
        self.done = threading.Event()
        self.acknowledged: list[str] = []
        self.answers: Counter[tuple[str, int]] = Counter()
        self.both = 0  # what was sent while two versions served

    def run(self) -> None:
        for turn in itertools.count():
            if self.done.is_set():
                return
            words = f"{self.who} {turn}"
            while (status := self._ask("send", words)) not in (200, 303):
                if status:  # an error is what this test looks for; nobody there is tried again
                    return
                time.sleep(0.02)
            self.acknowledged.append(words)
            self.both += len(self.serving) == 2
            self._ask("read")
            self._ask("badge")
            time.sleep(0.1)  # the versions need the processor too

    def _ask(self, what: str, words: str = "") -> int:
        """One request; 0 where nobody was there to take it."""
        code = random.choice(self.serving)
        self.person.port = code.port
        place = f"{self.person.base}/{self.number}"
        try:
            if what == "send":
                status, _ = self.person.post(f"{place}/messages", content=words, idempotency_key=words)
            elif what == "read":
                status, _ = self.person.get(place, htmx=False)
            else:
                status, _ = self.person.get(f"{self.person.base}/unread-count")
        except (OSError, http.client.HTTPException):
            return 0
        self.answers[what, status] += 1
        return status


def begin_writing(serving: list[Code], customers: list[tuple[Any, ...]]) -> list[Writer]:
    """Staff and customers, two at a time in one conversation, so that its numbers and counters are contended for."""
    sam, nadia, cleo, omar = (Person(serving[0].port) for _ in range(4))
    for person, role, name in ((sam, "store", "sam"), (nadia, "store", "nadia"), (cleo, "storefront", "cleo")):
        person.sign_in(role, name)
    omar.sign_in("storefront", "omar")
    numbers = [sam.begin(Actor(ActorType.CUSTOMER, number, ""), "We begin.") for (number,) in customers]
    places = [(sam, "sam", 0), (nadia, "nadia", 1), (cleo, "cleo", 0), (omar, "omar", 1)]
    writers = [Writer(person, name, numbers[place], serving) for person, name, place in places]
    for writer in writers:
        writer.start()
    return writers


def rows(url: str, statement: str) -> list[tuple[Any, ...]]:
    """Read past every version of the code."""
    engine = create_engine(url)
    with engine.connect() as connection:
        found = [tuple(row) for row in connection.execute(text(statement))]
    engine.dispose()
    return found


@pytest.mark.long
@pytest.mark.timeout(240)  # eight loads of the application, which other tests may slow down
@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def test_old_and_new_code_serve_side_by_side_while_the_schema_moves(
    kind: str, request: pytest.FixtureRequest, make_app: Callable[..., Flask], tmp_path: Path
) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MESSAGING_", "FLASK_"))}
    settings = {"SECRET_KEY": SECRET, "RATE_LIMITS": "off", "INSTANCE": str(tmp_path / "instance")}
    settings["DATABASE_URL"] = f"sqlite:///{tmp_path / 'messaging.db'}"
    if kind == "postgres":
        settings["DATABASE_URL"] = request.getfixturevalue("empty_postgres_url")
        settings["REDIS_URL"] = request.getfixturevalue("redis_url")
    environment |= {f"MESSAGING_{name}": value for name, value in settings.items()} | {"WEB_CONCURRENCY": "1"}
    app = make_app(settings["DATABASE_URL"], redis_url=settings.get("REDIS_URL"), instance=settings["INSTANCE"])
    app.config["QUIET_MIGRATIONS"] = True
    old = Code(code_before(OLD, tmp_path), environment, tmp_path / "log")
    new = Code(ROOT, environment, tmp_path / "log")
    (tmp_path / "directory.json").write_text(json.dumps(DIRECTORY))
    serving, writers = [old], []
    try:
        with old.clerk(tmp_path / "directory.json") as examine:
            old.serve()
            writers = begin_writing(
                serving, rows(settings["DATABASE_URL"], "SELECT id FROM customers ORDER BY email_key")
            )
            examine()
        with app.app_context():
            (before_contract,) = health.ready_on() - health.heads()
            upgrade(revision=before_contract)
        new.serve()
        assert new.readiness()["migrations"] == "ok", "the new code waits for no step that takes away"
        serving.append(new)
        wait_for(lambda: all(w.both > 5 or not w.is_alive() for w in writers), 60, what="everybody to write to both")
        serving.remove(old)
        old.stop()
        with app.app_context():
            upgrade()
            assert not doctor.examine().broken
        enough = {writer: len(writer.acknowledged) + 3 for writer in writers}
        wait_for(
            lambda: all(len(w.acknowledged) >= n or not w.is_alive() for w, n in enough.items()), 60, 0.05, "sends"
        )
    finally:
        for writer in writers:
            writer.done.set()
        for writer in writers:
            writer.join(20)
        old.stop()
        new.stop()
    answers = sum((writer.answers for writer in writers), Counter())
    assert {status for _what, status in answers} <= {200, 204, 303}, (answers, (tmp_path / "log").read_text()[-3000:])
    stored = Counter(content for (content,) in rows(settings["DATABASE_URL"], "SELECT content FROM messages"))
    for writer in writers:
        assert len(writer.acknowledged) >= max(enough[writer], 6)
        assert [stored[words] for words in writer.acknowledged] == [1] * len(writer.acknowledged)
    with app.app_context():
        assert not doctor.examine().broken


# --- Migrations and who waits for them -------------------------------------------------------------------------------


@pytest.fixture
def old_app(empty_app: Flask, monkeypatch: pytest.MonkeyPatch) -> Flask:
    """The application on a database of before there were totals, in which Cleo has two messages to read."""
    monkeypatch.setattr(database, "SQLITE_BUSY_MS", 1_000)  # heard by each new connection
    upgrade(revision=f"{int(TOTALS[0]) - 1:04d}")
    with db.engine.connect().execution_options(**database.WRITING[db.engine.dialect.name]) as connection:
        for statement in OLD_ROWS:
            connection.execute(text(statement))
        connection.commit()
    return empty_app


@contextmanager
def somebody_writes(app: Flask) -> Iterator[Any]:
    """A transaction of another program that has given Cleo five more to read and is not over."""
    url = db.engine.url
    link: Any
    if url.get_backend_name() == "sqlite":
        link = sqlite3.connect(str(url.database), isolation_level=None, check_same_thread=False)
        link.execute("BEGIN IMMEDIATE")
    else:
        link = psycopg.connect(url.set(drivername="postgresql").render_as_string(False))
    try:
        link.execute(
            "UPDATE conversation_participants SET unread_count = unread_count + 5 WHERE participant_type = 'customer'"
        )
        yield link
    finally:
        link.close()


def totals() -> int:
    with db.engine.connect() as connection:
        return int(connection.execute(text("SELECT sum(unread) FROM unread_totals")).scalar_one())


def test_a_migration_that_cannot_get_its_lock_gives_up_soon_changes_nothing_and_can_be_run_again(
    old_app: Flask,
) -> None:
    before = described()
    with somebody_writes(old_app):
        began = time.monotonic()
        with pytest.raises(OperationalError):
            upgrade(revision=TOTALS[1])
        assert time.monotonic() - began < 4, "sooner than the application gives up waiting behind it"
    assert described() == before
    upgrade(revision=TOTALS[1])
    assert totals() == 2


def test_what_is_written_while_totals_are_added_up_is_in_them(old_app: Flask) -> None:
    failed: list[BaseException] = []

    def run() -> None:
        with old_app.app_context():
            try:
                upgrade(revision=TOTALS[1])
            except BaseException as error:
                failed.append(error)

    with somebody_writes(old_app) as link:
        thread = threading.Thread(target=run)
        thread.start()
        time.sleep(0.3)
        link.execute("COMMIT")
        thread.join(10)
    assert not failed and totals() == 7


TAKES_AWAY = "the code before it still uses it"
# What a migration may not do to a table that was there before it, while people use it: sentences for who tries.
FORBIDDEN = {
    r"CREATE (UNIQUE )?INDEX (?!CONCURRENTLY)\S+ ON (?P<table>\w+)": "keeps writers out while it is built: CONCURRENTLY",
    r"ALTER TABLE (?P<table>\w+) ADD COLUMN (?!.* DEFAULT ).* NOT NULL": "the code before it does not fill the column",
    r"ALTER TABLE (?P<table>\w+) ALTER COLUMN \w+ (TYPE|SET NOT NULL)": "reads the whole table under its strongest lock",
    r"ALTER TABLE (?P<table>\w+) ADD (CONSTRAINT|CHECK|FOREIGN|UNIQUE)(?!.*(NOT VALID|USING INDEX))": "checks every row",
    r"ALTER TABLE (?P<table>\w+) (DROP|RENAME)": TAKES_AWAY,
    r"DROP TABLE (?P<table>\w+)": TAKES_AWAY,
    r"(UPDATE|DELETE FROM) (?P<table>\w+)(?!.* WHERE )": "all rows in one transaction: fill in batches",
}
# What broke a rule before the first release, when there was no installation to hold up.
FORGIVEN = {
    ("0002", "conversations"),
    ("0002", "messages"),
    ("0004", "conversation_participants"),
    ("0004", "customers"),
    ("0004", "users"),
}


@pytest.mark.postgres
@pytest.mark.parametrize("empty_app", ["postgres"], indirect=True)
def test_no_migration_holds_up_who_writes_or_takes_away_what_old_code_needs(empty_app: Flask) -> None:
    said: list[str] = []
    together: list[str] = []  # in the transaction of the migration

    def hear(connection: Connection, _cursor: object, statement: str, *_more: object) -> None:
        said.append(" ".join(statement.split()))
        if not connection.connection.dbapi_connection.autocommit:  # type: ignore[union-attr]
            together.append(said[-1])

    event.listen(db.engine, "before_cursor_execute", hear)
    broken = []
    scripts = list(health._script().walk_revisions())[::-1]
    for revision, is_contract in [(script.revision, getattr(script.module, "contract", False)) for script in scripts]:
        there = set(inspect(db.engine).get_table_names()) - {"alembic_version"}
        said.clear()
        together.clear()
        upgrade(revision=revision)
        assert any("lock_timeout = '2s'" in statement for statement in said)
        broken += [
            (revision, found["table"], reason)
            for statement in said
            for rule, reason in FORBIDDEN.items()
            if (found := re.match(rule, statement)) and found["table"] in there
            if not (is_contract and reason == TAKES_AWAY)
        ]
        # Two in one transaction and a reader of both are a deadlock, in which PostgreSQL may end the reader.
        changed = {table for statement in together for table in re.findall(r"^ALTER TABLE (\w+)", statement)} & there
        locked = {table for statement in together for table in re.findall(r"REFERENCES (\w+)", statement)} & there
        if changed and len(changed | locked) > 1:
            broken += [(revision, table, "one table at a time") for table in sorted(changed)]
    assert {(revision, table) for revision, table, _reason in broken} == FORGIVEN, broken
