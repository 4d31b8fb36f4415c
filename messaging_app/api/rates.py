"""Rate limits in every response (draft-ietf-httpapi-ratelimit-headers)."""

from __future__ import annotations

from flask import Response, g

from messaging_app.accounts.limits import Window, limiter


def count(name: str, *key: object) -> None:
    """Count one request against the limit `name` and remember what is left. Raises `RateLimited`."""
    windows: dict[str, Window] = g.setdefault("rate_windows", {})
    try:
        limiter.hit(name, *key)
    finally:
        window = limiter.window(name, *key)
        if window is not None:
            windows[name] = window


def add_headers(response: Response) -> None:
    """Add `RateLimit-Policy` and `RateLimit` to the response if the request was counted."""
    windows: dict[str, Window] = g.get("rate_windows", {})
    if windows:
        policies = (f'"{name}";q={window.limit};w={window.seconds}' for name, window in windows.items())
        states = (f'"{name}";r={window.left};t={window.reset}' for name, window in windows.items())
        response.headers["RateLimit-Policy"] = ", ".join(policies)
        response.headers["RateLimit"] = ", ".join(states)
