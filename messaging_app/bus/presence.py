"""Who has which conversation open: kept in the memory of every process, updated by events, expires by itself.

Nothing is stored. Pages report at intervals that they are open and each process remembers it for a while, so a process
that has just started is complete again after one interval.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from typing import NamedTuple

from pydantic_core import from_json, to_json

LASTS = 50.0  # seconds; pages report with their poll, every 30
HERE = "here"  # the kind of these events: between processes only, no stream has their topic
MANY = 5_000  # places beyond which expired entries are removed from all of them

Place = tuple[str, int]  # a side, and a conversation


class Present(NamedTuple):
    """A user who has a conversation open."""

    id: int
    name: str


def encode(place: Place, who: Present, here: bool) -> str:
    """Return the data of the event that a user is at a place (`here`) or has left it."""
    return to_json([*place, *who, here]).decode()


class Presence:
    """The recent reports. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._until: dict[Place, dict[Present, float]] = defaultdict(dict)

    def note(self, data: str) -> None:
        """Apply an event: a user is at a place for the next `LASTS` seconds, or has left it."""
        side, number, person, name, here = from_json(data)
        place, who = (side, number), Present(person, name)
        with self._lock:
            if here:
                self._until[place][who] = time.time() + LASTS
            elif place in self._until:
                self._until[place].pop(who, None)
            for over in list(self._until) if len(self._until) > MANY else [place]:
                self._forget(over)

    def at(self, place: Place) -> dict[Present, float]:
        """Return who is at a place, in order of arrival, with the seconds until each expires."""
        now = time.time()
        with self._lock:
            return {who: until - now for who, until in self._until.get(place, {}).items() if until > now}

    def _forget(self, place: Place) -> None:
        now = time.time()
        left = {who: until for who, until in self._until.pop(place, {}).items() if until > now}
        if left:
            self._until[place] = left
