"""Schemathesis reads the document, sends thousands of requests that fit it and that do not, follows its links, and finds
nothing: no fault, no answer that is not described, nothing accepted that the document forbids or refused that it allows.
"""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator

import pytest
from flask import Flask, Response, request
from werkzeug.serving import WSGIRequestHandler, make_server

from tests.api.conftest import Api
from tests.api.schemathesis_hooks import picture
from tests.services import ROOT


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: object) -> None:
        """Thousands of requests are not worth a line each."""


@pytest.fixture
def api(make_app: Callable[..., Flask], sqlite_url: str) -> Api:
    """Programs of an application of its own: its answers are noted."""
    return Api(make_app(sqlite_url))


@pytest.fixture
def statuses(api: Api) -> dict[str, set[int]]:
    """The statuses that each endpoint has answered."""
    seen: dict[str, set[int]] = defaultdict(set)

    def note(response: Response) -> Response:
        seen[str(request.endpoint)].add(response.status_code)
        return response

    api.app.after_request(note)
    return seen


@pytest.fixture
def url(api: Api, statuses: dict[str, set[int]]) -> Iterator[str]:
    """The API as it is served, with a conversation and a picture in it for everybody."""
    for name, to in (("sam", "cleo"), ("ada", "bakery")):
        number = api.begin(name, to)
        form = {"content": "See", "attachments": (io.BytesIO(picture()), "photo.png")}
        assert api.post(name, f"/{number}/messages", data=form).status_code == 201
    server = make_server("127.0.0.1", 0, api.app, threaded=True, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()


@pytest.mark.long
@pytest.mark.timeout(900)
def test_schemathesis_finds_nothing(
    api: Api, url: str, statuses: dict[str, set[int]], capsys: pytest.CaptureFixture[str]
) -> None:
    tokens = {"ADMIN_TOKEN": api.token("ada"), "STORE_TOKEN": api.token("sam"), "CUSTOMER_TOKEN": api.token("cleo")}
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", "tests/api/schemathesis.toml", "run"]
    command += [f"{url}/api/v1/openapi.json", "--checks", "all", "--seed", "1", "--no-color"]
    hooks = {"SCHEMATHESIS_HOOKS": "tests.api.schemathesis_hooks"}
    for phases, examples, at_least, more in (
        ("examples,coverage,fuzzing", "4", 1000, {}),
        ("stateful", "15", 50, hooks),
    ):
        done = subprocess.run(
            [*command, "--phases", phases, "--max-examples", examples],
            cwd=ROOT, env=os.environ | tokens | more, capture_output=True, text=True, timeout=420,
        )  # fmt: skip
        with capsys.disabled():
            if os.environ.get("SHOW_SCHEMATHESIS"):
                print(done.stdout)
        assert done.returncode == 0, done.stdout[-20_000:] + done.stderr
        summary = re.search(r"(\d+) generated, (\d+) passed", done.stdout)
        assert summary and summary[1] == summary[2] and int(summary[1]) >= at_least, done.stdout[-3000:]
        assert all(f"✅ {phase.title()}" in done.stdout for phase in phases.split(","))
    reached = {name for name, codes in statuses.items() if name.startswith("api.") and codes & {200, 201, 204}}
    assert len(reached) >= 30, sorted(set(statuses) - reached)
    assert not any(code >= 500 for codes in statuses.values() for code in codes)
