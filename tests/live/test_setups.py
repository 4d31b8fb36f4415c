"""Which servers go together: gunicorn refuses, with a sentence, what cannot work."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.services import ROOT, free_port

pytestmark = pytest.mark.long

REFUSED = [
    (["--worker-class", "gevent"], {}, "gevent cannot serve SQLite"),
    ([], {"MESSAGING_MAIL_URL": "smtp://mail"}, "MESSAGING_MAIL_URL needs MESSAGING_MAIL_FROM"),
]


@pytest.mark.parametrize(("options", "settings", "sentence"), REFUSED)
def test_what_cannot_work_together_stops_the_start(
    tmp_path: Path, options: list[str], settings: dict[str, str], sentence: str
) -> None:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MESSAGING_")}
    command = [sys.executable, "-m", "gunicorn", "-c", "python:messaging_app.gunicorn_conf", *options, "wsgi:app"]
    place = {"MESSAGING_INSTANCE": str(tmp_path), "PORT": str(free_port())}
    ended = subprocess.run(command, cwd=ROOT, env=clean | place | settings, capture_output=True, text=True, timeout=60)
    assert ended.returncode != 0
    assert sentence in ended.stderr
