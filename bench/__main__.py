"""The benchmark in one command: `python -m bench`. See docs/operations.md for how to read its report."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from bench import growth, report
from bench.databases import Databases, running
from bench.requests import MOST_BYTES, MOST_STATEMENTS
from bench.rounds import Length, run
from bench.seed import fill
from bench.world import SIZES


def main() -> int:
    """Seed, count, measure, report; 1 where a target was missed."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure the messaging centre.")
    parser.add_argument("--database", choices=["postgresql", "sqlite", "both"], default="both")
    parser.add_argument("--size", choices=[*SIZES, "both"], default="both")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each request (default 5)")
    parser.add_argument("--turns", type=int, default=3, help="turns a round, between the reference's (default 3)")
    parser.add_argument("--seconds", type=int, default=2, help="seconds a turn (default 2)")
    parser.add_argument("--only", nargs="*", default=(), help="only requests whose name holds one of these words")
    parser.add_argument("--no-load", action="store_true", help="only seed and count statements, rows and buffers")
    parser.add_argument("--output", type=Path, default=Path("bench-results"))
    chosen = parser.parse_args()
    if not chosen.no_load and shutil.which("wrk") is None:
        parser.error("wrk is not installed; on Debian and Ubuntu: apt-get install wrk")
    kinds = ["postgresql", "sqlite"] if chosen.database == "both" else [chosen.database]
    reports = []
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        for kind in kinds:
            with running(kind, Path(folder)) as databases:
                reports.append(_measure(chosen, databases))
            report.write(reports, chosen.output)
    print((chosen.output / "report.md").read_text())
    return 1 if any(one.faults() for one in reports) else 0


def _measure(chosen: argparse.Namespace, databases: Databases) -> report.Report:
    """Everything about one kind of database. Each size is seeded, counted, then put under load."""
    found = report.Report(databases.kind, most_statements=MOST_STATEMENTS, most_bytes=MOST_BYTES)
    for name in SIZES if chosen.size == "both" else [chosen.size]:
        url = databases.make(name)
        found.seeding[name] = fill(url, SIZES[name])
        found.costs[name] = growth.costs(url, SIZES[name])
        if not chosen.no_load:
            print(f"{databases.kind}, {name}", file=sys.stderr)
            length = Length(chosen.rounds, chosen.turns, chosen.seconds)
            found.runs[name] = run(url, SIZES[name], length, databases.pid, chosen.only)
        databases.drop(name)
    return found


if __name__ == "__main__":
    sys.exit(main())
