"""A batch of requests from eight browsers at once: every response checked, latency and CPU time noted."""

from __future__ import annotations

import gzip
import http.client
import time
from collections import Counter, deque
from concurrent.futures import ThreadPoolExecutor
from ctypes import CDLL, byref, c_int
from dataclasses import dataclass, field
from pathlib import Path
from statistics import quantiles
from urllib.parse import urlencode

CONNECTIONS = 8
HEADERS = {"HX-Request": "true", "Accept-Encoding": "gzip", "Accept-Language": "en"}
_libc = CDLL(None)


@dataclass(frozen=True)
class Request:
    """One request of a signed-in person, and what its response must be. With a `form` it is a POST."""

    path: str
    cookie: str
    marker: str = ""
    status: int = 200
    form: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Result:
    """Of a batch: latency in ms, and CPU time in ms per request, of the application and of the database server."""

    p50: float
    p99: float
    app_ms: float
    database_ms: float

    @property
    def cpu_ms(self) -> float:
        """CPU time in ms per request, all in all."""
        return self.app_ms + self.database_ms


class WrongAnswer(AssertionError):
    """A response under load was wrong, so the figures are meaningless."""


def measure(port: int, requests: list[Request], app_pid: int, database_pid: int | None) -> Result:
    """Send `requests`, in order, as fast as eight connections can. Raises `WrongAnswer`."""
    waiting, times = deque(requests), list[float]()
    app, database = cpu_of(app_pid), cpu_of(database_pid)
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        for browser in [pool.submit(_browse, port, waiting, times) for _ in range(CONNECTIONS)]:
            browser.result()
    used = [(cpu_of(pid) - before).total() / 1e6 for pid, before in ((app_pid, app), (database_pid, database))]
    cuts = quantiles((1000 * seconds for seconds in times), n=100)
    return Result(cuts[49], cuts[98], *(each / len(times) for each in used))


def _browse(port: int, waiting: deque[Request], times: list[float]) -> None:
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    while waiting:
        try:
            request = waiting.popleft()
        except IndexError:  # another connection took the last one
            break
        method, headers = ("POST" if request.form else "GET"), HEADERS | {"Cookie": request.cookie}
        if request.form:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        began = time.perf_counter()
        link.request(method, request.path, urlencode(request.form) or None, headers)
        response = link.getresponse()
        body = response.read()
        times.append(time.perf_counter() - began)
        text = (gzip.decompress(body) if response.headers["Content-Encoding"] == "gzip" else body).decode()
        if response.status != request.status or request.marker not in text:
            raise WrongAnswer(f"{request.path}: {response.status}, no {request.marker!r} in {text[:500]}")
    link.close()


def cpu_of(pid: int | None) -> Counter[int]:
    """Nanoseconds of CPU time of a process and its living children, by their numbers."""
    if pid is None:
        return Counter()
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return Counter({one: _cpu(one) for one in (pid, *map(int, children))})


def _cpu(pid: int) -> int:
    clock = c_int()
    try:
        return 0 if _libc.clock_getcpuclockid(pid, byref(clock)) else time.clock_gettime_ns(clock.value)
    except OSError:  # it has just ended
        return 0
