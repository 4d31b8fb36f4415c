"""The audit trail: what is in it, that it cannot be changed unseen, and who may read it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

from messaging_app import directory
from messaging_app.db.engine import writing
from messaging_app.extensions import db
from messaging_app.services import audit, trail
from messaging_app.services.settings import set_settings
from tests import cast
from tests.conftest import Web


@pytest.fixture
def four_changes(app: Flask) -> None:
    """Ada changes a setting three times, the command line once."""
    people = cast.bring_in()
    for number in (1, 2, 3):
        set_settings(people.ada, {"message_attachment_max_files": str(number)})
    set_settings(None, {"message_attachment_max_files": "10"})


def tamper(statement: str) -> int | None:
    with writing(db.session) as session:
        session.execute(text(statement))
    return trail.verify()


def test_an_untouched_trail_is_whole(four_changes: None) -> None:
    assert trail.verify() is None
    entries = list(trail.all_entries())
    assert [entry.id for entry in entries] == [1, 2, 3, 4]
    assert [entry.actor_name for entry in entries] == ["Ada", "Ada", "Ada", "command line"]
    assert json.loads(entries[1].before) == {"value": "1"} and json.loads(entries[1].after) == {"value": "2"}


@pytest.mark.parametrize("column", ["actor_name", "actor_email", "action", "object_id", "before", "after", "address"])
def test_a_changed_word_is_found(four_changes: None, column: str) -> None:
    assert tamper(f"UPDATE audit_entries SET {column} = 'x' WHERE id = 2") == 2


@pytest.mark.parametrize(
    ("statement", "bad"),
    [
        ("UPDATE audit_entries SET at = '2020-01-01 00:00:00' WHERE id = 3", 3),
        ("DELETE FROM audit_entries WHERE id = 2", 2),
        ("DELETE FROM audit_entries WHERE id = 4", 4),
        ("DELETE FROM audit_entries", 1),
        ("UPDATE audit_head SET last_id = 3", 4),
        ("UPDATE audit_head SET hash = 'x'", 4),
    ],
)
def test_a_missing_or_moved_entry_is_found(four_changes: None, statement: str, bad: int) -> None:
    assert tamper(statement) == bad


def test_what_changes_nothing_leaves_no_entry(four_changes: None) -> None:
    set_settings(None, {"message_attachment_max_files": "10"})
    assert len(list(trail.all_entries())) == 4


def test_a_change_that_fails_leaves_no_entry(app: Flask) -> None:
    with pytest.raises(ZeroDivisionError), writing(db.session) as session:
        audit.record(session, None, "setting.changed", audit.Object("setting", "x"))
        raise ZeroDivisionError
    assert list(trail.all_entries()) == [] and trail.verify() is None


def test_the_command_line_verifies_and_exports(four_changes: None, app: Flask) -> None:
    run = app.test_cli_runner().invoke
    assert run(args=["audit", "verify"]).stdout == "The audit trail is whole.\n"
    lines = [json.loads(line) for line in run(args=["audit", "export"]).stdout.splitlines()]
    assert [line["id"] for line in lines] == [1, 2, 3, 4, 5] and lines[3]["actor"]["name"] == "command line"
    assert lines[4]["action"] == "export.made"
    tamper("UPDATE audit_entries SET action = 'x' WHERE id = 2")
    broken = run(args=["audit", "verify"])
    assert broken.exit_code == 1 and "Entry 2 " in broken.stderr


def test_a_change_by_page_says_who_from_where(web: Web) -> None:
    web.signed_in("ada").post("/admin/settings", {"message_attachment_max_files": "3"})
    with web.app.app_context():
        (entry,) = trail.list_entries(trail.Filters(actions=("setting.changed",)), limit=5)
        assert (entry.actor_type, entry.actor_email) == ("admin", "ada@mail.example")
        assert entry.address == "127.0.0.1" and entry.session_id and entry.request_id


def test_what_comes_after_a_request_does_not_come_from_it(web: Web) -> None:
    web.signed_in("ada").get("/admin/settings")
    with web.app.app_context():
        set_settings(None, {"message_attachment_max_files": "3"})
        (entry,) = trail.list_entries(trail.Filters(actions=("setting.changed",)), limit=5)
        assert (entry.actor_type, entry.address, entry.session_id) == ("command", "", None)


def test_an_import_says_whose_rights_it_changed(app: Flask, tmp_path: Path) -> None:
    def bring(**staff: Any) -> list[tuple[str, str, str, str]]:
        last = max((entry.id for entry in trail.all_entries()), default=0)
        path = tmp_path / "people.json"
        sam = {"email": "Sam@mail.example", "name": "Sam"} | staff
        path.write_text(json.dumps({"stores": [{"code": "books", "name": "Books", "staff": [sam]}]}))
        directory.import_file(path)
        entries = trail.entries_after(trail.Filters(), last, 100)
        assert {entry.actor_type for entry in entries} <= {"command"} and trail.verify() is None
        return [(entry.action, entry.object_email, entry.before, entry.after) for entry in entries]

    sam, place = "sam@mail.example", '{"role": "staff", "store": "books"}'
    counts = '{"memberships new": 1, "stores new": 1, "users new": 1}'
    assert bring() == [("membership.added", sam, "{}", place), ("directory.imported", "", "{}", counts)]
    assert bring() == [], "what changes nothing leaves no entry"
    owner = place.replace("staff", "owner")
    assert bring(role="owner")[0] == ("membership.role_changed", sam, place, owner)
    assert [entry[0] for entry in bring(password="a-planted-one")] == ["password.changed", "directory.imported"]
    assert bring(active=False)[0] == ("membership.removed", sam, owner, "{}")
    assert "planted" not in "".join(entry.before + entry.after for entry in trail.all_entries())
