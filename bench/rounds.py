"""The interleaved run: in each round a scenario stands between two batches of the reference, so that a machine that
changes its speed, or is busy with something else, does so to both.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median

from bench.load import Request, Result, measure
from bench.people import EACH, OTHERS, STORES, People
from bench.servers import Server, Visitor, serving
from tests.services import running_redis


@dataclass(frozen=True)
class Measured:
    """A scenario over all rounds: medians. `ratio` is the reference's CPU time to its own, `low` to `high` the rounds'."""

    name: str
    result: Result
    ratio: float
    low: float
    high: float
    target: float | None = None

    @property
    def missed(self) -> bool:
        """Whether there is a target that was not reached."""
        return self.target is not None and self.ratio < self.target


def run(url: str, rounds: int, database_pid: int | None, only: Sequence[str] = ()) -> list[Measured]:
    """Measure every scenario, or those whose name begins with one of `only`; the reference comes first."""
    size = len(STORES) * EACH // rounds
    with tempfile.TemporaryDirectory() as folder, _both(url, Path(folder)) as (ours, plain):
        people, others = People(url, ours.base), People(url, ours.base, OTHERS)
        visitor = Visitor(plain.base)
        visitor.fetch("/in")
        reference = [Request("/", visitor.cookie, "<p>Petra</p>")] * size

        def batch(server: Server, requests: list[Request]) -> Result:
            return measure(server.port, requests, server.pid, database_pid)

        batch(plain, reference)
        for scenario in others.scenarios():
            batch(ours, scenario.batch(EACH * len(OTHERS)))
        beside, measured = list[Result](), list[Measured]()
        for scenario in people.scenarios():
            if only and not scenario.name.startswith(tuple(only)):
                continue
            results, ratios = list[Result](), list[float]()
            for _round in range(rounds):
                around = [batch(plain, reference)]
                results.append(batch(ours, scenario.batch(size)))
                around.append(batch(plain, reference))
                ratios.append(mean(one.cpu_ms for one in around) / results[-1].cpu_ms)
                beside += around
            told = ", ".join(f"{ratio:.2f}" for ratio in ratios)
            print(f"{scenario.name}: {told}", file=sys.stderr, flush=True)
            found = _middle(results), median(ratios), min(ratios), max(ratios), scenario.target
            measured.append(Measured(scenario.name, *found))
        usual = _middle(beside)
        shares = [usual.cpu_ms / one.cpu_ms for one in beside]
        return [Measured("reference", usual, 1.0, min(shares), max(shares)), *measured]


def _middle(results: list[Result]) -> Result:
    return Result(*(median(getattr(one, field) for one in results) for field in Result.__dataclass_fields__))


@contextmanager
def _both(url: str, folder: Path) -> Iterator[tuple[Server, Server]]:
    """The application and the reference, both running; the one that is not measured is idle."""
    with ExitStack() as stack:
        redis = stack.enter_context(running_redis()) if url.startswith("postgresql") else None
        ours = stack.enter_context(serving("wsgi:app", url, folder / "app", redis))
        target = "bench.reference:create_reference()"
        yield ours, stack.enter_context(serving(target, url, folder / "reference", redis, plain=True))
