"""The streams of one process: who listens to what, what came lately, and how many there may be."""

from __future__ import annotations

import queue
import secrets
import threading
from collections import Counter, deque
from dataclasses import dataclass
from typing import NamedTuple

REMEMBERED = 1_000  # wake-ups that a stream which was cut can still get
QUEUED = 100  # wake-ups that wait for one slow stream; then it is told to catch up instead
STREAMS_EACH = 12  # windows of one person in one process
STREAMS = 192  # three quarters of the threads of an embedded installation; see gunicorn_conf.py


class Wake(NamedTuple):
    """Something changed. Goes to everybody who listens to one of `topics`; `data` is what the browser is told.

    `by` is whose act it was (`store:5`), `about` the type of the conversation, `only` the one store or sign-in session
    of a person whose streams are meant (`store:3`, `session:7`); none of these leaves the server.
    """

    topics: tuple[str, ...]
    kind: str
    data: str = "{}"
    by: str = ""
    about: str = ""
    only: str = ""


@dataclass(frozen=True, slots=True)
class Delivered:
    """A wake-up with its place in the order of all; `position` is what a browser sends back to resume."""

    position: str
    wake: Wake


CATCH_UP = Wake((), "catch-up")
CLOSING = Wake((), "closing")
HELLO = Wake((), "hello")
LOOK = Wake((), "look")  # at whether the browser is still there


class Subscription:
    """One open stream. Belongs to the thread that reads it; anybody may put something in."""

    __slots__ = ("_hub", "_keeps_up", "_queue", "principal", "topics")

    def __init__(self, hub: Hub, principal: str, topics: tuple[str, ...]) -> None:
        self._hub = hub
        self._queue: queue.SimpleQueue[Delivered] = queue.SimpleQueue()
        self._keeps_up = True
        self.principal = principal
        self.topics = topics

    def put(self, delivered: Delivered) -> None:
        """Hand over a wake-up; a stream that reads too slowly gets one "catch up" for all that it missed."""
        if self._queue.qsize() < QUEUED:
            self._queue.put(delivered)
            self._keeps_up = True
        elif self._keeps_up:
            self._keeps_up = False
            self._queue.put(Delivered(delivered.position, CATCH_UP))

    def next(self, timeout: float) -> Delivered | None:
        """The next wake-up, or None where none came within `timeout` seconds."""
        try:
            return self._queue.get(timeout=timeout)
        except queue.Empty:
            return None

    def close(self) -> None:
        """Stop listening. Closing twice does nothing."""
        self._hub.remove(self)


class Hub:
    """Hands wake-ups to the streams of this process and remembers the latest, so that a cut stream can resume.

    A position is `<epoch>-<number>`. Numbers rise by one within an epoch; the memory never has a gap, since where
    something may have been missed it is emptied and every stream is told to catch up.
    """

    def __init__(self) -> None:
        self.capacity = STREAMS
        self.look_every = 3.0  # seconds between two looks of a stream at whether its browser is still there
        self.closing = False
        self._lock = threading.Lock()
        self._listeners: dict[str, set[Subscription]] = {}
        self._subscriptions: set[Subscription] = set()
        self._of_person: Counter[str] = Counter()
        self._memory: deque[Wake] = deque(maxlen=REMEMBERED)
        self._epoch = secrets.token_hex(4)
        self._last = 0

    @property
    def streams(self) -> int:
        """How many streams are open."""
        return len(self._subscriptions)

    @property
    def position(self) -> str:
        """Where the order of wake-ups stands."""
        return f"{self._epoch}-{self._last}"

    def subscribe(self, principal: str, topics: tuple[str, ...], after: str) -> Subscription | None:
        """A stream for `topics` that begins with what came after the position `after`; None over the caps."""
        with self._lock:
            if self.closing or self.streams >= self.capacity:
                return None
            if self._of_person[principal] >= STREAMS_EACH:
                # Pages that this person has left may hold places still: there is room at the next try.
                for other in self._subscriptions:
                    if other.principal == principal:
                        other.put(Delivered("", LOOK))
                return None
            subscription = Subscription(self, principal, topics)
            for delivered in (*self._since(after, set(topics)), Delivered(self.position, HELLO)):
                subscription.put(delivered)
            self._subscriptions.add(subscription)
            self._of_person[principal] += 1
            for topic in topics:
                self._listeners.setdefault(topic, set()).add(subscription)
            return subscription

    def remove(self, subscription: Subscription) -> None:
        """Forget a stream."""
        with self._lock:
            if subscription not in self._subscriptions:
                return
            self._subscriptions.remove(subscription)
            self._of_person[subscription.principal] -= 1
            if not self._of_person[subscription.principal]:
                del self._of_person[subscription.principal]
            for topic in subscription.topics:
                self._listeners[topic].discard(subscription)
                if not self._listeners[topic]:
                    del self._listeners[topic]

    def deliver(self, wake: Wake, epoch: str | None = None, number: int | None = None) -> None:
        """Number `wake` and hand it to whom it concerns. Where another process gave the number, name it."""
        with self._lock:
            if number is not None and (epoch != self._epoch or number != self._last + 1):
                if epoch != self._epoch or number > self._last:  # else it was counted when this process began to listen
                    self._forget(epoch or self._epoch, number)
                return
            self._last += 1
            self._memory.append(wake)
            concerned: set[Subscription] = set().union(*(self._listeners.get(topic, ()) for topic in wake.topics))
            if concerned:
                delivered = Delivered(self.position, wake)
                for subscription in concerned:
                    subscription.put(delivered)

    def deliver_here(self, wake: Wake) -> None:
        """Hand `wake` to this process's streams outside the common order, which is out of reach at the moment."""
        with self._lock:
            for topic in wake.topics:
                for subscription in self._listeners.get(topic, ()):
                    subscription.put(Delivered("", wake))

    def restart(self, epoch: str, number: int) -> None:
        """Go on in another order, or after a gap: every stream is told to catch up."""
        with self._lock:
            if (epoch, number) != (self._epoch, self._last):
                self._forget(epoch, number)

    def close(self) -> None:
        """End every stream, for this process ends. May be called from a signal handler: takes no lock."""
        self.closing = True
        for subscription in list(self._subscriptions):
            subscription.put(Delivered("", CLOSING))

    def _forget(self, epoch: str, number: int) -> None:
        self._epoch, self._last = epoch, number
        self._memory.clear()
        for subscription in self._subscriptions:
            subscription.put(Delivered(self.position, CATCH_UP))

    def _since(self, after: str, topics: set[str]) -> list[Delivered]:
        epoch, _, number = after.rpartition("-")
        missed = self._last - int(number) if number.isascii() and number.isdigit() and len(number) < 20 else -1
        if epoch != self._epoch or not 0 <= missed <= len(self._memory):
            return [Delivered(self.position, CATCH_UP)]
        first = self._last - missed + 1
        recent: list[Wake] = list(self._memory)[len(self._memory) - missed :]
        return [
            Delivered(f"{epoch}-{first + index}", wake)
            for index, wake in enumerate(recent)
            if not topics.isdisjoint(wake.topics) and wake.kind != "ended"  # whoever comes now is signed in
        ]
