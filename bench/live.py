"""The figures of live updates: `python -m bench.live [--setup scaled|embedded|both] [--streams 5000]`.

Opens streams on one process, weighs them, broadcasts to all, counts what idle streams cost the database, and times how
soon one browser sees what another sends while 500 more ask for streams. An embedded process gives as many as it may hold
and sends the rest away with a 204: those poll, here as in browsers. Client and servers share this machine's processors.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import secrets
import statistics
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

from bench.databases import running
from messaging_app.accounts.tokens import digest
from messaging_app.actors import ActorType
from messaging_app.bus.hub import STREAMS_EACH
from messaging_app.db.engine import writing
from messaging_app.extensions import db
from messaging_app.models import SignInSession, StoreMembership, User
from tests.cast import EMAILS, PASSWORD
from tests.live.installation import Installation, Person
from tests.services import find_chromium, running_redis

BROADCASTS = 10
SENDS = 40
WAITS = 3  # sends that a page without a stream is watched for; each may take it half a minute
ASKING = 500  # browsers that ask for a stream beside the two that are timed
POLL = 30.0  # seconds between two polls of a browser
QUIET = 20.0  # seconds over which statements of idle streams are counted


@dataclass
class Listeners:
    """Simulated browsers in one event loop: their streams, and the polls of those who got no stream."""

    port: int
    path: str
    arrivals: dict[int, list[float]] = field(default_factory=dict)
    open: int = 0
    refused: int = 0
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def connect(self, cookies: list[str]) -> None:
        """Open a stream for each cookie, a hundred at a time, and wait until every one has begun or was refused."""
        gate = asyncio.Semaphore(100)
        await asyncio.gather(*(self._connect(cookie, gate) for cookie in cookies))

    async def _connect(self, cookie: str, gate: asyncio.Semaphore) -> None:
        async with gate:
            status, reader, writer = await self._ask(cookie, "events")
            if status == 200:
                while b"event: beat" not in await reader.readline():
                    pass
                self.open += 1
        if status == 200:
            self.tasks.add(asyncio.create_task(self._read(reader, writer)))
        else:
            writer.close()
            self.refused += 1

    async def poll(self, cookies: list[str]) -> None:
        """Poll for the browsers without a stream: each asks for badge, list and a stream every half minute."""
        self.tasks.update(asyncio.create_task(self._poll(cookie)) for cookie in cookies)

    async def _poll(self, cookie: str) -> None:
        await asyncio.sleep(random.random() * POLL)
        while True:
            for what in ("unread-count?have=0", "?have=none", "events"):
                status, _reader, writer = await self._ask(cookie, what)
                writer.close()
                assert status in (200, 204), (what, status)
            await asyncio.sleep(POLL)

    async def _ask(self, cookie: str, what: str) -> tuple[int, asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=2048)
        address = self.path + (what if what.startswith("?") else f"/{what}")
        head = f"GET {address} HTTP/1.1\r\nHost: bench\r\nHX-Request: true\r\nConnection: close\r\n"
        writer.write(f"{head}Cookie: {cookie}\r\n\r\n".encode())
        return int((await reader.readline()).split()[1]), reader, writer

    async def _read(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                if b'"message"' in line:
                    wake = json.loads(line[6:])
                    self.arrivals.setdefault(wake["seq"], []).append(time.perf_counter())
        finally:
            writer.close()

    async def close(self) -> None:
        """Hang up; the server has noticed that when this returns."""
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await asyncio.sleep(16)  # of gevent's streams; see gunicorn_conf.py


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
            row = {"token_hash": digest(token), "actor_type": ActorType.STORE, "person_id": user.id}
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
    listeners = Listeners(place.port, "/store/messages")
    cookies = cookies_for(place, streams)
    sender.send(number, "so that everything is warm")
    before = weight(place)
    began = time.perf_counter()
    await listeners.connect(cookies)
    opened = time.perf_counter() - began
    await asyncio.sleep(2)
    each = (weight(place) - before) / max(listeners.open, 1)
    idled = processor_time(place)
    counted = await asyncio.to_thread(statements, place, QUIET)
    idled = processor_time(place) - idled
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
    await listeners.close()
    return {
        "streams": listeners.open,
        "refused": listeners.refused,
        "opened within s": round(opened, 1),
        "KiB each": round(each, 1),
        "statements while idle": counted,
        "processor s while idle": round(idled, 1),
        "lost": sum(listeners.open - len(one) for one in delays),
        "processor ms a broadcast": round(worked / BROADCASTS * 1000),
        "broadcast p50 ms": round(statistics.median(percentile(one, 0.5) for one in delays) * 1000),
        "broadcast p99 ms, median of the rounds": round(
            statistics.median(percentile(one, 0.99) for one in delays) * 1000
        ),
        "broadcast p99 ms, worst round": round(max(percentile(one, 0.99) for one in delays) * 1000),
    }


def statements(place: Installation, seconds: float) -> str:
    """Count the statements of open streams while nothing happens."""
    before = _made(place)
    time.sleep(seconds)
    after = _made(place)
    pages, mail = (after.get(who, 0) - before.get(who, 0) for who in ("pages", "mail"))
    return f"{pages} in {seconds:.0f} s, and {mail} by rounds of the mail"


def _made(place: Installation) -> dict[str, int]:
    """The statements that the serving process has made so far; asking makes none."""
    with urllib.request.urlopen(f"http://127.0.0.1:{place.port}/bench/statements") as answer:
        counted: dict[str, int] = json.load(answer)
    assert counted["pages"], "signing in made statements, or nothing is counted"
    return counted


@contextmanager
def asking(place: Installation, number: int) -> Iterator[Listeners]:
    """Run `count` browsers in a separate thread, each with a stream or polling."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    def wait(what: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(what, loop).result(300)

    listeners = Listeners(place.port, "/store/messages")
    cookies = cookies_for(place, number)
    try:
        wait(listeners.connect(cookies))
        wait(listeners.poll(cookies[: listeners.refused]))
        yield listeners
    finally:
        wait(listeners.close())
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def between_browsers(place: Installation, number: int) -> dict[str, Any]:
    """From the click in one browser to the text in another, both with a stream, while many more ask for one.

    And to the text in a browser that came too late for a stream, where streams are capped below that.
    """
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox", "--disable-gpu"])
        sam, cleo, late = (browser.new_context().new_page() for _ in range(3))
        _open(sam, place, "store", "sam", f"/store/messages/{number}")
        _open(cleo, place, "storefront", "cleo", f"/storefront/account/messages/{number}")
        assert _has_stream(sam) and _has_stream(cleo)
        with asking(place, ASKING) as listeners:
            found: dict[str, Any] = {"browsers with a stream": listeners.open, "that poll": listeners.refused}
            times = [_seen(sam, cleo) for _ in range(SENDS)]
            found |= {"send to seen p50 ms": statistics.median(times), "p95 ms": percentile(times, 0.95)}
            if listeners.refused:
                _open(late, place, "store", "nadia", f"/store/messages/{number}")
                assert not _has_stream(late)
                found["seen without a stream after s"] = [round(_seen(sam, late) / 1000, 1) for _ in range(WAITS)]
        browser.close()
    return found


def _seen(sender: Page, reader: Page) -> float:
    """Milliseconds from a click on "Send" to the words before the other's eyes."""
    words = f"seen {secrets.token_hex(4)}"
    sender.fill("#content", words)
    sender.evaluate("document.querySelector('#send').addEventListener("
                    "'click', () => { window.sentAt = Date.now(); }, { once: true })")  # fmt: skip
    reader.evaluate(WATCH)
    sender.click("#send")
    reader.wait_for_function("words => window.seen[words]", arg=words, timeout=40_000)
    sender.wait_for_timeout(250)
    return float(reader.evaluate("words => window.seen[words]", words) - sender.evaluate("window.sentAt"))


def _has_stream(page: Page) -> bool:
    return bool(page.evaluate("!!document.getElementById('live')._htmx?.sse?.reader"))


WATCH = """() => {
  if (window.seen) return;
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
    place.application = "bench.counted:app"
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
            streams = chosen.streams if setup == "scaled" else ASKING
            found = asyncio.run(measure(place, streams, sam, number))
            if not chosen.no_browser:
                found |= between_browsers(place, number)
        print(f"{setup}:")
        for name, value in found.items():
            print(f"  {name}: {value}")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
