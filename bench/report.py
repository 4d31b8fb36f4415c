"""The report: one JSON with everything, and its tables as Markdown."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from bench.growth import MOST_GROWTH, grown
from bench.rounds import Measured
from bench.statements import Cost

MOST_FIRST = 1.3  # a first visit's CPU time to a repeat's
MAY_GROW = (
    "badge",
    "rows",
)  # a badge sums the unread seats of its person, who has twenty times as many at the large size
MOST_STATEMENTS = {"badge": 2, "inbox": 3, "thread": 4, "send": 6}
MOST_BYTES = {"badge": 200, "inbox": 20_000, "thread": 40_000}  # before compression


@dataclass
class Report:
    """All that was measured on one kind of database; `costs` by size."""

    database: str
    seeding: dict[str, float] = field(default_factory=dict)
    costs: dict[str, dict[str, Cost]] = field(default_factory=dict)
    run: list[Measured] = field(default_factory=list)

    def faults(self) -> Iterator[str]:
        """Every target that was missed, as a sentence. Ratios are promised on PostgreSQL."""
        if self.database == "postgresql":
            yield from (f"{one.name}: {one.ratio:.2f} is below {one.target:.2f}" for one in self.run if one.missed)
        for name, ratio in self.first_visits().items():
            if ratio > MOST_FIRST:
                yield f"{name}: a first visit takes {ratio:.2f} times as long as a repeat"
        for size, costs in self.costs.items():
            for name, cost in costs.items():
                kind = name.split(",")[0]
                if cost.statements > MOST_STATEMENTS[kind]:
                    yield f"{size}: {name} makes {cost.statements} statements"
                if cost.size > MOST_BYTES.get(kind, cost.size):
                    yield f"{size}: {name} weighs {cost.size} bytes"
        for name, growth in self.growth().items():
            grows = (what for what, by in growth.items() if by > MOST_GROWTH)
            yield from (f"{name}: {what} grow by {growth[what]:.2f}" for what in grows if (name[:5], what) != MAY_GROW)

    def first_visits(self) -> dict[str, float]:
        """CPU time of a first visit to that of a repeat, by the name of the page."""
        by_name = {one.name: one.result.cpu_ms for one in self.run}
        repeats = {name: f"{name}, again" for name in by_name}
        return {name: by_name[name] / by_name[again] for name, again in repeats.items() if again in by_name}

    def growth(self) -> dict[str, dict[str, float]]:
        """Large against small: statements, rows and, on PostgreSQL, shared buffers."""
        return {name: grown(small, self.costs["large"][name]) for name, small in self.costs["small"].items()}

    def markdown(self) -> str:
        """The report as tables."""
        lines = [f"## {self.database}", ""]
        lines += [f"Seeding {size}: {seconds:.0f} s." for size, seconds in self.seeding.items()]
        if self.run:
            head = ["request", "CPU ms: application", "database", "ratio", "rounds", "target", "p50 ms", "p99 ms"]
            lines += ["", *_table(head, [_cells(one) for one in self.run]), ""]
            lines += [f"A first visit to a repeat, {name}: {ratio:.2f}" for name, ratio in self.first_visits().items()]
        counts = {"statements": "statements", "rows": "rows", "buffers": "buffers", "bytes": "size"}
        head = ["request", *(f"{what}, {size}" for what in counts for size in self.costs)]
        costs = self.costs.values()
        names = next(iter(costs))
        cells = [[name, *(str(getattr(c[name], key)) for key in counts.values() for c in costs)] for name in names]
        lines += ["", *_table(head, cells), "", *(f"- missed: {fault}" for fault in self.faults())]
        return "\n".join(lines) + "\n"


def write(reports: list[Report], folder: Path) -> None:
    """Write report.json and report.md into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    cpus = [line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line]  # fmt: skip
    head = f"# Benchmark\n\n{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, Python {platform.python_version()}, {cpus}.\n"
    (folder / "report.md").write_text(head + "".join("\n" + report.markdown() for report in reports))
    (folder / "report.json").write_text(json.dumps([asdict(report) for report in reports], indent=1) + "\n")


def _cells(one: Measured) -> list[str]:
    found, target = one.result, "" if one.target is None else f"{one.target:.2f}"
    figures = [f"{found.app_ms:.2f}", f"{found.database_ms:.2f}", f"{one.ratio:.2f}", f"{one.low:.2f}-{one.high:.2f}"]
    return [one.name, *figures, target, f"{found.p50:.1f}", f"{found.p99:.1f}"]


def _table(head: list[str], rows: list[list[str]]) -> list[str]:
    lines = [head, ["---", *("---:" for _ in head[1:])], *rows]
    return [f"| {' | '.join(line)} |" for line in lines]
