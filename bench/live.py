"""The figures of live updates: `python -m bench.live [--setup scaled|embedded|both] [--streams 5000]`.

Opens streams on one process, weighs them, broadcasts to all, counts what idle streams cost the database, and times how
soon one browser sees what another sends while 500 streams are open. Client and servers share this machine's processors.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import secrets
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright
from sqlalchemy import create_engine, text

from bench.databases import running
from messaging_app.actors import ActorType
from messaging_app.bus.hub import STREAMS_EACH
from messaging_app.database import writing
from messaging_app.extensions import db
from messaging_app.models import SignInSession, StoreMembership, User
from messaging_app.sessions import _hash
from tests.cast import EMAILS, PASSWORD
from tests.live.installation import Installation, Person
from tests.services import find_chromium, running_redis

BROADCASTS = 10
SENDS = 40
QUIET = 20.0  # seconds over which statements of idle streams are counted


@dataclass
class Listeners:
    """Raw streams in one event loop: when each got which message."""

    port: int
    arrivals: dict[int, list[float]] = field(default_factory=dict)
    open: int = 0
    refused: int = 0
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def connect(self, cookies: list[str], path: str) -> None:
        """Open a stream for each cookie, a hundred at a time, and wait until every one has begun."""
        gate = asyncio.Semaphore(100)
        await asyncio.gather(*(self._connect(cookie, path, gate) for cookie in cookies))

    async def _connect(self, cookie: str, path: str, gate: asyncio.Semaphore) -> None:
        async with gate:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=2048)
            writer.write(f"GET {path}/events HTTP/1.1\r\nHost: bench\r\nCookie: {cookie}\r\n\r\n".encode())
            status = await reader.readline()
            if b" 200 " not in status:
                self.refused += 1
                return
            while b"event: beat" not in await reader.readline():
                pass
            self.open += 1
        task = asyncio.create_task(self._read(reader, writer))
        self.tasks.add(task)

    async def _read(self, reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            if b'"message"' in line:
                wake = json.loads(line[6:])
                self.arrivals.setdefault(wake["seq"], []).append(time.perf_counter())

    def close(self) -> None:
        for task in self.tasks:
            task.cancel()


def cookies_for(place: Installation, number: int) -> list[str]:
    """Signs in enough staff of the bakery for `number` streams, straight in the database."""
    serializer = place.app.session_interface.get_signing_serializer(place.app)  # type: ignore[attr-defined]
    cookies = []
    with place.app.app_context(), writing(db.session) as session:
        for index in range(-(-number // (STREAMS_EACH - 2))):
            email = f"bench-{index}-{secrets.token_hex(3)}@bench.example"
            user = User(name=f"Bench {index}", email=email, email_key=email)
            session.add(user)
            session.flush()
            session.add(StoreMembership(store_id=place.cast.bakery, user_id=user.id))
            token = secrets.token_urlsafe(32)
            row = {"token_hash": _hash(token), "actor_type": ActorType.STORE, "person_id": user.id}
            session.add(SignInSession(**row, store_id=place.cast.bakery))
            value = serializer.dumps({"_user_id": token, "_fresh": True, "_permanent": True})
            cookies += [f"store={value}"] * (STREAMS_EACH - 2)
    return cookies[:number]


def weight(place: Installation) -> int:
    """The resident memory of the serving process, in KiB."""
    assert place.web is not None
    children = Path(f"/proc/{place.web.pid}/task/{place.web.pid}/children").read_text().split()
    return sum(_rss(int(child)) for child in children)


def processor_time(place: Installation) -> float:
    """Seconds of processor that the serving process has used."""
    assert place.web is not None
    children = Path(f"/proc/{place.web.pid}/task/{place.web.pid}/children").read_text().split()
    ticks = 0
    for child in children:
        fields = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def _rss(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(int(len(values) * share), len(values) - 1)]


async def measure(place: Installation, streams: int, sender: Person, number: int) -> dict[str, Any]:
    """Memory for each stream, and broadcasts to all of them."""
    listeners = Listeners(place.port)
    cookies = cookies_for(place, streams)
    sender.send(number, "so that everything is warm")
    before = weight(place)
    began = time.perf_counter()
    await listeners.connect(cookies, "/store/messages")
    opened = time.perf_counter() - began
    await asyncio.sleep(2)
    each = (weight(place) - before) / max(listeners.open, 1)
    counted = await asyncio.to_thread(statements, place, QUIET)
    delays: list[list[float]] = []
    worked = processor_time(place)
    for index in range(BROADCASTS):
        seq = index + 3
        sent = time.perf_counter()
        status = await asyncio.to_thread(sender.send, number, f"broadcast {index}")
        assert status == 303, status
        end = time.monotonic() + 20
        while len(listeners.arrivals.get(seq, ())) < listeners.open and time.monotonic() < end:
            await asyncio.sleep(0.05)
        delays.append([at - sent for at in listeners.arrivals.get(seq, ())])
        await asyncio.sleep(0.5)
    worked = processor_time(place) - worked
    listeners.close()
    return {
        "streams": listeners.open,
        "refused": listeners.refused,
        "opened within s": round(opened, 1),
        "KiB each": round(each, 1),
        "statements while idle": counted,
        "lost": sum(listeners.open - len(one) for one in delays),
        "processor ms a broadcast": round(worked / BROADCASTS * 1000),
        "broadcast p50 ms": round(statistics.median(percentile(one, 0.5) for one in delays) * 1000),
        "broadcast p99 ms, median of the rounds": round(
            statistics.median(percentile(one, 0.99) for one in delays) * 1000
        ),
        "broadcast p99 ms, worst round": round(max(percentile(one, 0.99) for one in delays) * 1000),
    }


def statements(place: Installation, seconds: float) -> str:
    """What the open streams cost the database while nothing happens. PostgreSQL counts transactions."""
    if not place.scaled:
        return "see tests/live: counted inside the process"
    url = place.app.config["SQLALCHEMY_DATABASE_URI"]
    engine = create_engine(url.replace(f"/{url.split('@/')[1].split('?')[0]}?", "/postgres?"))
    name = url.split("@/")[1].split("?")[0]
    asked = text("SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = :name")
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as link:
        time.sleep(15)  # backends report what they did up to ten seconds later
        before = link.execute(asked, {"name": name}).scalar_one()
        time.sleep(seconds)
        after = link.execute(asked, {"name": name}).scalar_one()
    engine.dispose()
    return f"{after - before} in {seconds:.0f} s"


def between_browsers(place: Installation, number: int, idle: list[str]) -> dict[str, Any]:
    """From the click in one browser to the text in another, with idle streams open."""
    loop = asyncio.new_event_loop()
    listeners = Listeners(place.port)
    loop.run_until_complete(listeners.connect(idle, "/store/messages"))
    times = []
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox", "--disable-gpu"])
        sam, cleo = browser.new_context().new_page(), browser.new_context().new_page()
        _open(sam, place, "store", "sam", f"/store/messages/{number}")
        _open(cleo, place, "storefront", "cleo", f"/storefront/account/messages/{number}")
        cleo.evaluate(WATCH)
        for index in range(SENDS):
            words = f"seen {index} {secrets.token_hex(3)}"
            sam.fill("#content", words)
            sam.evaluate("window.sentAt = 0; document.querySelector('#send').addEventListener("
                         "'click', () => { window.sentAt = Date.now(); }, { once: true })")  # fmt: skip
            sam.click("#send")
            cleo.wait_for_function("words => window.seen[words]", arg=words, timeout=20_000)
            times.append(cleo.evaluate("words => window.seen[words]", words) - sam.evaluate("window.sentAt"))
            sam.wait_for_timeout(250)
        browser.close()
    for task in listeners.tasks:
        task.cancel()
    loop.run_until_complete(asyncio.gather(*listeners.tasks, return_exceptions=True))
    loop.close()
    return {
        "idle streams": listeners.open,
        "send to seen p50 ms": statistics.median(times),
        "p95 ms": percentile(times, 0.95),
    }


WATCH = """() => {
  window.seen = {};
  new MutationObserver(() => {
    for (const words of document.querySelectorAll(".message__content")) window.seen[words.textContent.trim()] ??= Date.now();
  }).observe(document.getElementById("thread-messages"), { childList: true });
}"""


def _open(page: Page, place: Installation, role: str, name: str, path: str) -> None:
    root = f"http://127.0.0.1:{place.port}"
    page.goto(f"{root}/{role}/login" + ("?store=bakery" if role == "storefront" else ""))
    page.fill("[name=email]", EMAILS[name])
    page.fill("[name=password]", PASSWORD)
    page.click("main button[type=submit]")
    page.goto(root + path)
    page.wait_for_timeout(1500)


@contextmanager
def installed(setup: str) -> Iterator[Installation]:
    """One serving process of either kind, with the cast."""
    kind = "postgresql" if setup == "scaled" else "sqlite"
    with tempfile.TemporaryDirectory(prefix="bench-live-") as folder, running(kind, Path(folder)) as databases:
        url = databases.make("live")
        if setup == "scaled":
            with running_redis() as redis:
                yield from _served(Path(folder), url, redis)
        else:
            yield from _served(Path(folder), url, None)


def _served(folder: Path, url: str, redis: str | None) -> Iterator[Installation]:
    place = Installation(folder, url, redis)
    place.environment["WEB_CONCURRENCY"] = "1"
    try:
        yield place.start()
    finally:
        place.stop()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.live", description="Measure live updates.")
    parser.add_argument("--setup", choices=["scaled", "embedded", "both"], default="both")
    parser.add_argument("--streams", type=int, default=5000, help="streams on the gevent process (default 5000)")
    parser.add_argument("--no-browser", action="store_true")
    chosen = parser.parse_args()
    for setup in ("scaled", "embedded") if chosen.setup == "both" else (chosen.setup,):
        with installed(setup) as place:
            sam = place.signed_in("sam")
            number = sam.begin(place.cast.cleo, "Hello")
            streams = chosen.streams if setup == "scaled" else 190
            found = asyncio.run(measure(place, streams, sam, number))
            if not chosen.no_browser:
                time.sleep(20)  # the server notices streams that went at its next heartbeat
                idle = cookies_for(place, 500 if setup == "scaled" else 150)
                found |= between_browsers(place, number, idle)
        print(f"{setup}:")
        for name, value in found.items():
            print(f"  {name}: {value}")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
