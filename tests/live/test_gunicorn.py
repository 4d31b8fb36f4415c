"""gunicorn as it is set up: whom it believes, what it logs, how it ends."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.live.conftest import _embedded
from tests.live.installation import Person
from tests.services import ROOT, free_port, wait_for

pytestmark = pytest.mark.slow


def ask(port: int, path: str, *headers: str) -> str:
    """Head and body of an answer."""
    with socket.create_connection(("127.0.0.1", port), 20) as link:
        lines = [f"GET {path} HTTP/1.1", "Host: localhost", "Connection: close", *headers, "", ""]
        link.sendall("\r\n".join(lines).encode())
        answer = b""
        while piece := link.recv(65536):
            answer += piece
    return answer.decode()


@pytest.mark.long
def test_forwarding_headers_count_only_where_a_proxy_is_named(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """Whoever sends them, be it from this machine."""
    for proxies in (0, 1):
        folder = tmp_path / str(proxies)
        folder.mkdir()
        installation = _embedded(request, folder, proxies=proxies).start()
        try:
            secure = ["X-Forwarded-Proto: https", "X-Forwarded-For: 203.0.113.9", "X-Forwarded-Host: other.example"]
            answer = ask(installation.port, "/store/login", *secure)
            assert answer.startswith("HTTP/1.1 200 ")
            assert ("Strict-Transport-Security" in answer) == (proxies > 0)
            for scheme in ("X-Forwarded-Protocol: ssl", "X-Forwarded-Ssl: on"):
                assert "Strict-Transport-Security" not in ask(installation.port, "/store/login", scheme)
            for name in ("SCRIPT_NAME", "Script-Name"):
                assert ask(installation.port, "/x/metrics", f"{name}: /x").startswith("HTTP/1.1 404 ")
                answer = ask(installation.port, "/store/login", f"{name}: /x")
                assert answer.startswith("HTTP/1.1 200 ") and "/x/" not in answer
            assert ask(installation.port, "/store/login", "PATH_INFO: /metrics").count("<title>") == 1
        finally:
            installation.stop()


def test_what_a_process_logs_is_json_whoever_says_it(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    installation = _embedded(request, tmp_path, log_format="json").start()
    try:
        assert ask(installation.port, "/", "Bad Header: x").startswith("HTTP/1.1 400 ")
        Person(installation.port).get("/healthz")
        wait_for(lambda: "Invalid request" in installation.said(), what="gunicorn to say so")
    finally:
        installation.stop()
    said = installation.said()
    assert "Traceback" not in said and "Logging error" not in said
    lines = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    assert any(line["logger"] == "gunicorn.error" and line["level"] == "warning" for line in lines)
    # What is not JSON is said before the application is loaded, or by the first process, which never loads it.
    assert all(line.startswith("[20") for line in said.splitlines() if not line.startswith("{"))


@pytest.mark.parametrize(
    ("scaled", "number"),
    [
        (False, signal.SIGTERM),
        (True, signal.SIGINT),
        pytest.param(False, signal.SIGINT, marks=pytest.mark.long),
        pytest.param(False, signal.SIGQUIT, marks=pytest.mark.long),
        pytest.param(True, signal.SIGTERM, marks=pytest.mark.long),
        pytest.param(True, signal.SIGQUIT, marks=pytest.mark.long),
    ],
    ids=lambda value: value.name if isinstance(value, signal.Signals) else "scaled" if value else "embedded",
)
def test_it_ends_quietly_while_it_loads(tmp_path: Path, sqlite_url: str, scaled: bool, number: signal.Signals) -> None:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MESSAGING_")}
    place = {"MESSAGING_INSTANCE": str(tmp_path), "PORT": str(free_port()), "TEST_SIGNAL": str(int(number))}
    place["MESSAGING_DATABASE_URL"] = sqlite_url
    if scaled:  # neither is asked for anything yet
        place |= {"MESSAGING_DATABASE_URL": "postgresql+psycopg://nobody@127.0.0.1:1/none", "WEB_CONCURRENCY": "1"}
        place |= {"MESSAGING_REDIS_URL": "redis://127.0.0.1:1"}
    command = [
        sys.executable,
        "-m",
        "gunicorn",
        "-c",
        "python:messaging_app.gunicorn_conf",
        "tests.live.loads_long:app",
    ]
    ended = subprocess.run(command, cwd=ROOT, env=clean | place, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stderr
    assert "Traceback" not in ended.stderr, ended.stderr
