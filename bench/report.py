"""The report: one JSON with everything, the tables of it as Markdown, and a picture of the ratios."""

from __future__ import annotations

import json
import platform
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from bench.chart import chart
from bench.growth import MOST_GROWTH, grown
from bench.rounds import Measured
from bench.statements import Cost


@dataclass
class Report:
    """All that was measured on one kind of database; `runs` and `costs` by size."""

    database: str
    seeding: dict[str, float] = field(default_factory=dict)
    runs: dict[str, list[Measured]] = field(default_factory=dict)
    costs: dict[str, dict[str, Cost]] = field(default_factory=dict)
    most_statements: dict[str, int] = field(default_factory=dict)
    most_bytes: dict[str, int] = field(default_factory=dict)

    def faults(self) -> list[str]:
        """Every target that was missed, as a sentence. Ratios are promised on PostgreSQL at the large size."""
        found = []
        for size, measured in self.runs.items():
            promised = self.database == "postgresql" and size == "large"
            for one in measured:
                if one.void:
                    found.append(f"{size}: {one.name} is void, the reference's rounds spread by {one.spread:.2f}")
                elif promised and one.target and one.ratio and one.ratio < one.target:
                    found.append(f"{one.name}: ratio {one.ratio:.2f} is below {one.target:.2f}")
        for size, costs in self.costs.items():
            for name, cost in costs.items():
                plain = name.split(",")[0]
                if cost.statements > self.most_statements.get(plain, 99):
                    found.append(f"{size}: {name} makes {cost.statements} statements")
                if cost.size > self.most_bytes.get(plain, 10**9):
                    found.append(f"{size}: {name} weighs {cost.size} bytes")
        for name, growth in self.growth().items():
            found += [f"{name}: {what} grow by {by:.2f}" for what, by in growth.items() if by > MOST_GROWTH]
        return found

    def growth(self) -> dict[str, dict[str, float]]:
        """Large against small: statements, rows and, on PostgreSQL, shared buffers."""
        if not {"small", "large"} <= self.costs.keys():
            return {}
        return {name: grown(small, self.costs["large"][name]) for name, small in self.costs["small"].items()}

    def markdown(self) -> str:
        """The report as tables."""
        lines = [f"## {self.database}", ""]
        for size, seconds in self.seeding.items():
            lines.append(f"Seeding {size}: {seconds:.0f} s.")
        for size, measured in self.runs.items():
            lines += ["", f"### {size}", ""]
            lines += _table(
                ["request", "requests/s", "ratio", "target", "by CPU", "spread", "p50 ms", "p99 ms", "app CPU ms", "db CPU ms"],
                [
                    [
                        one.name, f"{one.rate:.0f}", _number(one.ratio), _number(one.target), _number(one.cpu_ratio),
                        f"{one.spread:.2f}{' VOID' if one.void else ''}", f"{one.p50:.1f}", f"{one.p99:.1f}", f"{one.app_ms:.2f}", f"{one.database_ms:.2f}",
                    ]
                    for one in measured
                ],
            )  # fmt: skip
        if self.costs:
            lines += ["", "### Cost of one request", ""]
            lines += _table(
                ["request", *(f"{what}, {size}" for what in ("statements", "rows", "buffers", "bytes") for size in self.costs)],
                [
                    [name, *(str(getattr(costs[name], what)) for what in ("statements", "rows", "buffers", "size") for costs in self.costs.values())]
                    for name in next(iter(self.costs.values()))
                ],
            )  # fmt: skip
        faults = self.faults()
        lines += ["", *(f"- missed: {fault}" for fault in faults)] if faults else ["", "Every target is met."]
        return "\n".join(lines) + "\n"


def write(reports: list[Report], folder: Path) -> None:
    """Write report.json, report.md and one picture a database into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    head = (
        f"# Benchmark\n\n{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, Python {platform.python_version()}, {_processors()}.\n"
    )
    (folder / "report.md").write_text(head + "".join("\n" + report.markdown() for report in reports))
    (folder / "report.json").write_text(json.dumps([asdict(report) for report in reports], indent=1) + "\n")
    for report in reports:
        for size, measured in report.runs.items():
            (folder / f"ratios-{report.database}-{size}.svg").write_text(chart(report.database, size, measured))


def _processors() -> str:
    models = [
        line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line
    ]
    return f"{len(models)} x {models[0]}" if models else platform.machine()


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _table(head: list[str], rows: list[list[str]]) -> list[str]:
    lines = [head, ["---", *("---:" for _ in head[1:])], *rows]
    return [f"| {' | '.join(line)} |" for line in lines]
