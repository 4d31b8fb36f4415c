"""Prometheus metrics at `/metrics`, for callers on this machine or with the bearer token of the settings.

Several processes share their metrics through files (`PROMETHEUS_MULTIPROC_DIR`, set by gunicorn's configuration), so
any of them can return all.
"""

from __future__ import annotations

import hmac
import ipaddress
import os
from typing import Any

from flask import Flask, Response, current_app, request
from sqlalchemy.exc import SQLAlchemyError

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_instruments: Metrics | None = None


class Metrics:
    """The instruments. Created on first use, because the library decides at import whether metrics are shared."""

    def __init__(self) -> None:
        from prometheus_client import Counter, Gauge, Histogram

        self.requests = Counter("messaging_requests", "Requests answered.", ["method", "route", "role", "status"])
        self.seconds = Histogram("messaging_request_seconds", "Time to an answer.", ["route", "role"], buckets=SECONDS)
        self.statements = Counter("messaging_statements", "Statements to the database.", ["route"])
        self.sends = Counter("messaging_sends", "Messages taken, repeats included.", ["role"])
        self.refused = Counter("messaging_refused_uploads", "Files refused.", ["reason"])
        self.streams = Gauge("messaging_streams", "Open event streams.", multiprocess_mode="livesum")
        self.mail_age = Gauge(
            "messaging_mail_overdue_seconds", "How late the latest mail is.", multiprocess_mode="mostrecent"
        )
        self.mail_waiting = Gauge("messaging_mail_waiting", "Mails due or under way.", multiprocess_mode="mostrecent")
        self.mail_failed = Gauge("messaging_mail_failed", "Mails given up.", multiprocess_mode="mostrecent")
        self.worker_round = Gauge(
            "messaging_worker_round_timestamp_seconds",
            "When the worker's last round ended; 0: never.",
            multiprocess_mode="mostrecent",
        )
        self.bus = Gauge(
            "messaging_bus_connected", "1 while every process receives events.", multiprocess_mode="livemin"
        )
        self._children: dict[tuple[object, ...], tuple[object, ...]] = {}

    def of(self, method: str, route: str, status: int) -> tuple[Any, ...]:
        """Return the counters of one kind of request, None for sends if it is not one.

        Cached, because looking them up by label takes longer than counting.
        """
        key = (method, route, status)
        found = self._children.get(key)
        if found is None:
            role = role_of(route)
            sends = method == "POST" and status < 400 and route.endswith("/messages")
            labels = self.requests.labels(method, route, role, str(status))
            found = self._children[key] = (
                labels,
                self.seconds.labels(route, role),
                self.statements.labels(route),
                self.sends.labels(role) if sends else None,
            )
        return found


def instruments() -> Metrics:
    """Return the instruments of this process."""
    global _instruments
    if _instruments is None:
        _instruments = Metrics()
    return _instruments


def init_app(app: Flask) -> None:
    """Serve `/metrics`."""
    app.add_url_rule("/metrics", "metrics", metrics)
    instruments()


def count(method: str, route: str, status: int, seconds: float, statements: int) -> None:
    """Count one request. `route` is the rule, not the path, to keep the number of labels small."""
    requests, duration, asked, sends = instruments().of(method if method in METHODS else "OTHER", route, status)
    requests.inc()
    duration.observe(seconds)
    if statements:
        asked.inc(statements)
    if sends:
        sends.inc()


def refused_upload(reason: str) -> None:
    """Count a refused file by its code."""
    instruments().refused.labels(reason).inc()


def streams(number: int) -> None:
    """Record how many streams this process holds."""
    instruments().streams.set(number)


def bus_connected(yes: bool) -> None:
    """Record whether this process receives events from all processes."""
    instruments().bus.set(yes)


METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"))


def role_of(route: str) -> str:
    """Return the role whose prefix a route has, otherwise "none"."""
    parts = route.split("/")
    part = parts[3] if route.startswith("/api/v1/") else parts[1] if len(parts) > 1 else ""
    return part if part in ("admin", "store", "storefront") else "none"


def metrics() -> Response:
    """Return the metrics for Prometheus; 401 for others."""
    if not _may_ask():
        return Response("A bearer token is needed.\n", 401, {"WWW-Authenticate": "Bearer"}, mimetype="text/plain")
    from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
    from prometheus_client.multiprocess import MultiProcessCollector

    _look()
    registry = REGISTRY
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST, headers={"Cache-Control": "no-store"})


def _look() -> None:
    """Update the gauges that are queried on each scrape."""
    from messaging_app.mail import heartbeat, outbox  # not at import: services use this module

    streams(current_app.extensions["bus"].hub.streams)
    bus_connected(current_app.extensions["bus"].connected)
    try:
        mail, beat = outbox.standing(), heartbeat.last_beat()
    except SQLAlchemyError:  # the database is down, so the other metrics matter even more
        return
    instruments().mail_age.set(mail.overdue_seconds)
    instruments().mail_waiting.set(mail.waiting)
    instruments().mail_failed.set(mail.failed)
    instruments().worker_round.set(beat.timestamp() if beat else 0)


def _may_ask() -> bool:
    token = current_app.extensions["settings"].metrics_token
    kind, _, given = request.headers.get("Authorization", "").partition(" ")
    if token is not None and kind == "Bearer":
        return hmac.compare_digest(given.encode(), token.get_secret_value().encode())
    if "X-Forwarded-For" in request.headers or "Forwarded" in request.headers:
        return False  # a proxy on this machine forwards for a remote client
    try:
        return ipaddress.ip_address(request.remote_addr or "").is_loopback
    except ValueError:
        return False
