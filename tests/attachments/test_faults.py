"""No room, no storage, no scanner: a send with files fails as a whole, says so, and all recovers without a restart."""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from flask import Flask
from werkzeug.test import TestResponse

from messaging_app.db.engine import statement_executed
from tests.attachments.conftest import Doors, codes, ids, open_doors
from tests.attachments.multipart import Form
from tests.browser.files import PICTURE
from tests.conftest import Web
from tests.files.clamd import EICAR, running_clamd
from tests.services import free_port

pytestmark = pytest.mark.slow

MEGABYTE = 2**20
TEXT = b"words and words\n"
PHOTO = PICTURE["buffer"]


def fails_as_a_whole(doors: Doors, data: bytes, *, name: str = "notes.txt", keeps_text: bool = True) -> None:
    """503 with a sentence at every door; nothing sent, nothing left."""
    before, stored = doors.last_seq(), doors.stored()
    for htmx in (True, False):
        page = doors.page(Form().text(content="Not to be lost").file(data, name), htmx=htmx)
        assert page.status_code == 503, page.text
        assert page.headers["Retry-After"] == "5"
        if keeps_text:
            assert "Not to be lost" in page.text
    is_unavailable(doors.api(Form().text(content="Not to be lost").file(data, name)))
    assert (doors.last_seq(), doors.stored()) == (before, stored)


def is_unavailable(answer: TestResponse) -> None:
    assert answer.status_code == 503, answer.text
    assert answer.get_json(force=True)["code"] == "unavailable"
    assert answer.headers["Retry-After"] == "5"


def goes_through(doors: Doors, data: bytes, name: str = "notes.txt") -> int:
    """The same is sent now, and comes as it was sent; answers its number."""
    answer = doors.page(Form().text(content="See").file(data, name))
    assert answer.status_code == 200, answer.text
    number = ids(answer)[0]
    assert doors.fetch(number).data == data
    return number


@contextmanager
def no_file_larger_than(size: int) -> Iterator[None]:
    """The system refuses to write more into any one file, as a full disk does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_no_room_for_the_temporary_file_of_an_upload(doors: Doors) -> None:
    data = TEXT * (3 * MEGABYTE // len(TEXT))
    with no_file_larger_than(2 * MEGABYTE):
        fails_as_a_whole(doors, data, keeps_text=False)  # what was typed came with the file and was read no further
        assert doors.page(Form().text(content="Words alone")).status_code == 200
    goes_through(doors, data)
    assert doors.faults() == []


@contextmanager
def disk(folder: Path, size: str) -> Iterator[Path]:
    """A small disk of its own at `folder`."""
    folder.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], capture_output=True)
    if made.returncode:
        pytest.skip("a disk of its own needs root")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.skipif(sys.platform != "linux", reason="a disk of its own needs Linux")
def test_storage_is_full(migrated_sqlite: Path, tmp_path: Path) -> None:
    with (
        disk(tmp_path / "files", "1m") as folder,
        open_doors(migrated_sqlite, tmp_path, storage_url=str(folder)) as doors,
    ):
        data = TEXT * (700_000 // len(TEXT))
        number = goes_through(doors, data)
        fails_as_a_whole(doors, data)
        assert doors.fetch(number).data == data, "what is there can still be read"
        assert doors.page(Form().text(content="Words alone")).status_code == 200
        removed = doors.sam.post(f"/store/messages/{doors.number}/attachments/{number}/remove")
        assert removed.status_code == 303, "room can be made on a full disk"
        goes_through(doors, data)
        assert doors.faults() == []


def test_storage_becomes_unwritable(doors: Doors) -> None:
    """A file stands where the folder should be: what an operator's slip or a lost mount looks like."""
    goes_through(doors, TEXT)
    aside = doors.root.rename(doors.root.with_name("aside"))
    doors.root.write_bytes(b"")
    fails_as_a_whole(doors, TEXT)
    doors.root.unlink()
    aside.rename(doors.root)
    goes_through(doors, TEXT)


@contextmanager
def s3_at(port: int) -> Iterator[None]:
    """An S3 server that can go and come again; its buckets outlive it within this process."""
    server = pytest.importorskip("moto.server", reason="no S3 server (moto)")
    running = server.ThreadedMotoServer(ip_address="127.0.0.1", port=port, verbose=False)
    running.start()
    try:
        yield
    finally:
        running.stop()


def test_a_bucket_out_of_reach(migrated_sqlite: Path, tmp_path: Path, s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
    with open_doors(migrated_sqlite, tmp_path, storage_url=s3.url) as doors:
        with s3_at(port):
            photo, notes = goes_through(doors, PHOTO, "photo.png"), goes_through(doors, TEXT)
        before = doors.last_seq()
        page = doors.page(Form().text(content="Not to be lost").file(TEXT, "notes.txt"), htmx=False)
        assert page.status_code == 503 and "Not to be lost" in page.text, page.text
        assert "Files cannot be saved right now" in page.text
        is_unavailable(doors.api(Form().text(content="Not to be lost").file(TEXT, "notes.txt")))
        assert doors.last_seq() == before
        assert doors.fetch(notes).status_code == 503
        is_unavailable(doors.fetch(notes, by_api=True))
        preview = doors.cleo.get(f"/storefront/account/messages/{doors.number}/attachments/{photo}/thumbnail")
        assert preview.status_code == 503
        assert doors.page(Form().text(content="Words alone")).status_code == 200
        assert doors.sam.post(f"/store/messages/{doors.number}/attachments/{photo}/remove").status_code == 303
        assert doors.fetch(photo).status_code == 404, "removed though its bytes could not be deleted yet"
        assert any("cannot be read" in fault for fault in doors.faults())
        with s3_at(port):
            assert doors.fetch(notes).data == TEXT
            goes_through(doors, TEXT)
            assert any("removed files still in storage" in fault for fault in doors.faults()), doors.faults()
            doors.repair()
            assert doors.faults() == []


def test_malware_is_refused_at_both_doors_and_leaves_nothing(migrated_sqlite: Path, tmp_path: Path) -> None:
    with running_clamd() as clamd, open_doors(migrated_sqlite, tmp_path, clamd_url=clamd.url) as doors:
        form = Form().text(content="Not to be lost").file(TEXT, "good.txt").file(EICAR, "evil.txt")
        page, api = doors.page(form), doors.api(Form().text(content="x").file(EICAR, "evil.txt"))
        assert page.status_code == 422 and "evil.txt” was refused by the virus scanner" in page.text
        assert "Not to be lost" in page.text and "Eicar" not in page.text
        assert (api.status_code, codes(api)) == (422, ["malware"])
        assert doors.stored() == []
        goes_through(doors, PHOTO, "photo.png")
        assert clamd.scanned == [TEXT, EICAR, EICAR, PHOTO], "it sees each file as it was sent"
        assert "not checked" not in doors.sam.get(f"/store/messages/{doors.number}").text


def test_a_scanner_out_of_reach_refuses_unless_told_to_accept(migrated_sqlite: Path, tmp_path: Path) -> None:
    url = f"tcp://127.0.0.1:{free_port()}"
    for folder in ("refuse", "accept"):
        (tmp_path / folder).mkdir()
    with open_doors(migrated_sqlite, tmp_path / "refuse", clamd_url=url) as doors:
        fails_as_a_whole(doors, TEXT)
        page = doors.page(Form().text(content="x").file(TEXT, "notes.txt"))
        assert "cannot be checked for viruses right now" in page.text
        assert doors.stored() == []
    with open_doors(migrated_sqlite, tmp_path / "accept", clamd_url=url, clamd_unreachable="accept") as doors:
        goes_through(doors, TEXT)
        assert "not checked for viruses" in doors.cleo.get(f"/storefront/account/messages/{doors.number}").text


def test_what_a_killed_process_left_is_swept_when_it_is_old(doors: Doors, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = doors.root.with_name("temporary")
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    staging = doors.root / ".staging"
    goes_through(doors, TEXT)
    left = [staging / "0f0f", folder / "messaging-upload-0f0f"]
    for path in left:
        path.write_bytes(TEXT)
    doors.repair()
    assert all(path.exists() for path in left), "young ones may be on their way"
    doors.age(3700)
    assert doors.faults() == []
    doors.repair()
    assert not any(path.exists() for path in left)


@pytest.mark.postgres
def test_a_file_stays_where_the_database_goes_just_after_it_committed(
    postgres_url: str, make_app: Callable[..., Flask]
) -> None:
    """Nobody can tell whether such a send was committed. It was: the row is there, and its file with it."""
    web = Web(make_app(postgres_url))
    sam = web.signed_in("sam")
    first = {"recipient_type": "customer", "recipient_id": str(web.cast.cleo.id), "subject": "Cake", "content": "Hello"}
    doors = Doors(web, int(sam.post("/store/messages", first).location.rpartition("/")[2]))

    gone: list[str] = []

    def commit_and_go(connection: Any, statement: str, **_rest: Any) -> None:
        """Just after a send's last statement, so that the answer to its own COMMIT is missed."""
        if gone or not statement.startswith("INSERT INTO conversation_participants"):
            return
        gone.append(statement)
        driver = connection.connection.driver_connection
        driver.commit()
        driver.execute("SELECT 1")  # a transaction again, or the driver would not send the COMMIT that comes
        with psycopg.connect(postgres_url.replace("postgresql+psycopg", "postgresql"), autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(%s)", [driver.info.backend_pid])

    def form() -> Form:
        return Form().text(content="See", idempotency_key="once").file(TEXT, "notes.txt")

    with statement_executed.connected_to(commit_and_go):
        assert doors.page(form(), htmx=False).status_code == 503
    assert doors.faults() == [] and doors.last_seq() == 2
    again = doors.page(form())
    assert again.status_code == 200 and doors.last_seq() == 2
    assert doors.fetch(ids(again)[0]).data == TEXT
