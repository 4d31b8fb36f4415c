"""The streams of one process: their topics, recent events, and the limits on their number."""

from __future__ import annotations

import queue
import secrets
import threading
from collections import Counter, deque
from dataclasses import dataclass
from typing import NamedTuple

from messaging_app.bus.presence import HERE, Presence

REMEMBERED = 1_000  # events that a reconnecting stream can still get
QUEUED = 100  # events queued for one slow stream, before it gets a single "catch up"
STREAMS_EACH = 12  # streams per person and process
STREAMS = 192  # three quarters of the threads of an embedded installation; see gunicorn_conf.py


class Event(NamedTuple):
    """An event. Goes to every subscriber of one of `topics`; `data` is sent to the browser.

    `by` is the actor (`store:5`), `about` the conversation type, `only` limits it to the streams of one store or one
    sign-in session (`store:3`, `session:7`), `held_by` is the store's assignee. These four never leave the server.
    """

    topics: tuple[str, ...]
    kind: str
    data: str = "{}"
    by: str = ""
    about: str = ""
    only: str = ""
    held_by: int | None = None


@dataclass(frozen=True, slots=True)
class Delivered:
    """An event with its position in the common order. Browsers send `position` back to resume."""

    position: str
    event: Event


CATCH_UP = Event((), "catch-up")
CLOSING = Event((), "closing")
HELLO = Event((), "hello")
LOOK = Event((), "look")  # check whether the browser is still connected


class Subscription:
    """One open stream. One thread reads it; any thread may add events."""

    __slots__ = ("_hub", "_keeps_up", "_queue", "principal", "topics")

    def __init__(self, hub: Hub, principal: str, topics: tuple[str, ...]) -> None:
        self._hub = hub
        self._queue: queue.SimpleQueue[Delivered] = queue.SimpleQueue()
        self._keeps_up = True
        self.principal = principal
        self.topics = topics

    def put(self, delivered: Delivered) -> None:
        """Queue an event. A stream that reads too slowly gets one "catch up" for everything it missed."""
        if self._queue.qsize() < QUEUED:
            self._queue.put(delivered)
            self._keeps_up = True
        elif self._keeps_up:
            self._keeps_up = False
            self._queue.put(Delivered(delivered.position, CATCH_UP))

    def next(self, timeout: float) -> Delivered | None:
        """Return the next event, or None after `timeout` seconds."""
        try:
            return self._queue.get(timeout=timeout)
        except queue.Empty:
            return None

    def close(self) -> None:
        """Stop listening. Closing again does nothing."""
        self._hub.remove(self)


class Hub:
    """Delivers events to the streams of this process and keeps recent ones, so that a stream can resume.

    A position is `<epoch>-<number>`. Numbers rise by one within an epoch. The memory never has a gap: if events may
    have been missed, it is cleared and every stream gets a "catch up".
    """

    def __init__(self) -> None:
        self.capacity = STREAMS
        self.look_every = 3.0  # seconds between a stream's checks that its browser is still connected
        self.closing = False
        self.presence = Presence()
        self._lock = threading.Lock()
        self._listeners: dict[str, set[Subscription]] = {}
        self._subscriptions: set[Subscription] = set()
        self._of_person: Counter[str] = Counter()
        self._memory: deque[Event] = deque(maxlen=REMEMBERED)
        self._epoch = secrets.token_hex(4)
        self._last = 0

    @property
    def streams(self) -> int:
        """Return the number of open streams."""
        return len(self._subscriptions)

    @property
    def position(self) -> str:
        """Return the current position."""
        return f"{self._epoch}-{self._last}"

    def subscribe(self, principal: str, topics: tuple[str, ...], after: str) -> Subscription | None:
        """Return a stream for `topics` that starts after the position `after`, or None over the limits."""
        with self._lock:
            if self.closing or self.streams >= self.capacity:
                return None
            if self._of_person[principal] >= STREAMS_EACH:
                # Streams of pages that this person has left may still count; the next try will succeed.
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
        """Remove a stream."""
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

    def deliver(self, event: Event, epoch: str | None = None, number: int | None = None) -> None:
        """Number `event` and deliver it to its subscribers. Pass the number if another process assigned it."""
        with self._lock:
            if number is not None and (epoch != self._epoch or number != self._last + 1):
                if epoch != self._epoch or number > self._last:  # otherwise it precedes this process's subscription
                    self._forget(epoch or self._epoch, number)
                return
            self._last += 1
            self._memory.append(event)
            self._note(event)
            concerned: set[Subscription] = set().union(*(self._listeners.get(topic, ()) for topic in event.topics))
            if concerned:
                delivered = Delivered(self.position, event)
                for subscription in concerned:
                    subscription.put(delivered)

    def deliver_here(self, event: Event) -> None:
        """Deliver `event` to this process's streams only, without a number, while the common order is unavailable."""
        with self._lock:
            self._note(event)
            for topic in event.topics:
                for subscription in self._listeners.get(topic, ()):
                    subscription.put(Delivered("", event))

    def restart(self, epoch: str, number: int) -> None:
        """Continue with another epoch, or after a gap. Every stream gets a "catch up"."""
        with self._lock:
            if (epoch, number) != (self._epoch, self._last):
                self._forget(epoch, number)

    def close(self) -> None:
        """End every stream because the process is ending. Takes no lock, so a signal handler may call it."""
        self.closing = True
        for subscription in list(self._subscriptions):
            subscription.put(Delivered("", CLOSING))

    def _note(self, event: Event) -> None:
        if event.kind == HERE:
            self.presence.note(event.data)

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
        recent: list[Event] = list(self._memory)[len(self._memory) - missed :]
        return [
            Delivered(f"{epoch}-{first + index}", event)
            for index, event in enumerate(recent)
            if not topics.isdisjoint(event.topics) and event.kind != "ended"  # new streams are signed in
        ]
