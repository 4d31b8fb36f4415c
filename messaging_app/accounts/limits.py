"""How often a person may do something, shared between processes where Redis is configured."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass

from flask import Flask, current_app
from flask_babel import lazy_gettext as _
from limits import RateLimitItem, parse
from limits.storage import storage_from_string
from limits.strategies import FixedWindowRateLimiter

from messaging_app.errors import Refusal

LIMITS = {
    "requests": parse("600 per minute"),  # of one token
    "send": parse("60 per minute"),
    "create": parse("30 per minute"),
    "typing": parse("40 per minute"),
    "upload": parse("1048576 per hour"),  # KiB: one gigabyte
    "sign_in_account": parse("10 per 15 minutes"),
    "sign_in_address": parse("100 per 15 minutes"),
}


class RateLimited(Refusal):
    """Too often. `retry_after` is in whole seconds."""

    status = 429
    code = "rate_limited"
    sentence = _("That was too often. Please wait a moment and try again; nothing was lost.")

    def __init__(self, retry_after: int) -> None:
        super().__init__()
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Window:
    """How a limit stands: `limit` in `seconds`, of which `left` remain for the next `reset` seconds."""

    limit: int
    seconds: int
    left: int
    reset: int


class Limiter:
    """Counts by name and key in fixed windows. A storage that is out of reach never stops anybody."""

    def init_app(self, app: Flask) -> None:
        """Choose where to count: Redis if configured, else in this process; nowhere where limits are off."""
        settings = app.extensions["settings"]
        app.extensions["limits"] = None
        if settings.rate_limits == "on":
            url = settings.redis_url or "memory://"
            options = {"socket_timeout": 1, "socket_connect_timeout": 1} if settings.redis_url else {}
            app.extensions["limits"] = FixedWindowRateLimiter(storage_from_string(url, **options))

    def hit(self, name: str, *key: object, cost: int = 1) -> None:
        """Count `cost`; raises `RateLimited` when it is too many."""
        strategy: FixedWindowRateLimiter | None = current_app.extensions["limits"]
        if strategy is None:
            return
        item: RateLimitItem = LIMITS[name]
        words = [name, *map(str, key)]
        try:
            if strategy.hit(item, *words, cost=cost):
                return
            reset = strategy.get_window_stats(item, *words).reset_time
        except Exception:
            current_app.logger.warning("rate limits cannot be counted")
            return
        raise RateLimited(max(1, int(reset - time.time()) + 1))

    def give_back(self, name: str, *key: object) -> None:
        """Take back one that was counted, for what turned out not to concern the limit."""
        with suppress(RateLimited):
            self.hit(name, *key, cost=-1)

    def window(self, name: str, *key: object) -> Window | None:
        """How a limit stands; None where nothing is limited or nothing can be counted."""
        strategy: FixedWindowRateLimiter | None = current_app.extensions["limits"]
        if strategy is None:
            return None
        item: RateLimitItem = LIMITS[name]
        try:
            stats = strategy.get_window_stats(item, name, *map(str, key))
        except Exception:
            current_app.logger.warning("rate limits cannot be counted")
            return None
        return Window(item.amount, item.get_expiry(), stats.remaining, max(1, int(stats.reset_time - time.time()) + 1))


limiter = Limiter()
