"""Who has which conversation open, as every process knows it: in memory, fed by events, gone by itself.

Nothing is stored. A page says now and then that it is here, each process remembers that for a while, and a process that
has just started knows all of it again after one such round.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from typing import NamedTuple

from pydantic_core import from_json, to_json

LASTS = 50.0  # seconds; pages say it with their poll, every 30
HERE = "here"  # the kind of these events: between processes only, no stream has their topic
MANY = 5_000  # places beyond which what is over is looked for everywhere

Place = tuple[str, int]  # a side, and a conversation


class Present(NamedTuple):
    """Somebody of a side."""

    id: int
    name: str


def told(place: Place, who: Present, here: bool) -> str:
    """Return the data of the event that somebody is at a place, or has left it."""
    return to_json([*place, *who, here]).decode()


class Presence:
    """What was said lately. Any thread may ask and tell."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._until: dict[Place, dict[Present, float]] = defaultdict(dict)

    def note(self, data: str) -> None:
        """Note what an event tells: somebody is there, from now on for a while, or has left."""
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
        """Return who is there, in the order of coming, and how many seconds each of them still counts."""
        now = time.time()
        with self._lock:
            return {who: until - now for who, until in self._until.get(place, {}).items() if until > now}

    def _forget(self, place: Place) -> None:
        now = time.time()
        left = {who: until for who, until in self._until.pop(place, {}).items() if until > now}
        if left:
            self._until[place] = left
