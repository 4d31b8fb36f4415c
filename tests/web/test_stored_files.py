"""The doctor's checks of files, and moving files to another storage."""

from __future__ import annotations

import os
from pathlib import Path
from time import time

import pytest

from messaging_app import doctor
from tests.conftest import Web
from tests.web.test_attachments import begin


def said(web: Web, *, repair: bool = False) -> dict[str, str]:
    with web.app.app_context():
        lines = doctor.examine(repair=repair).lines
    return {line.partition(":")[0].split(None, 1)[1]: line for line in lines if not line.startswith("ok")}


def files(web: Web) -> list[Path]:
    return sorted(path for path in web.app.extensions["storage"].root.rglob("*.*") if path.is_file())


def test_the_doctor_compares_rows_and_files_both_ways_and_sweeps_strays(web: Web) -> None:
    begin(web)
    assert said(web) == {}
    picture, _thumbnail = files(web)
    stray = picture.with_name("0f0f.png")
    stray.write_bytes(b"x")
    assert said(web) == {}, "a young file is in flight"
    os.utime(stray, (time() - 3700,) * 2)
    assert "without a row" in said(web)["stored files"]
    said(web, repair=True)
    assert not stray.exists() and said(web) == {}
    picture.unlink()
    assert "missing from storage" in said(web)["stored files"]
    assert "missing from storage" in said(web, repair=True)["stored files"]


def test_however_many_files_are_missing_storage_is_listed_once(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    begin(web)
    for path in files(web):
        path.unlink()
    storage, listed = web.app.extensions["storage"], []
    keys = storage.keys
    monkeypatch.setattr(storage, "keys", lambda prefix="": listed.append(prefix) or keys(prefix))
    assert "2 files missing from storage" in said(web)["stored files"]
    assert listed == ["messages/"]


def test_a_removed_attachment_has_no_file_left(web: Web) -> None:
    number = begin(web)
    kept = files(web)[0].read_bytes()
    web.signed_in("sam").post(f"/store/messages/{number}/attachments/1/remove")
    assert files(web) == [] and said(web) == {}
    with web.app.app_context():
        from messaging_app.extensions import db

        key = db.session.connection().exec_driver_sql("SELECT key FROM message_attachments").scalar()
    path = web.app.extensions["storage"].root / str(key)
    path.write_bytes(kept)
    assert "still in storage" in said(web)["stored files"]
    said(web, repair=True)
    assert not path.exists() and said(web) == {}


def test_files_move_to_another_storage_and_again(web: Web, tmp_path: Path) -> None:
    begin(web)
    runner = web.app.test_cli_runner()
    target = tmp_path / "elsewhere"
    first = runner.invoke(args=["attachments", "move", "--to", str(target)])
    assert first.exit_code == 0 and "2 files copied" in first.output, first.output
    again = runner.invoke(args=["attachments", "move", "--to", str(target)])
    assert "0 files copied, 2 were there already" in again.output
    copies = sorted(path.read_bytes() for path in target.rglob("*.*") if path.is_file())
    assert copies == sorted(path.read_bytes() for path in files(web))
