"""Rate limits, shared between processes if Redis is configured."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

from flask import Flask, current_app, g
from flask_babel import lazy_gettext as _
from limits import RateLimitItem, parse
from limits.storage import MemoryStorage, storage_from_string
from limits.strategies import FixedWindowRateLimiter

from messaging_app.errors import Refusal

LIMITS = {
    "requests": parse("600 per minute"),  # per token
    "send": parse("60 per minute"),
    "create": parse("30 per minute"),
    "typing": parse("40 per minute"),
    "upload": parse("1048576 per hour"),  # KiB: one gigabyte
    "sign_in_account": parse("10 per 15 minutes"),
    "sign_in_device": parse("10 per 15 minutes"),
    "sign_in_address": parse("100 per 15 minutes"),
    "own_password": parse("10 per 15 minutes"),
    "failures_address": parse("30 per hour"),
    "failures": parse("1000 per hour"),
    "email_change": parse("5 per hour"),
    "sign_in_code": parse("10 per 15 minutes"),
    "invite": parse("200 per hour"),
    "test_mail": parse("20 per hour"),
    "forgot_account": parse("3 per hour"),
    "forgot_address": parse("30 per hour"),
}
BUDGET = 1.0  # seconds that one request waits for Redis; also the time-out of a single call
PAUSE = 5.0  # seconds before a failed Redis is tried again

Found = TypeVar("Found")


class RateLimited(Refusal):
    """Too many attempts. `retry_after` is in whole seconds."""

    status = 429
    code = "rate_limited"
    sentence = _("Too many requests. Please wait a moment and try again; nothing was lost.")

    def __init__(self, retry_after: int) -> None:
        super().__init__()
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Window:
    """The state of a limit: `limit` per `seconds`, of which `left` remain for the next `reset` seconds."""

    limit: int
    seconds: int
    left: int
    reset: int


class Counters:
    """Counts hits in Redis if configured, otherwise (and while Redis fails) in this process."""

    def __init__(self, redis_url: str | None) -> None:
        self._own = FixedWindowRateLimiter(MemoryStorage())
        self._shared: FixedWindowRateLimiter | None = None
        self._failed, self._next_try = False, 0.0
        if redis_url is not None:
            from redis.backoff import NoBackoff  # imported here because an embedded installation does not have redis
            from redis.retry import Retry

            options = {"socket_timeout": BUDGET, "socket_connect_timeout": BUDGET, "retry": Retry(NoBackoff(), 0)}
            self._shared = FixedWindowRateLimiter(storage_from_string(redis_url, **options))  # type: ignore[arg-type]

    def ask(self, question: Callable[[FixedWindowRateLimiter], Found]) -> Found:
        """Return the result of `question`. A hanging Redis delays one request by `BUDGET`, then none for `PAUSE`."""
        began = time.monotonic()
        if self._shared is not None and began >= self._next_try and g.get("waited_for_limits", 0.0) < BUDGET:
            if self._failed:
                self._next_try = began + PAUSE  # only one request at a time checks whether it is back
            try:
                found = question(self._shared)
                self._failed, self._next_try = False, 0.0
                return found
            except Exception:
                current_app.logger.warning("Redis cannot be reached, this process counts rates by itself")
                self._failed, self._next_try = True, time.monotonic() + PAUSE
            finally:
                g.waited_for_limits = g.get("waited_for_limits", 0.0) + time.monotonic() - began
        return question(self._own)


class Limiter:
    """Counts hits by name and key in fixed windows."""

    def init_app(self, app: Flask) -> None:
        """Choose where to count. Counts nothing if limits are off."""
        settings = app.extensions["settings"]
        app.extensions["limits"] = Counters(settings.redis_url) if settings.rate_limits == "on" else None

    def hit(self, name: str, *key: object, cost: int = 1) -> None:
        """Count `cost`. Raises `RateLimited` if that exceeds the limit."""
        counters: Counters | None = current_app.extensions["limits"]
        if counters is None:
            return
        item: RateLimitItem = LIMITS[name]
        words = [name, *map(str, key)]
        if counters.ask(lambda strategy: strategy.hit(item, *words, cost=cost)):
            return
        left = _seconds_until(counters.ask(lambda strategy: strategy.get_window_stats(item, *words).reset_time))
        if left <= item.get_expiry() + 1:
            raise RateLimited(left)
        # No window ends that late: the clock was set back, and the user would stay locked out for that long.
        counters.ask(lambda strategy: strategy.clear(item, *words))
        counters.ask(lambda strategy: strategy.hit(item, *words, cost=cost))

    def give_back(self, name: str, *key: object) -> None:
        """Undo one hit, for a request that turned out not to fall under the limit."""
        with suppress(RateLimited):
            self.hit(name, *key, cost=-1)

    def forget(self, name: str, *key: object) -> None:
        """Reset the counter."""
        counters: Counters | None = current_app.extensions["limits"]
        if counters is not None:
            counters.ask(lambda strategy: strategy.clear(LIMITS[name], name, *map(str, key)))

    def window(self, name: str, *key: object) -> Window | None:
        """Return the state of a limit, or None if limits are off."""
        counters: Counters | None = current_app.extensions["limits"]
        if counters is None:
            return None
        item: RateLimitItem = LIMITS[name]
        stats = counters.ask(lambda strategy: strategy.get_window_stats(item, name, *map(str, key)))
        reset = min(item.get_expiry(), _seconds_until(stats.reset_time))
        return Window(item.amount, item.get_expiry(), stats.remaining, reset)


def _seconds_until(moment: float) -> int:
    return max(1, int(moment - time.time()) + 1)


limiter = Limiter()
