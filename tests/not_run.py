"""Lists the tests that a pytest run skipped, for the end of bin/test: `python tests/not_run.py report.xml`.

Prints one line for each reason; prints nothing if every test ran. A test that is expected to fail did run.
"""

import sys
import xml.etree.ElementTree as ElementTree
from collections import Counter
from pathlib import Path


def skipped(report: Path) -> Counter[str]:
    """How many tests were skipped, by reason."""
    if not report.exists():
        return Counter({"pytest wrote no report": 1})
    found = ElementTree.parse(report).iter("skipped")
    return Counter(s.get("message") or "no reason given" for s in found if s.get("type") != "pytest.xfail")


if __name__ == "__main__":
    for reason, number in skipped(Path(sys.argv[1])).most_common():
        print(f"{number} test{'s' if number > 1 else ''}: {reason.removeprefix('Skipped: ')}")
