"""The interleaved run: within each round a request and the reference take turns, so that a machine which changes its
speed from one second to the next changes it for both.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean, median

from bench.load import Request, Result, measure, settle
from bench.requests import reference_of, requests_of, write_targets
from bench.servers import Server, Visitor, serving
from bench.world import Size
from tests.services import running_redis

MOST_SPREAD = 1.5
# Whoever of the two processes wakes first takes a connection. Now and then one takes all eight, and the other stands
# idle: such a turn measures one process, the reference's as well as ours, and is run again.
MOST_SHARE = 2 / 3
TRIES = 8


@dataclass(frozen=True)
class Measured:
    """A request over all rounds: medians, and the ratio to the reference, paired round by round.

    `spread` is how far the reference's rounds beside it lay apart: above 1.5 the ratio is void.
    """

    name: str
    rate: float
    p50: float
    p99: float
    ratio: float | None
    app_ms: float
    database_ms: float
    target: float | None
    cpu_ratio: float | None  # the same by CPU time of application and database: what a busy machine cannot disturb
    spread: float

    @property
    def void(self) -> bool:
        """Whether there is a ratio, and the machine was too unquiet for it to mean anything."""
        return self.ratio is not None and self.spread > MOST_SPREAD


@dataclass(frozen=True)
class Length:
    """How long is measured: so many rounds of each request, so many turns a round, so many seconds a turn."""

    rounds: int
    turns: int
    seconds: int


def run(url: str, size: Size, length: Length, database_pid: int | None, only: Sequence[str] = ()) -> list[Measured]:
    """Measure every request (or those whose name holds one of `only`) against `url`: the reference, then each of them.

    All rounds of a request come one after another. A round begins and ends with the reference; its ratio is the
    request's rate over all its turns to the reference's.
    """
    with tempfile.TemporaryDirectory() as folder, _both(url, Path(folder)) as (ours, plain):
        reference = reference_of(plain.base)
        asked = requests_of(size, Visitor(ours.base).sign_in())
        asked = [one for one in asked if not only or any(word in one.name for word in only)]
        measured: list[Measured] = []
        references: list[Result] = []

        def turn(server: Server, request: Request) -> Result:
            for _ in range(TRIES):
                settle()
                targets = _targets(request, url, Path(folder))
                result = measure(server.base, request, length.seconds, server.pid, database_pid, targets)
                if result.busiest <= MOST_SHARE:
                    return result
            raise RuntimeError(f"{request.name}: one process took nearly all connections, {TRIES} times in a row")

        for server, request in [(plain, reference), *((ours, one) for one in asked)]:  # warm both
            measure(server.base, request, 1, server.pid, database_pid, _targets(request, url, Path(folder)))
        for one in asked:
            pairs: list[tuple[Result, Result]] = []
            for number in range(length.rounds):
                plain_turns, turns = [turn(plain, reference)], []
                for _ in range(length.turns):
                    turns.append(turn(ours, one))
                    plain_turns.append(turn(plain, reference))
                pairs.append((_together(turns), _together(plain_turns)))
                told = f"{one.name}, round {number + 1} of {length.rounds}: {_ratio(*pairs[-1]):.2f}"
                print(told, file=sys.stderr, flush=True)
            references += [beside for _found, beside in pairs]
            found = _summary(one.name, [result for result, _beside in pairs], _spread([beside for _, beside in pairs]))
            ratio, by_cpu = (median(how(*pair) for pair in pairs) for how in (_ratio, _cpu_ratio))
            measured.append(replace(found, ratio=ratio, target=one.target, cpu_ratio=by_cpu))
    return [_summary("reference", references, _spread(references)), *measured]


def _spread(references: list[Result]) -> float:
    rates = [one.rate for one in references]
    return max(rates) / min(rates)


def _together(turns: list[Result]) -> Result:
    """The turns of one round as one: each lasted as long as the others, so the mean of their rates is the round's."""
    return Result(**{field: mean(getattr(one, field) for one in turns) for field in Result.__dataclass_fields__})


def _ratio(found: Result, plain: Result) -> float:
    return found.rate / plain.rate


def _cpu_ratio(found: Result, plain: Result) -> float:
    return (plain.app_ms + plain.database_ms) / (found.app_ms + found.database_ms)


def _targets(request: Request, url: str, folder: Path) -> Path | None:
    return write_targets(url, folder / "targets") if request.method == "POST" else None


@contextmanager
def _both(url: str, folder: Path) -> Iterator[tuple[Server, Server]]:
    """The application and the reference, running side by side; whoever is not measured stands idle."""
    with (
        running_redis() as redis,
        serving("wsgi:app", url, folder / "app", MESSAGING_REDIS_URL=redis) as ours,
        serving("bench.reference:create_reference()", url, folder / "reference", plain=True) as plain,
    ):
        yield ours, plain


def _summary(name: str, results: list[Result], spread: float) -> Measured:
    def middle(field: str) -> float:
        return median(getattr(result, field) for result in results)

    times = middle("rate"), middle("p50"), middle("p99")
    return Measured(name, *times, None, middle("app_ms"), middle("database_ms"), None, None, spread)
