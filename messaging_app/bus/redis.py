"""Events between processes through Redis: one publisher and one subscriber per process, for any number of streams.

Neither blocks a request: events wait in a queue for the publisher's thread. While Redis is unreachable an event reaches
only the streams of its own process; others rely on their poll. Both threads reconnect by themselves, and streams that
may have missed something get a "catch up".
"""

from __future__ import annotations

import json
import logging
import os
import queue
import secrets
import threading
import time
from contextlib import suppress
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from messaging_app.bus.hub import Event, Hub, Subscription
from messaging_app.ops import metrics

WAITING = 1_000  # events queued for the publisher
TIMEOUT = 2.0  # seconds to wait for a reply from Redis
PING_EVERY = 10  # seconds of silence before the subscriber pings Redis
SLOWEST_RETRY = 5.0

EVERY = 0.2  # minimum seconds between messages to Redis: the first goes at once, later ones are batched
TOGETHER = 100  # maximum events per message

# Number and publish in one step, so that every process sees one order. ARGV: events, channel, a new epoch, their count.
NUMBER_AND_PUBLISH = """
local epoch = redis.call('GET', KEYS[1])
if not epoch then epoch = ARGV[3]; redis.call('SET', KEYS[1], epoch); redis.call('DEL', KEYS[2]) end
local last = redis.call('INCRBY', KEYS[2], ARGV[4])
redis.call('PUBLISH', ARGV[2], epoch .. ' ' .. (last - ARGV[4] + 1) .. ' ' .. ARGV[1])
return last
"""
WHERE = """
local epoch = redis.call('GET', KEYS[1])
if not epoch then epoch = ARGV[1]; redis.call('SET', KEYS[1], epoch); redis.call('DEL', KEYS[2]) end
return {epoch, redis.call('GET', KEYS[2]) or '0'}
"""

logger = logging.getLogger(__name__)


class RedisBus:
    """A bus for several processes. `name` separates installations that share one Redis."""

    def __init__(self, url: str, name: str) -> None:
        self.hub = Hub()
        self.connected = False
        self._url = url
        self._channel, self._epoch_key, self._number_key = (
            f"messaging:{name}:{part}" for part in ("wakes", "epoch", "n")
        )
        self._waiting: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._starting = threading.Lock()
        self._process = 0

    def publish(self, event: Event) -> None:
        """Queue `event` for the publisher. Returns at once and never raises."""
        self._start()
        if self._waiting.qsize() < WAITING:
            self._waiting.put(event)
        else:
            self.hub.deliver_here(event)

    def listen(self, principal: str, topics: tuple[str, ...], after: str) -> Subscription | None:
        """Return a stream; see `Hub.subscribe`."""
        self._start()
        return self.hub.subscribe(principal, topics, after)

    def position(self) -> str:
        """Return the current position as known to this process; empty while it is not subscribed."""
        self._start()
        return self.hub.position if self.connected else ""

    def _start(self) -> None:
        """Start both threads on first use in this process, which may be a fork of the one that created the bus."""
        if self._process == os.getpid():
            return
        with self._starting:
            if self._process != os.getpid():
                self._process = os.getpid()
                for run in (self._publish_waiting, self._listen):
                    threading.Thread(target=run, name=f"bus{run.__name__}", daemon=True).start()

    def _client(self, **options: object) -> redis.Redis:
        # Without the client's three retries: events behind a hanging Redis are then late by one time-out, not four.
        options |= {"socket_timeout": TIMEOUT, "socket_connect_timeout": TIMEOUT, "retry": Retry(NoBackoff(), 0)}
        return redis.Redis.from_url(self._url, decode_responses=True, **options)

    def _publish_waiting(self) -> None:
        client = self._client()
        run = client.register_script(NUMBER_AND_PUBLISH)
        reachable, last = True, 0.0
        while True:
            events = self._gathered(last + EVERY)
            last = time.monotonic()
            try:
                keys = [self._epoch_key, self._number_key]
                payload = json.dumps(events)
                run(keys=keys, args=[payload, self._channel, secrets.token_hex(4), len(events)])
                reachable = True
            except Exception as error:  # keep the thread alive: nothing would restart it
                if reachable:
                    logger.warning("Redis cannot be reached, events stay within this process: %s", _described(error))
                reachable = False
                for event in events:
                    self.hub.deliver_here(event)

    def _gathered(self, not_before: float) -> list[Event]:
        """Return the queued events, including those that arrive until `not_before`."""
        events = [self._waiting.get()]
        time.sleep(max(0.0, not_before - time.monotonic()))
        with suppress(queue.Empty):
            while len(events) < TOGETHER:
                events.append(self._waiting.get_nowait())
        return events

    def _listen(self) -> None:
        pause = 0.1
        while True:
            try:
                with self._client(health_check_interval=PING_EVERY) as client, client.pubsub() as channel:
                    channel.subscribe(self._channel)
                    for message in iter(lambda: channel.get_message(timeout=PING_EVERY), "never"):
                        pause = 0.1
                        self._take(client, message)
            except Exception as error:  # keep the thread alive: nothing would restart it
                if self.connected:
                    logger.warning("Redis cannot be reached, streams wait for it: %s", _described(error))
                self._note(False)
            time.sleep(pause)
            pause = min(pause * 2, SLOWEST_RETRY)

    def _note(self, connected: bool) -> None:
        self.connected = connected
        metrics.bus_connected(connected)

    def _take(self, client: redis.Redis, message: Any) -> None:
        if message is None:
            return
        if message["type"] == "subscribe":
            # Events numbered from now on arrive here; earlier ones may have been missed.
            self._catch_up(client)
            self._note(True)
            logger.info("streams listen to Redis")
        elif message["type"] == "message":
            try:
                epoch, first, payload = message["data"].split(" ", 2)
                events = [Event(tuple(topics), *rest) for topics, *rest in json.loads(payload)]
                for number, event in enumerate(events, int(first)):
                    self.hub.deliver(event, epoch, number)
            except (TypeError, ValueError) as error:  # for example from a process with other code during an upgrade
                logger.warning("unreadable events, streams catch up: %s", type(error).__name__)
                self._catch_up(client)

    def _catch_up(self, client: redis.Redis) -> None:
        """Continue at the current position. Every stream gets a "catch up", unless nothing was numbered in the meantime."""
        where: Any = client.eval(WHERE, 2, self._epoch_key, self._number_key, secrets.token_hex(4))
        self.hub.restart(where[0], int(where[1]))


def _described(error: Exception) -> str:
    """Return what may be logged of an error: Redis's own words, otherwise the type, since the text may quote data."""
    return str(error) if isinstance(error, redis.RedisError | OSError) else type(error).__name__
