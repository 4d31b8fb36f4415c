"""Starts processes in which the application is loaded already, as bin/dev does: loading takes most of a start, and tests
start a hundred. `python -m tests.starter` is the Python that is forked; it knows nothing of pytest.
"""

from __future__ import annotations

import ctypes
import json
import os
import runpy
import select
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


def die_with_parent() -> None:
    """In the child: a test run that is killed must not leave servers behind (Linux only)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGQUIT)


def start(module: str, *arguments: str, environment: dict[str, str], log: Path) -> Started | subprocess.Popen[bytes]:
    """`python -m module ...` in a session of its own; what it says goes to `log`. Where nothing can be forked that way,
    or outside of a test, a new Python."""
    if hasattr(os, "pidfd_open") and "PYTEST_CURRENT_TEST" in os.environ:
        return _starter().start(command=[module, *arguments], environment=environment, log=str(log))
    return begin(module, *arguments, environment=environment, log=log)


def begin(module: str, *arguments: str, environment: dict[str, str], log: Path) -> subprocess.Popen[bytes]:
    """The same in a new Python, for what must find nothing loaded."""
    with log.open("ab") as out:
        return subprocess.Popen(
            [sys.executable, "-m", module, *arguments], cwd=ROOT, env=environment, stdout=out, stderr=out,
            start_new_session=True, preexec_fn=die_with_parent,
        )  # fmt: skip


class Started:
    """A process of the starter, with as much of subprocess.Popen as tests ask for."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._handle: int | None = os.pidfd_open(pid)

    def send_signal(self, number: int) -> None:
        """Does nothing where the process has ended."""
        if self._handle is not None:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._handle, number)

    def wait(self, timeout: float | None = None) -> None:
        """Until the process has ended."""
        if self._handle is None:
            return
        poll = select.poll()
        poll.register(self._handle, select.POLLIN)
        if not poll.poll(None if timeout is None else timeout * 1000):
            raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0)
        os.close(self._handle)
        self._handle = None


class _Starter:
    """The Python that is forked, one for each test process."""

    def __init__(self) -> None:
        self._one_at_a_time = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.starter"], cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            preexec_fn=die_with_parent,
        )  # fmt: skip

    def start(self, **order: Any) -> Started:
        assert self._process.stdin is not None and self._process.stdout is not None
        with self._one_at_a_time:
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
            return Started(int(self._process.stdout.readline()))


@cache
def _starter() -> _Starter:
    return _Starter()


def _serve() -> None:
    """Fork for each order. Who ended waits as a zombie until the next one, so that its number is nobody else's."""

    import messaging_app.factory  # noqa: F401

    for line in sys.stdin:
        with suppress(ChildProcessError):
            while os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG):
                pass
        if pid := os.fork():
            print(pid, flush=True)
        else:
            _become(**json.loads(line))
            return


def _become(command: list[str], environment: dict[str, str], log: str) -> None:
    os.setsid()
    die_with_parent()
    os.environ.clear()
    os.environ.update(environment)
    nothing, out = os.open(os.devnull, os.O_RDONLY), os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    for handle, place in ((nothing, 0), (out, 1), (out, 2)):
        os.dup2(handle, place)
    sys.argv = command
    runpy.run_module(command[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    _serve()
