"""Wake-ups: tiny notes that something changed, from whoever changed it to the open streams.

They carry no content. What a page shows always comes from the database, so a lost wake-up costs a delay and nothing
else: the poll underneath finds what it announced.
"""

from __future__ import annotations

import zlib
from typing import Protocol

from flask import Flask, current_app

from messaging_app.bus.hub import LOOK, Delivered, Hub, Subscription, Wake

__all__ = ["LOOK", "Bus", "Delivered", "Hub", "Subscription", "Wake", "current_bus", "init_app"]


class Bus(Protocol):
    """What carries wake-ups. Publishing returns at once and never raises."""

    hub: Hub
    connected: bool

    def publish(self, wake: Wake) -> None:
        """Wake everybody who listens to one of the topics, in every process."""

    def listen(self, principal: str, topics: tuple[str, ...], after: str) -> Subscription | None:
        """A stream that begins after a position; None where there are too many, of this person or of all."""

    def position(self) -> str:
        """Where the order of wake-ups stands now; empty where that is not known."""


class InProcessBus:
    """The bus of an installation that is one process."""

    connected = True

    def __init__(self) -> None:
        self.hub = Hub()

    def publish(self, wake: Wake) -> None:
        self.hub.deliver(wake)

    def listen(self, principal: str, topics: tuple[str, ...], after: str) -> Subscription | None:
        return self.hub.subscribe(principal, topics, after)

    def position(self) -> str:
        return self.hub.position


def init_app(app: Flask) -> None:
    """Choose the bus: Redis if configured, else this process."""
    url = app.extensions["settings"].redis_url
    if url is None:
        app.extensions["bus"] = InProcessBus()
        return
    from messaging_app.bus.redis import RedisBus  # needs a library that an embedded installation lacks

    database = app.config["SQLALCHEMY_DATABASE_URI"]
    app.extensions["bus"] = RedisBus(url, f"{zlib.crc32(database.encode()):08x}")


def current_bus() -> Bus:
    """The bus of the current application."""
    bus: Bus = current_app.extensions["bus"]
    return bus
