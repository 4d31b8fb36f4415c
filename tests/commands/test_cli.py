"""The command line: what each command prints, and with which status it ends."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import text

from messaging_app import doctor
from messaging_app.db.engine import writing
from messaging_app.extensions import db
from messaging_app.services.settings import SETTINGS
from tests import cast

Run = Callable[..., Result]


@pytest.fixture
def run(sqlite_app: Flask) -> Run:
    """Run a command; words as on the command line."""
    runner = sqlite_app.test_cli_runner()
    return lambda *words: runner.invoke(args=list(words))


def write(path: Path, content: Any) -> str:
    path.write_text(json.dumps(content))
    return str(path)


def test_an_import_says_what_it_did_and_shows_its_progress(run: Run, tmp_path: Path) -> None:
    people = {
        "admins": [{"email": "ada@platform.example", "name": "Ada", "password": "secret"}],
        "stores": [{"code": "bakery", "name": "Bakery", "customers": [{"email": "c@mail.example", "name": "Cleo"}]}],
    }
    file = write(tmp_path / "people.json", people)
    result = run("directory", "import", file)
    assert (result.exit_code, result.stdout) == (0, "stores: 1 new\nusers: 1 new\ncustomers: 1 new\n")
    assert "passwords: 1 of 1" in result.stderr
    assert "customers: 1 of 1" in result.stderr
    assert (
        run("directory", "import", file).stdout == "stores: 1 unchanged\nusers: 1 unchanged\ncustomers: 1 unchanged\n"
    )


def test_a_refused_import_ends_with_1_and_a_line_a_fault(run: Run, tmp_path: Path) -> None:
    file = write(tmp_path / "people.json", {"admins": [{"email": "x"}, {"mail": "x"}]})
    result = run("directory", "import", file)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.splitlines() == [
        "Error: admins[0].email: is not an e-mail address.",
        "admins[1].email: is missing.",
        "admins[1].mail: is not a known key.",
    ]


def test_very_many_faults_are_cut_short(run: Run, tmp_path: Path) -> None:
    file = write(tmp_path / "people.json", {"admins": [{"email": "x"}] * 25})
    lines = run("directory", "import", file).stderr.splitlines()
    assert (len(lines), lines[-1]) == (21, "… and 5 more problems.")


def test_the_demo_is_loaded_once_and_shown(run: Run) -> None:
    result = run("demo", "load", "--if-empty")
    assert (result.exit_code, result.stdout) == (0, "The demo cast is loaded.\n")
    assert run("demo", "load", "--if-empty").stdout == ""
    assert run("demo", "load").stdout == "The demo cast is already loaded; nothing was changed.\n"
    shown = run("demo", "show").stdout
    assert "http://127.0.0.1:5000/admin/login" in shown
    assert "demo-ada-2026" in shown


def test_the_demo_refuses_other_data(run: Run) -> None:
    cast.bring_in()
    assert run("demo", "load", "--if-empty").exit_code == 0
    result = run("demo", "load")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "Error: This database holds other data. The demo cast goes into an empty one only.\n"
    assert "demo-" not in run("demo", "show").stdout


DEFAULTS = {
    "message_attachment_max_size_mb = 10",
    "message_attachment_max_files = 10",
    "customers_see_platform_conversations = true",
    "staff_see_only_assigned = false",
    "customers_may_have_tokens = false",
    "second_factor_required_admins = false",
    "second_factor_required_owners = false",
    "local_sign_in = true",
}


def test_settings_are_listed_and_set(run: Run) -> None:
    before = run("settings", "list").stdout.splitlines()
    assert set(before) >= DEFAULTS and len(before) == len(SETTINGS)
    result = run("settings", "set", "customers_see_platform_conversations", "FALSE")
    assert (result.exit_code, result.stdout) == (0, "customers_see_platform_conversations = false\n")
    assert run("settings", "set", "message_attachment_max_files", "3").exit_code == 0
    changed = {"message_attachment_max_files = 3", "customers_see_platform_conversations = false"}
    assert set(run("settings", "list").stdout.splitlines()) - set(before) == changed


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        ("colour", "red", "There is no setting colour. Known: message_attachment_max_size_mb, "),
        ("message_attachment_max_files", "0", "message_attachment_max_files must be a whole number from 1 to "),
        ("message_attachment_max_files", "-1", "message_attachment_max_files must be a whole number from 1 to "),
        (
            "message_attachment_max_files",
            "0000000051",
            "message_attachment_max_files must be a whole number from 1 to ",
        ),
        ("message_attachment_max_files", "٣", "message_attachment_max_files must be a whole number from 1 to "),
        (
            "customers_see_platform_conversations",
            "maybe",
            "customers_see_platform_conversations must be true or false.",
        ),
    ],
)
def test_a_wrong_setting_ends_with_1_and_a_sentence(run: Run, key: str, value: str, sentence: str) -> None:
    before = run("settings", "list").stdout
    result = run("settings", "set", key, value)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(f"Error: {sentence}")
    assert run("settings", "list").stdout == before


def test_the_check_ends_with_0_where_all_is_well(run: Run) -> None:
    cast.bring_in()
    result = run("check")
    assert (result.exit_code, result.stdout.splitlines()) == (0, [f"ok   {check.name}" for check in doctor.CHECKS])


def test_the_check_ends_with_1_until_it_is_mended(run: Run) -> None:
    cast.bring_in()
    with writing(db.session) as session:
        session.execute(text("UPDATE stores SET sort_name = 'x'"))
    broken = run("check")
    assert broken.exit_code == 1
    assert "FAIL recipient search: 2 recipients out of step (first: store 1)" in broken.stdout.splitlines()
    mended = run("check", "--repair")
    assert mended.exit_code == 0
    assert "mended recipient search: 2 recipients out of step (first: store 1)" in mended.stdout.splitlines()
    assert run("check").exit_code == 0


WRONG = (
    "",
    " ",
    "x",
    "-1",
    "٣",
    "9" * 5_000,
    "a" * 5_000,
    "\udcff",
    "/dev/null",
    "/proc/none",
    "http://[",
    "file://h",
    "ftp://x/y",
    "s3://",
)
FLASKS_OWN = {"run", "shell", "routes", "db"}
GOOD = {"role": "admin", "email": cast.EMAILS["ada"], "key": "message_attachment_max_files", "value": "3"}


def test_every_wrong_value_of_every_command_gets_a_sentence(
    run: Run, sqlite_app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    cast.bring_in()
    refused = 0
    for words, command in commands(sqlite_app.cli):
        for wrong in (parameter for parameter in command.params if not getattr(parameter, "is_flag", False)):
            for value in WRONG:
                given: list[str] = []
                for parameter in command.params:
                    if parameter is wrong or parameter.required:
                        option = [parameter.opts[0]] if isinstance(parameter, click.Option) else []
                        given += [*option, value if parameter is wrong else GOOD[str(parameter.name)]]
                result = run(*words, *given)
                assert result.exception is None or isinstance(result.exception, SystemExit), (words, given)
                if result.exit_code:
                    refused += 1
                    assert (
                        result.stdout == "" and "Error: " in result.stderr and result.stderr.endswith((".\n", "'.\n"))
                    )
    assert refused > 80


def commands(group: click.Group, *above: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command of ours with its words."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group) and name not in FLASKS_OWN:
            yield from commands(command, *above, name)
        elif name not in FLASKS_OWN:
            yield (*above, name), command


def test_a_database_without_tables_is_a_sentence(make_app: Callable[..., Flask], tmp_path: Path) -> None:
    app = make_app(f"sqlite:///{tmp_path / 'empty.db'}")
    for words in (["check"], ["demo", "show"], ["demo", "load"], ["settings", "list"]):
        result = app.test_cli_runner().invoke(args=words)
        assert result.exit_code == 1
        assert "flask --app wsgi db upgrade" in result.stderr
        assert "Traceback" not in result.output
