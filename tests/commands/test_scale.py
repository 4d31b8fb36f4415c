"""A large directory: within two minutes and 500 MB, with progress shown, and again with nothing left to do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.services import ROOT

SECONDS, MEGABYTES = 120, 500
STORES, STAFF, CUSTOMERS = 1_000, 5, 50
# Runs the command and says how much memory its process had at most.
IMPORT = """
import resource, sys
from wsgi import app
result = app.test_cli_runner().invoke(args=["directory", "import", sys.argv[1]])
used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(used // (1024 if sys.platform == "linux" else 1024 * 1024))
print(len(result.stderr.splitlines()))
print(result.stdout, end="")
sys.exit(result.exit_code)
"""


@pytest.mark.long
@pytest.mark.timeout(600)
def test_a_large_directory_comes_in(database_url: str, tmp_path: Path) -> None:
    stores = [
        {
            "code": f"store-{number}",
            "name": f"Store Number {number}",
            "staff": [{"email": f"staff-{number}-{i}@s.example", "name": f"Person {i} Staff"} for i in range(STAFF)],
            "customers": [
                {"email": f"c-{number}-{i}@mail.example", "name": f"Customer {i} of {number}", "external_id": f"C-{i}"}
                for i in range(CUSTOMERS)
            ],
        }
        for number in range(STORES)
    ]
    path = tmp_path / "large.json"
    path.write_text(json.dumps({"stores": stores}))
    for verb in ("new", "unchanged"):
        start = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-c", IMPORT, str(path)],
            cwd=ROOT,
            env={**os.environ, "MESSAGING_DATABASE_URL": database_url, "MESSAGING_STORAGE_URL": str(tmp_path)},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr + done.stdout
        megabytes, progress, *told = done.stdout.splitlines()
        assert told == [
            f"stores: 1,000 {verb}",
            f"users: 5,000 {verb}",
            f"memberships: 5,000 {verb}",
            f"customers: 50,000 {verb}",
        ]
        assert time.monotonic() - start < SECONDS
        assert int(megabytes) < MEGABYTES
        assert int(progress) > 5
