"""Requests under load: `wrk` with eight connections against one server, every answer checked, CPU time noted."""

from __future__ import annotations

import json
import os
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

SCRIPT = Path(__file__).with_name("wrk.lua")
CONNECTIONS = 8
TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Request:
    """One measured request: where, what its answer must be, and the share of the reference's rate it should reach."""

    name: str
    path: str
    status: int = 200
    marker: str = ""
    method: str = "GET"
    headers: dict[str, str] = field(default_factory=dict)
    target: float | None = None


@dataclass(frozen=True)
class Result:
    """What one turn of one request gave: requests a second, latency in ms, CPU time in ms a request.

    `busiest` is the share of the work that one of the application's processes did: 0.5 where two shared it evenly.
    """

    rate: float
    p50: float
    p99: float
    app_ms: float
    database_ms: float
    busiest: float


class WrongAnswer(AssertionError):
    """An answer under load was not what it must be; the figures mean nothing."""


def measure(
    base: str, request: Request, seconds: int, app_pid: int, database_pid: int | None, targets: Path | None = None
) -> Result:
    """One turn. Raises `WrongAnswer` if any answer was not as the request says."""
    arguments = [request.method, str(request.status), request.marker]
    arguments += [f"{name}={value}" for name, value in request.headers.items()]
    if targets is not None:
        arguments.append(f"@{targets}")
    before = _cpu(app_pid), cpu_of(database_pid), _cpu_of_children(app_pid)
    run = subprocess.run(
        ["wrk", "-t2", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout", "10s", "-s", str(SCRIPT), base + request.path, "--", *arguments],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    after = _cpu(app_pid), cpu_of(database_pid), _cpu_of_children(app_pid)
    line = next((line for line in run.stdout.splitlines() if line.startswith("RESULT ")), None)
    if line is None:
        raise WrongAnswer(f"{request.name}: wrk said {run.stdout}{run.stderr}")
    found = json.loads(line.removeprefix("RESULT "), strict=False)
    if found["wrong"] or found["failed"] or not found["requests"]:
        raise WrongAnswer(f"{request.name}: {found}")
    shares = [used - before[2].get(pid, 0.0) for pid, used in after[2].items()]
    app_ms = 1000 * (after[0] - before[0] + sum(shares)) / found["requests"]
    database_ms = 1000 * (after[1] - before[1]) / found["requests"]
    rate = found["requests"] / found["seconds"]
    busiest = max(shares) / (sum(shares) or 1.0)
    return Result(rate, found["p50"], found["p99"], app_ms, database_ms, busiest)


def settle(most: float = 10.0) -> None:
    """Wait until the machine does next to nothing, `most` seconds at most: what sends leave behind, vacuum and writing
    back, is not the next round's.
    """
    end = time.monotonic() + most
    while time.monotonic() < end:
        before = _idle()
        time.sleep(0.25)
        if _idle() - before > 0.9 * 0.25 * (os.cpu_count() or 1):
            return


def _idle() -> float:
    """Seconds that all processors together have been idle."""
    return int(Path("/proc/stat").read_text().split()[4]) / TICK


def cpu_of(pid: int | None) -> float:
    """Seconds of CPU time of a process and its living children."""
    if pid is None:
        return 0.0
    return _cpu(pid) + sum(_cpu_of_children(pid).values())


def _cpu_of_children(pid: int) -> dict[int, float]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return {int(one): _cpu(int(one)) for one in children}


def _cpu(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / TICK
