"""The simulation behind the capacity sheet agrees with theory where theory has an answer."""

from __future__ import annotations

from math import log
from statistics import mean

import pytest

from bench import capacity

pytestmark = pytest.mark.long


def test_one_process_at_eighty_percent_makes_people_wait_as_queueing_theory_says() -> None:
    costs = {"request": (1.0, 1e-9)}
    times, waits, _connections = capacity.serve(costs, {"request": 800.0}, processes=1, database=1, left=1.0)
    assert abs(mean(waits) / 4.0 - 1) < 0.15, "an M/M/1 queue: 0.8 / (1 - 0.8) services"
    assert abs(capacity.percentile(times) / (log(100) / (1 - 0.8)) - 1) < 0.15


def test_the_database_s_processors_share_one_queue() -> None:
    costs = {"request": (1e-9, 1.0)}
    _times, waits, _connections = capacity.serve(costs, {"request": 1_600.0}, processes=1, database=2, left=1.0)
    assert abs(mean(waits) / 1.78 - 1) < 0.15, "an M/M/2 queue at 80 % (Erlang C)"
