"""Wake-ups between processes through Redis: one publisher and one subscriber a process, whatever the number of streams.

Neither ever stands in the way of a request: what is to be published waits in a queue for the publisher's thread. While
Redis is out of reach a wake-up reaches the streams of its own process only, the others have their poll; both threads
try again by themselves, and whoever may have missed something is told to catch up.
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

from messaging_app.bus.hub import Hub, Subscription, Wake
from messaging_app.ops import metrics

WAITING = 1_000  # wake-ups that wait for the publisher
TIMEOUT = 2.0  # seconds for one answer of Redis
PING_EVERY = 10  # seconds of silence after which the subscriber asks whether Redis is still there
SLOWEST_RETRY = 5.0

EVERY = 0.2  # seconds between two messages to Redis at least: the first goes at once, what comes meanwhile together
TOGETHER = 100  # wake-ups in one message at most

# Number and publish in one step, so that every process sees one order. ARGV: wake-ups, channel, a fresh epoch, how many.
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
    """A bus for several processes. `name` keeps installations apart that share one Redis."""

    def __init__(self, url: str, name: str) -> None:
        self.hub = Hub()
        self.connected = False
        self._url = url
        self._channel, self._epoch_key, self._number_key = (
            f"messaging:{name}:{part}" for part in ("wakes", "epoch", "n")
        )
        self._waiting: queue.SimpleQueue[Wake] = queue.SimpleQueue()
        self._starting = threading.Lock()
        self._process = 0

    def publish(self, wake: Wake) -> None:
        """Hand `wake` to the publisher; returns at once and never raises."""
        self._start()
        if self._waiting.qsize() < WAITING:
            self._waiting.put(wake)
        else:
            self.hub.deliver_here(wake)

    def listen(self, principal: str, topics: tuple[str, ...], after: str) -> Subscription | None:
        """A stream, see `Hub.subscribe`."""
        self._start()
        return self.hub.subscribe(principal, topics, after)

    def position(self) -> str:
        """Where the order stands, as far as this process knows; empty while it does not listen."""
        self._start()
        return self.hub.position if self.connected else ""

    def _start(self) -> None:
        """Start the two threads at the first use in this process, which may be a fork of the one that made the bus."""
        if self._process == os.getpid():
            return
        with self._starting:
            if self._process != os.getpid():
                self._process = os.getpid()
                for run in (self._publish_waiting, self._listen):
                    threading.Thread(target=run, name=f"bus{run.__name__}", daemon=True).start()

    def _client(self, **options: Any) -> redis.Redis:
        # Without the client's own three retries: what waits for a Redis that hangs is late by one time-out, not four.
        options |= {"socket_timeout": TIMEOUT, "socket_connect_timeout": TIMEOUT, "retry": Retry(NoBackoff(), 0)}
        return redis.Redis.from_url(self._url, decode_responses=True, **options)

    def _publish_waiting(self) -> None:
        client = self._client()
        run = client.register_script(NUMBER_AND_PUBLISH)
        reachable, last = True, 0.0
        while True:
            wakes = self._gathered(last + EVERY)
            last = time.monotonic()
            try:
                keys = [self._epoch_key, self._number_key]
                told = json.dumps(wakes)
                run(keys=keys, args=[told, self._channel, secrets.token_hex(4), len(wakes)])
                reachable = True
            except Exception as error:  # whatever it is, this thread goes on: nobody would start it again
                if reachable:
                    logger.warning("Redis cannot be reached, wake-ups stay within this process: %s", _told(error))
                reachable = False
                for wake in wakes:
                    self.hub.deliver_here(wake)

    def _gathered(self, not_before: float) -> list[Wake]:
        """The next wake-ups that wait, with those which have come by the moment `not_before`."""
        wakes = [self._waiting.get()]
        time.sleep(max(0.0, not_before - time.monotonic()))
        with suppress(queue.Empty):
            while len(wakes) < TOGETHER:
                wakes.append(self._waiting.get_nowait())
        return wakes

    def _listen(self) -> None:
        pause = 0.1
        while True:
            try:
                with self._client(health_check_interval=PING_EVERY) as client, client.pubsub() as channel:
                    channel.subscribe(self._channel)
                    for message in iter(lambda: channel.get_message(timeout=PING_EVERY), "never"):
                        pause = 0.1
                        self._take(client, message)
            except Exception as error:  # whatever it is, this thread goes on: nobody would start it again
                if self.connected:
                    logger.warning("Redis cannot be reached, streams wait for it: %s", _told(error))
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
            # What is numbered from now on arrives here; what came before this moment was perhaps missed.
            self._catch_up(client)
            self._note(True)
            logger.info("streams listen to Redis")
        elif message["type"] == "message":
            try:
                epoch, first, told = message["data"].split(" ", 2)
                wakes = [Wake(tuple(topics), *rest) for topics, *rest in json.loads(told)]
                for number, wake in enumerate(wakes, int(first)):
                    self.hub.deliver(wake, epoch, number)
            except (TypeError, ValueError) as error:  # from a process with other code, say, in the middle of an upgrade
                logger.warning("wake-ups that cannot be read, streams catch up: %s", type(error).__name__)
                self._catch_up(client)

    def _catch_up(self, client: redis.Redis) -> None:
        """Go on where the order stands now; every stream is told to catch up, unless nothing was numbered meanwhile."""
        where: Any = client.eval(WHERE, 2, self._epoch_key, self._number_key, secrets.token_hex(4))
        self.hub.restart(where[0], int(where[1]))


def _told(error: Exception) -> str:
    """What may be said of an error: Redis's own words, of anything else the type, for it may quote what was sent."""
    return str(error) if isinstance(error, redis.RedisError | OSError) else type(error).__name__
