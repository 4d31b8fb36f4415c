"""docs/api.md holds: every command of the walk is run, in order, against a real server, and prints what the page says."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.services import ROOT, answers, free_port, wait_for

PAGE = ROOT / "docs" / "api.md"
BLOCK = re.compile(r"^```(sh|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def steps() -> list[tuple[str, list[str]]]:
    """Each block of commands with the lines that the page shows after it."""
    found: list[tuple[str, list[str]]] = []
    for kind, block in BLOCK.findall(PAGE.read_text()):
        if kind == "sh":
            found.append((block, []))
        else:
            found[-1][1].extend(block.splitlines())
    return found


@pytest.fixture
def server(migrated_sqlite: Path, tmp_path: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """The application with the demo cast, as gunicorn serves it, and the environment in which commands reach it."""
    port = free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MESSAGING_", "FLASK_"))}
    environment |= {"MESSAGING_INSTANCE": str(tmp_path / "instance"), "PORT": str(port)}
    environment |= {"MESSAGING_DATABASE_URL": f"sqlite:///{shutil.copy(migrated_sqlite, tmp_path / 'messaging.db')}"}
    run = {"cwd": ROOT, "env": environment, "stdin": subprocess.DEVNULL}
    subprocess.run(
        [sys.executable, "-m", "flask", "--app", "wsgi", "demo", "load"], check=True, capture_output=True, **run
    )  # type: ignore[call-overload]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", "-c", "python:messaging_app.gunicorn_conf", "wsgi:app"],
            stdout=log, stderr=log, **run,  # type: ignore[call-overload]
        )  # fmt: skip
    try:
        wait_for(lambda: answers(port) or process.poll() is not None, seconds=30, what="the server")
        yield f"http://127.0.0.1:{port}", environment
    finally:
        process.terminate()
        process.wait(15)


@pytest.mark.long
@pytest.mark.timeout(300)  # a dozen Pythons start
def test_every_command_of_the_walk_does_what_the_page_says(
    server: tuple[str, dict[str, str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url, environment = server
    script = ["set -euo pipefail"]
    for commands, _ in steps():
        commands = commands.replace("http://127.0.0.1:5000", url)
        commands = commands.replace(".venv/bin/flask", f"PYTHONPATH={ROOT} {sys.executable} -m flask")
        script += [commands, "echo; echo ===="]
    done = subprocess.run(
        ["bash", "-c", "\n".join(script)], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=250
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    printed = done.stdout.split("====\n")
    transcript = []
    for (commands, shown), output in zip(steps(), printed, strict=False):
        rest = output
        for line in shown:
            match = re.search("^" + ".*".join(map(re.escape, line.split("…"))) + r",?\s*$", rest, re.MULTILINE)
            assert match, f"{commands}\nprinted\n{output}\nwhere the page says\n{line}"
            rest = rest[match.end() :]
        transcript.append(f"{commands}{output}")
    assert len(transcript) == len(steps()) > 10
    with capsys.disabled():
        if os.environ.get("SHOW_WALK"):
            print("\n".join(transcript))


def test_every_block_of_commands_shows_what_it_prints() -> None:
    assert all(shown for _, shown in steps())


def test_the_page_names_every_problem() -> None:
    from messaging_app.api.problems import KINDS

    text = PAGE.read_text()
    assert {code for code in KINDS if f"`{code}`" not in text} == {
        "method_not_allowed",
        "range_not_satisfiable",
        "internal_error",
    }
