"""How many people how much machinery serves, where this machine is too small to try it: a simulation on measured costs.

    python -m bench.capacity                 the tables of docs/operations.md, from the costs below
    python -m bench.capacity --measure       measures the costs anew on PostgreSQL first (a minute and a half)

Requests come at random moments, each to a process at random. A process serves one at a time in the order they came
(while the database works for one, it takes the next); so does each processor of the database. How long something takes
is drawn around its measured mean, exponentially: some take three times as long, as on real machines.
"""

from __future__ import annotations

import argparse
import heapq
import html
import json
import random
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import TypeVar

from bench.databases import running
from bench.load import Request, measure
from bench.people import OTHERS, People, Scenario
from bench.seed import fill
from bench.servers import serving
from bench.world import SIZES
from tests.services import running_redis

Number = TypeVar("Number", int, float)
Costs = dict[str, tuple[float, float]]  # CPU milliseconds of a request: application, database

COSTS: Costs = {
    "inbox": (3.74, 0.67),
    "thread": (6.27, 0.69),
    "badge": (0.85, 0.29),
    "badge, new": (1.13, 0.34),
    "list": (1.4, 0.46),
    "list, new": (3.18, 0.53),
    "lines": (1.26, 0.42),
    "lines, new": (3.75, 0.58),
    "send": (3.96, 1.38),
}  # --measure prints these
BASE_MIB, STREAM_KIB = 110, 24  # of a process, of a stream: python -m bench.live
HEARD_MS, DELIVERED_MS = 0.11, 0.04  # a wake-up in each process, and again for each stream that it goes to
ROW_BYTES, INDEX_BYTES = 275, 105  # for each message with its tenth of a conversation and its seats, at 4 million
SEARCH_ROW_BYTES, SEARCH_INDEX_BYTES = 780, 830  # for its document, of fourteen words under two scopes, at 1 million

# What people do. Everybody has one window open, with a conversation in it.
POLL_EVERY = 30.0  # seconds; badge, list and thread each
STAYS = 900.0  # seconds per visit; then another person comes and loads inbox and thread
WRITES_EVERY = 300.0  # seconds
WAKES = 3  # with streams, for each message: itself, that somebody is writing it, that somebody has read it
WOKEN = 2  # windows that a message wakes; each asks for badge, list and thread at once
PATIENCE = 50.0  # ms of waiting that 99 of 100 requests may have
POLLS = {"list": "conversations-poll", "lines": "thread-poll"}
REQUESTS = 200_000  # simulated, the first tenth of which only warms up


@dataclass(frozen=True)
class Outcome:
    """The resources that a number of users needs, and the resulting latencies."""

    people: int
    streams: bool
    rate: float  # requests a second
    processes: int
    database: int  # processors
    p50: float  # ms, all in all
    p99: float
    waited: float  # ms in queues, p99
    connections: int  # database connections in use at once, p99
    herd: float  # seconds until everybody has caught up after Redis was away, with twice the processes


def rates(people: int, streams: bool) -> dict[str, float]:
    """Requests a second by kind."""
    found = dict.fromkeys(("badge", "list", "lines"), people / POLL_EVERY)
    found |= {"inbox": people / STAYS, "thread": people / STAYS, "send": people / WRITES_EVERY}
    if streams:  # what is new has to be answered in full
        found["badge, new"] = found["list, new"] = found["lines, new"] = WOKEN * people / WRITES_EVERY
    return found


def serve(
    costs: Costs, asked: dict[str, float], processes: int, database: int, left: float
) -> tuple[list[float], list[float], int]:
    """Simulate; answers whole times and times in queues (ms, sorted), and connections at work at once (p99).

    `left` is the share of a process's time that wake-ups leave for requests.
    """
    chance = random.Random(1)
    whole = sum(asked.values())
    kinds, moment = chance.choices(list(asked), list(asked.values()), k=REQUESTS), 0.0
    free = [0.0] * processes
    arrived: list[tuple[float, float, float, float]] = []  # at the database, queued so far, work there, came at
    for kind in kinds:
        moment += chance.expovariate(whole / 1000)
        here, there = (chance.expovariate(1 / cost) for cost in costs[kind])
        process = chance.randrange(processes)
        began = max(moment, free[process])
        free[process] = began + here / left
        arrived.append((free[process], began - moment, there, moment))
    arrived.sort()
    cores = [0.0] * database
    times, waits, at_work, busy = [], [], [], []
    for at, queued, work, came in arrived[REQUESTS // 10 :]:
        began = max(at, heapq.heappop(cores))
        heapq.heappush(cores, began + work)
        times.append(began + work - came)
        waits.append(queued + began - at)
        while busy and busy[0] <= at:
            heapq.heappop(busy)
        heapq.heappush(busy, began + work)
        at_work.append(len(busy))
    return sorted(times), sorted(waits), percentile(sorted(at_work))


def percentile(ordered: list[Number], share: float = 0.99) -> Number:
    """Of values in order."""
    return ordered[int(share * (len(ordered) - 1))]


def enough(costs: Costs, people: int, streams: bool) -> Outcome:
    """The fewest processes and database processors with which 99 of 100 wait no longer than `PATIENCE`."""
    asked = rates(people, streams)
    wakes = WAKES * people / WRITES_EVERY / 1000 if streams else 0.0  # a millisecond
    left = 1 - wakes * HEARD_MS
    work = [sum(rate * costs[kind][part] for kind, rate in asked.items()) / 1000 for part in (0, 1)]
    work[0] = (work[0] + wakes * WOKEN * DELIVERED_MS) / left
    spare = 0.95
    while True:
        processes, database = (max(1, ceil(load / spare)) for load in work)
        times, waits, connections = serve(costs, asked, processes, database, left)
        if percentile(waits) <= PATIENCE:
            break
        spare -= 0.05
    everybody = people * sum(costs[kind][0] for kind in ("badge", "list", "lines")) / 1000
    herd = everybody / left / (2 * processes - work[0]) if streams else 0.0
    figures = percentile(times, 0.5), percentile(times), percentile(waits), connections, herd
    return Outcome(people, streams, sum(asked.values()), processes, database, *figures)


def measured() -> Costs:
    """The costs on this machine: a million messages on PostgreSQL, two gevent processes, each kind of request."""
    found: Costs = {}
    with (
        tempfile.TemporaryDirectory() as name,
        running("postgresql", Path(name)) as databases,
        running_redis() as redis,
    ):
        url = databases.make("capacity")
        fill(url, SIZES["large"])
        with serving("wsgi:app", url, Path(name) / "app", redis) as server:
            people, others = People(url, server.base), People(url, server.base, OTHERS)
            for scenario in others.scenarios():
                measure(server.port, scenario.batch(100), server.pid, databases.pid)
            by_name = {scenario.name: scenario for scenario in people.scenarios()}
            kinds = {"inbox": by_name["inbox"], "thread": by_name["thread"]}
            kinds |= {"badge": by_name["badge, unchanged"], "badge, new": by_name["badge"]}
            kinds |= {scenario.name: scenario for scenario in polls(people)}
            kinds["send"] = by_name["send"]  # last: it changes what the others find unchanged
            for kind, scenario in kinds.items():
                result = measure(server.port, scenario.batch(1_000), server.pid, databases.pid)
                found[kind] = round(result.app_ms, 2), round(result.database_ms, 2)
    return found


def polls(people: People) -> Iterator[Scenario]:
    """The polls of list and thread as somebody's page makes them, with nothing new and with something."""
    thread, page = people.again
    visitor = next(iter(people.visitors.values()))
    for kind, shown in (("list", page), ("lines", thread)):
        text = html.unescape(visitor.fetch(shown.path)[1])
        element = re.search(rf'<div id="{POLLS[kind]}"[^>]*hx-get="([^"]+)" hx-vals=\'({{.*?}})\'', text)
        assert element is not None, text
        place, values = element.group(1), json.loads(element.group(2))
        for name, told, status in ((kind, values, 204), (f"{kind}, new", values | {"have": "0"}, 200)):
            query = "&".join(f"{key}={value}" for key, value in told.items())
            request = Request(place + ("&" if "?" in place else "?") + query, shown.cookie, status=status)
            yield Scenario(name, None, lambda count, request=request: [request] * count)  # type: ignore[misc]


def report(costs: Costs) -> Iterator[str]:
    """Both tables, as Markdown."""
    yield "| online | streams | requests/s | processes | database processors | p50 | p99 | queues p99 | at the database at once | memory of the processes | catching up |"
    yield "|---:|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|"
    for people in (1_000, 10_000, 100_000):
        for streams in (True, False):
            one = enough(costs, people, streams)
            memory = one.processes * BASE_MIB / 1024 + (people * STREAM_KIB / 1024**2 if streams else 0)
            times = " | ".join(f"{value:.0f} ms" for value in (one.p50, one.p99, one.waited))
            yield (
                f"| {people:,} | {'open' if streams else 'all down'} | {one.rate:,.0f} | {one.processes} | {one.database} "
                f"| {times} | {one.connections} | {memory:.1f} GB | {f'{one.herd:.0f} s' if streams else '–'} |"
            )
    yield ""
    yield "| messages | rows | indexes | search | database |"
    yield "|---:|---:|---:|---:|---:|"
    for messages in (1_000_000, 10_000_000, 100_000_000):
        sizes = (ROW_BYTES, INDEX_BYTES, SEARCH_ROW_BYTES + SEARCH_INDEX_BYTES)
        columns = (f"{float(f'{messages * size / 1e9:.2g}'):g} GB" for size in (*sizes, sum(sizes)))
        yield f"| {messages:,} | {' | '.join(columns)} |"


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m bench.capacity", description="Simulate many people.")
    parser.add_argument("--measure", action="store_true", help="measure the costs of requests here first")
    costs = measured() if parser.parse_args().measure else COSTS
    print("".join(f'    "{kind}": {cost},\n' for kind, cost in costs.items()))
    print("\n".join(report(costs)))


if __name__ == "__main__":
    main()
