"""What uploads cost: `python -m bench.uploads [--megabytes 10] [--at-once 20]`.

Weighs the server process while one upload runs and while many do, times both, and holds how fast a page comes meanwhile
against how fast it comes else. Senders share this machine's processors, so they send as fast as a good line does
(`--line`, in megabytes a second each) rather than as fast as loopback. Ends with 1 where a target is missed.
"""

from __future__ import annotations

import argparse
import http.client
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from pathlib import Path

from PIL import Image

from tests.attachments.multipart import HEADERS, Form
from tests.live.installation import Installation, Person
from tests.services import migrate

MOST_MEMORY = 32.0  # MB for one upload
MOST_SLOWDOWN = 1.5  # of the median page while many uploads run
PIECE = 64 * 1024
PAGES = 40


@dataclass(frozen=True)
class Cost:
    """Of one or several uploads: peak above what the server had before, in MB, and seconds until the last answer."""

    memory: float
    seconds: float


def main() -> int:
    """Measure and report; 1 where a target was missed."""
    parser = argparse.ArgumentParser(prog="python -m bench.uploads", description="Weigh and time uploads.")
    parser.add_argument("--megabytes", type=int, default=10)
    parser.add_argument("--at-once", type=int, default=20)
    parser.add_argument("--line", type=float, default=2.0, help="MB a second of each sender when many send at once")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-uploads-") as folder, _running(Path(folder)) as server:
        return 0 if _measure(server, chosen.megabytes * 2**20, chosen.at_once, chosen.line) else 1


@contextmanager
def _running(folder: Path) -> Iterator[Installation]:
    url = f"sqlite:///{folder / 'messaging.db'}"
    migrate(url)
    installation = Installation(folder, url, None).start()
    try:
        yield installation
    finally:
        installation.stop()


def _measure(server: Installation, size: int, at_once: int, line: float) -> bool:
    sam, nadia = server.signed_in("sam"), server.signed_in("nadia")
    number = sam.begin(server.cast.cleo, "Hello")
    address = f"{nadia.base}/{number}"
    files = {"zip": ("files.zip", _archive(size)), "jpeg": ("photo.jpg", _photo(size))}
    for name, data in files.values():
        _send(sam, number, name, data)  # the first time loads code
    process = _server_of(server)
    held = True
    for kind, (name, data) in files.items():
        _rest(process)
        cost = _weigh(process, [partial(_send, sam, number, name, data)])
        held &= cost.memory < MOST_MEMORY
        print(f"one {kind} of {len(data) / 2**20:.1f} MB: {cost.memory:5.1f} MB of memory, {cost.seconds:.2f} s")
    quiet = _pages(nadia, address)
    name, data = files["zip"]
    latencies: list[float] = []
    ended = threading.Event()
    reader = threading.Thread(target=_read_until, args=(nadia, address, ended, latencies))
    _rest(process)
    reader.start()
    cost = _weigh(process, [partial(_send, sam, number, name, data, line)] * at_once)
    ended.set()
    reader.join()
    ratio = statistics.median(latencies) / statistics.median(quiet)
    print(f"{at_once} at once: {cost.memory:5.1f} MB of memory, {cost.seconds:.2f} s")
    print(f"a thread page alone: {_shown(quiet)}; meanwhile: {_shown(latencies)}; ratio of medians {ratio:.2f}")
    print(f"targets: one upload < {MOST_MEMORY:g} MB, pages < {MOST_SLOWDOWN:g} times slower")
    return held and ratio < MOST_SLOWDOWN


def _archive(size: int) -> bytes:
    """A ZIP archive of exactly `size` bytes."""
    from tests.files.hostile_archives import exactly

    return exactly(size)()


def _photo(size: int) -> bytes:
    """A photograph of nearly `size` bytes, as phones take them: 12 megapixels."""
    for quality in (95, 85, 75, 60, 40, 20):
        out = BytesIO()
        Image.effect_noise((4000, 3000), 60).convert("RGB").save(out, "JPEG", quality=quality)
        if out.tell() <= size:
            return out.getvalue()
    raise ValueError(f"{size} bytes are too few for a photograph of 12 megapixels")


def _send(person: Person, number: int, name: str, data: bytes, line: float | None = None) -> None:
    """One upload, piece by piece; `line` is MB a second."""
    body = Form().text(csrf_token=person.token, content=name).file(data, name).body
    link = http.client.HTTPConnection("127.0.0.1", person.port, timeout=300)
    link.putrequest("POST", f"{person.base}/{number}/messages")
    for key, value in (HEADERS | person._cookie() | {"Content-Length": str(len(body))}).items():
        link.putheader(key, value)
    link.endheaders()
    started = time.monotonic()
    for at in range(0, len(body), PIECE):
        link.send(memoryview(body)[at : at + PIECE])
        if line:
            time.sleep(max(0.0, started + at / (line * 2**20) - time.monotonic()))
    status = link.getresponse().status
    link.close()
    assert status == 303, status


def _server_of(server: Installation) -> int:
    """The one process that serves."""
    assert server.web is not None
    [worker] = Path(f"/proc/{server.web.pid}/task/{server.web.pid}/children").read_text().split()
    return int(worker)


def _rest(process: int) -> None:
    """Let go of what earlier requests hold, and forget the peak."""
    time.sleep(1)
    Path(f"/proc/{process}/clear_refs").write_text("5")


def _weigh(process: int, senders: list[Callable[[], None]]) -> Cost:
    before = _memory(process, "VmRSS")
    started = time.monotonic()
    threads = [threading.Thread(target=send) for send in senders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return Cost(_memory(process, "VmHWM") - before, time.monotonic() - started)


def _memory(process: int, name: str) -> float:
    """In MB, as the kernel counts it."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:")) / 1024


def _pages(person: Person, address: str) -> list[float]:
    return [_timed(person, address) for _page in range(PAGES)]


def _read_until(person: Person, address: str, ended: threading.Event, taken: list[float]) -> None:
    while not ended.is_set():
        taken.append(_timed(person, address))
        time.sleep(0.05)


def _timed(person: Person, address: str) -> float:
    started = time.monotonic()
    status, _text = person.get(address)
    assert status == 200, status
    return time.monotonic() - started


def _shown(taken: list[float]) -> str:
    ordered = sorted(taken)
    return f"median {statistics.median(ordered) * 1000:.0f} ms, 95 % {ordered[int(len(ordered) * 0.95)] * 1000:.0f} ms"


if __name__ == "__main__":
    sys.exit(main())
