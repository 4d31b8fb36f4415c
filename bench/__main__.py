"""The benchmark in one command: `python -m bench`. See docs/performance.md for how to read its report."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from bench import growth, report
from bench.databases import Databases, running
from bench.rounds import run
from bench.seed import fill
from bench.world import SIZES


def main() -> int:
    """Seed, count, measure, report; 1 where a target was missed."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure the messaging centre.")
    parser.add_argument("--database", choices=["postgresql", "sqlite", "both"], default="both")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each request (default 5)")
    parser.add_argument("--only", nargs="*", default=(), help="only requests whose name begins with one of these words")
    parser.add_argument("--no-load", action="store_true", help="only seed and count statements, rows and buffers")
    parser.add_argument("--output", type=Path, default=Path("bench-results"))
    chosen = parser.parse_args()
    kinds = ["postgresql", "sqlite"] if chosen.database == "both" else [chosen.database]
    reports = []
    for kind in kinds:
        with tempfile.TemporaryDirectory(prefix="bench-") as folder, running(kind, Path(folder)) as databases:
            reports.append(_measure(chosen, databases))
        report.write(reports, chosen.output)
    print((chosen.output / "report.md").read_text())
    return 1 if any([*one.faults()] for one in reports) else 0


def _measure(chosen: argparse.Namespace, databases: Databases) -> report.Report:
    """Everything about one kind of database. Both sizes are seeded and counted, the large one put under load."""
    found = report.Report(databases.kind)
    for name, size in SIZES.items():
        url = databases.make(name)
        found.seeding[name] = fill(url, size)
        found.costs[name] = growth.costs(url, size)
        if name == "large" and not chosen.no_load:
            found.run = run(url, chosen.rounds, databases.pid, chosen.only)
        databases.drop(name)
    return found


if __name__ == "__main__":
    sys.exit(main())
