"""kill -9 of any part, at any moment, while eight people write; `python -m bench.faults` does a hundred rounds of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import faults

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]


@pytest.mark.parametrize(("kind", "rounds"), [("sqlite", 3), pytest.param("postgresql", 6, marks=pytest.mark.postgres)])
def test_no_acknowledged_message_is_lost_or_doubled_by_kill_9(kind: str, rounds: int, tmp_path: Path) -> None:
    outcome = faults.run(kind, rounds, tmp_path, seed=7)
    assert outcome.faults == []
    # That it was at work at all: how much it can do in the time depends on the machine.
    assert outcome.sent > 20 and outcome.with_file > 5 and outcome.mails > 0
    assert set(outcome.kills) == ({"application", "worker", "database"} if kind == "postgresql" else {"application"})
