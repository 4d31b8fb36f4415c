"""Events: small notes that something changed, sent to the open streams.

They carry no content. Pages always read from the database, so a lost event causes only a delay: the poll finds the
change.
"""

from __future__ import annotations

import zlib
from typing import Protocol

from flask import Flask, current_app

from messaging_app.bus.hub import LOOK, Delivered, Event, Hub, Subscription

__all__ = ["LOOK", "Bus", "Delivered", "Event", "Hub", "Subscription", "current_bus", "init_app"]


class Bus(Protocol):
    """Carries events. Publishing returns at once and never raises."""

    hub: Hub
    connected: bool

    def publish(self, event: Event) -> None:
        """Send an event to every subscriber of one of its topics, in every process."""

    def listen(self, principal: str, topics: tuple[str, ...], after: str) -> Subscription | None:
        """Return a stream that begins after a position, or None if the person or the process has too many."""

    def position(self) -> str:
        """Return the current position in the order of events, or an empty string if unknown."""


class InProcessBus:
    """The bus of an installation with one process."""

    connected = True

    def __init__(self) -> None:
        self.hub = Hub()

    def publish(self, event: Event) -> None:
        self.hub.deliver(event)

    def listen(self, principal: str, topics: tuple[str, ...], after: str) -> Subscription | None:
        return self.hub.subscribe(principal, topics, after)

    def position(self) -> str:
        return self.hub.position


def init_app(app: Flask) -> None:
    """Choose the bus: Redis if configured, otherwise in-process."""
    url = app.extensions["settings"].redis_url
    if url is None:
        app.extensions["bus"] = InProcessBus()
        return
    from messaging_app.bus.redis import RedisBus  # imported here because an embedded installation does not have redis

    database = app.config["SQLALCHEMY_DATABASE_URI"]
    app.extensions["bus"] = RedisBus(url, f"{zlib.crc32(database.encode()):08x}")


def current_bus() -> Bus:
    """Return the bus of the current application."""
    bus: Bus = current_app.extensions["bus"]
    return bus
