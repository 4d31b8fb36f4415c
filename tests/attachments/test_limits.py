"""How large, how many and how much an hour: exactly the limit passes, and what an admin sets counts at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from messaging_app.accounts.limits import LIMITS
from messaging_app.storage import storage_from_url
from messaging_app.storage.moving import move_files
from tests.attachments.conftest import Doors, codes, ids, open_doors
from tests.attachments.multipart import Form
from tests.browser.files import PICTURE

pytestmark = pytest.mark.slow

MEGABYTE = 2**20
TEXT = b"words"


def form(*files: bytes) -> Form:
    made = Form().text(content="Not to be lost")
    for number, data in enumerate(files):
        made.file(data, f"notes-{number}.txt")
    return made


def test_exactly_the_limit_passes_and_one_byte_more_is_413(doors: Doors) -> None:
    doors.limits(megabytes=2)
    exact = TEXT.ljust(2 * MEGABYTE, b".")
    assert doors.page(form(exact)).status_code == 200
    assert doors.page(form(exact), htmx=False).status_code == 303
    assert doors.api(form(exact)).status_code == 201
    before = doors.last_seq()
    plain = doors.page(form(exact + b"."), htmx=False)
    assert plain.status_code == 413 and "larger than 2 MB" in plain.text and "Not to be lost" in plain.text
    page = doors.page(form(exact + b"."))
    assert page.status_code == 422 and 'data-file-error="notes-0.txt"' in page.text and "Not to be lost" in page.text
    api = doors.api(form(exact + b"."))
    assert (api.status_code, codes(api)) == (413, ["too_large"])
    assert doors.last_seq() == before


def test_as_many_files_of_the_largest_size_as_are_allowed_go_into_one_message(doors: Doors) -> None:
    doors.limits(megabytes=1, files=5)
    exact = TEXT.ljust(MEGABYTE, b".")
    page, api = doors.page(form(*[exact] * 5)), doors.api(form(*[exact] * 5))
    assert (page.status_code, api.status_code) == (200, 201), (page.text, api.text)
    assert len(ids(page)) == len(api.json["attachments"]) == 5
    longest = Form().text(content="字" * 10_000)
    for number in range(5):
        longest.file(exact, "語" * 80 + f"{number}.txt")
    assert doors.page(longest).status_code == 200, "the longest text and names fit beside them"


def test_one_file_more_is_refused_before_any_is_looked_at(doors: Doors) -> None:
    doors.limits(files=3)
    assert doors.page(form(*[TEXT] * 3)).status_code == 200
    stored = doors.stored()
    page, api = doors.page(form(*[TEXT] * 4)), doors.api(form(*[TEXT] * 4))
    assert page.status_code == 422 and "A message can have at most 3 files" in page.text
    assert (api.status_code, codes(api)) == (422, ["too_many_files"])
    assert doors.stored() == stored


def test_a_request_beyond_all_limits_is_413_without_being_read(doors: Doors) -> None:
    doors.limits(megabytes=1, files=1)
    huge = form(*[TEXT.ljust(MEGABYTE, b".")] * 3)
    page = doors.page(huge)
    assert page.status_code == 413 and "too large" in page.text
    api = doors.api(huge)
    assert api.status_code == 413 and api.get_json(force=True)["code"] == "too_large"
    many = Form().text(content="x")
    for number in range(120):
        many.file(b"x", f"{number}.txt")
    assert doors.page(many).status_code == 413, "so many parts are read no further"
    assert doors.api(many).status_code == 413
    words = Form().text(content="x" * 600_000)
    assert doors.page(words).status_code == 413, "text is held in memory, so it has a limit of its own"
    assert doors.last_seq() == 1 and doors.stored() == []


def test_limits_count_at_once_and_nonsense_falls_back_to_the_default(doors: Doors) -> None:
    two = TEXT.ljust(2 * MEGABYTE, b".")
    doors.limits(megabytes=1)
    assert doors.api(form(two)).status_code == 413
    doors.limits(megabytes=2)
    assert doors.api(form(two)).status_code == 201
    with doors.web.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE platform_settings SET value = 'lots'")
    assert doors.api(form(two)).status_code == 201
    assert doors.api(form(TEXT.ljust(10 * MEGABYTE + 1, b"."))).status_code == 413
    assert any("message_attachment_max_size_mb" in fault for fault in doors.faults())


def test_an_hourly_volume_that_a_person_may_send(
    migrated_sqlite: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the limit in force, of which the test lowers only the number."""
    monkeypatch.setitem(LIMITS, "upload", type(LIMITS["upload"])(2048, 1))
    with open_doors(migrated_sqlite, tmp_path, rate_limits="on") as doors:
        exact = TEXT.ljust(MEGABYTE, b".")
        assert doors.page(form(exact)).status_code == 200
        assert doors.api(form(exact)).status_code == 201, "exactly the limit, by both doors together"
        before, stored = doors.last_seq(), doors.stored()
        for answer in (doors.page(form(TEXT)), doors.page(form(TEXT), htmx=False), doors.api(form(TEXT))):
            assert answer.status_code == 429, answer.text
            assert 0 < int(answer.headers["Retry-After"]) <= 3601
        assert "Not to be lost" in doors.page(form(TEXT), htmx=False).text
        assert (doors.last_seq(), doors.stored()) == (before, stored)
        assert doors.page(Form().text(content="Words alone")).status_code == 200
        nadia = doors.web.signed_in("nadia")
        assert doors.page(form(TEXT), nadia).status_code == 200, "the limit is a person's own"


def test_files_live_in_a_bucket_from_send_to_removal_and_move_to_a_folder(
    migrated_sqlite: Path, tmp_path: Path, s3: Any
) -> None:
    photo, notes = PICTURE["buffer"], TEXT.ljust(9 * MEGABYTE, b".")  # more than a part of S3's uploads
    with open_doors(migrated_sqlite, tmp_path, storage_url=s3.url) as doors:
        sent = doors.page(Form().text(content="See").file(photo, "photo.png").file(notes, "notes.txt"))
        assert sent.status_code == 200, sent.text
        refused = doors.api(Form().file(photo, "photo.png").file(b"MZ", "evil.exe"))
        assert codes(refused) == ["type_not_allowed"]
        assert len(keys(s3)) == 3, "picture, thumbnail and notes; nothing of what was refused"
        assert all(key.startswith("files/messages/") for key in keys(s3))
        first, second = ids(sent)
        for by_api in (False, True):
            assert doors.fetch(first, by_api=by_api).data == photo
            assert doors.fetch(second, by_api=by_api).data == notes
            part = doors.fetch(second, by_api=by_api, Range="bytes=2-3")
            assert (part.status_code, part.data) == (206, notes[2:4])
            assert part.headers["Content-Range"] == f"bytes 2-3/{len(notes)}"
            head = doors.fetch(second, by_api=by_api, method="HEAD")
            assert (head.data, head.headers["Content-Length"]) == (b"", str(len(notes)))
        preview = doors.cleo.get(f"/storefront/account/messages/{doors.number}/attachments/{first}/thumbnail")
        assert preview.data[8:12] == b"WEBP"
        assert doors.faults() == []
        folder = storage_from_url(str(tmp_path / "moved"))
        with doors.web.app.app_context():
            bucket = doors.web.app.extensions["storage"]
            assert move_files(bucket, folder, print) == (3, 0)
            assert move_files(bucket, folder, print) == (0, 3)
        doors.web.app.extensions["storage"] = folder
        assert (doors.fetch(first).data, doors.fetch(second).data) == (photo, notes)
        assert doors.faults() == []
        doors.web.app.extensions["storage"] = bucket
        for number in (first, second):
            path = f"/store/messages/{doors.number}/attachments/{number}/remove"
            assert doors.sam.post(path).status_code == 303
        assert keys(s3) == [] and doors.faults() == []


def keys(s3: Any) -> list[str]:
    return [item["Key"] for item in s3.client.list_objects_v2(Bucket=s3.name).get("Contents", ())]
