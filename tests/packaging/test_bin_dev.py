"""bin/dev on a machine that is set up: serves at once, says who may sign in, stops when told."""

import os
import re
import resource
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from messaging_app.policies import STORE
from tests.live.installation import Person
from tests.services import ROOT, answers, free_port, wait_for

pytestmark = pytest.mark.long


def computed() -> float:
    """The seconds of computing that ended child processes took."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def libraries() -> float:
    """The seconds of computing that the two largest libraries take to be imported."""
    begin = computed()
    subprocess.run([sys.executable, "-c", "import flask, sqlalchemy"], check=True)
    return computed() - begin


@contextmanager
def running(instance: Path, port: int, *options: str) -> Iterator[subprocess.Popen[str]]:
    """bin/dev, from when it answers."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("MESSAGING_", "FLASK_"))}
    environment |= {"PORT": str(port), "MESSAGING_INSTANCE": str(instance)}
    process = subprocess.Popen(
        [ROOT / "bin" / "dev", *options], env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    try:
        wait_for(lambda: answers(port) or process.poll() is not None, seconds=30, what="bin/dev to serve")
        assert process.poll() is None, process.stdout and process.stdout.read()
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/") as answer:
            assert answer.status == 200
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


def stop(process: subprocess.Popen[str]) -> tuple[str, float]:
    """Ctrl-C; all that was printed, and the seconds until it had ended."""
    begin = time.monotonic()
    process.send_signal(signal.SIGINT)
    printed, _ = process.communicate(timeout=20)
    return printed, time.monotonic() - begin


def test_the_first_start_prints_a_sign_in_for_each_role_and_the_second_is_quick(tmp_path: Path) -> None:
    port = free_port()
    with running(tmp_path, port) as process:
        printed, seconds = stop(process)
    assert seconds < 5
    for path in ("/admin/login", "/store/login", "/storefront/login"):
        assert f"http://127.0.0.1:{port}{path}" in printed
    assert len(set(re.findall(r"\S+@\S+\.\S+", printed))) >= 3
    assert "Traceback" not in printed

    # Three seconds on a machine with nothing else to do; here other tests run beside, so computing is what counts. A
    # machine on which the libraries alone take more than a quarter of one is slow: there it is measured by them.
    before = libraries()
    begin = computed()
    with running(tmp_path, port) as process:
        again, seconds = stop(process)
    assert computed() - begin < 12 * max(0.25, before, libraries())
    assert seconds < 5
    assert f"http://127.0.0.1:{port}/admin/login" in again


def test_an_empty_start_prints_the_code_that_the_set_up_page_takes(tmp_path: Path) -> None:
    port = free_port()
    with running(tmp_path, port, "--empty") as process:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/admin/login") as answer:
            assert answer.url.endswith("/setup")
        printed, _seconds = stop(process)
    assert re.search(r"^[A-Z0-9-]{8,}$", printed, re.MULTILINE) and f"http://127.0.0.1:{port}/setup" in printed
    assert "@" not in printed and "Traceback" not in printed


def test_an_open_event_stream_does_not_delay_the_stop(tmp_path: Path) -> None:
    port = free_port()
    with running(tmp_path, port) as process:
        assert process.stdout is not None
        printed = next(line for line in process.stdout if line.startswith("Store staff"))
        email, password = printed.removeprefix("Store staff").split()[1:3]
        staff = Person(port)
        staff.get(STORE.login, htmx=False)
        assert staff.post(STORE.login, email=email, password=password)[0] == 303
        staff.base = STORE.messages
        stream = staff.stream()
        assert stream.events and not stream.ended.is_set()
        _, seconds = stop(process)
    assert seconds < 5
    assert stream.ended.wait(5)
    stream.close()


def test_a_taken_port_is_said_in_one_sentence(tmp_path: Path) -> None:
    port = free_port()
    with socket.create_server(("127.0.0.1", port)):
        second = subprocess.run(
            [ROOT / "bin" / "dev"], env={**os.environ, "PORT": str(port), "MESSAGING_INSTANCE": str(tmp_path)},
            capture_output=True, text=True, timeout=30,
        )  # fmt: skip
    assert second.returncode == 1
    assert second.stderr.strip().endswith(f"PORT={port + 1} bin/dev")
    assert "Traceback" not in second.stderr
