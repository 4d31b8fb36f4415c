"""Liveness (`/healthz`) and readiness (`/readyz`), for load balancers and monitoring.

Without the database, or with another schema than the code expects, nothing works: 503. Without bus, storage, worker or
mail server, pages still work, but late, without files or without e-mail: "degraded", still 200. Taking every process
out of service because Redis is down would turn a delay into an outage.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from functools import cache

from alembic.config import Config
from alembic.script import ScriptDirectory
from flask import Flask, Response, current_app, jsonify
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from messaging_app.db.engine import now
from messaging_app.extensions import db
from messaging_app.mail import heartbeat, outbox
from messaging_app.paths import resource
from messaging_app.storage import FileMissing, StorageUnavailable

LATE = timedelta(minutes=3)  # a round runs every minute and sends due e-mail
KEEP = 1.0  # seconds to cache a result, so that probes cannot overload database and storage
NEEDED = ("database", "migrations")
_lock = threading.Lock()


def init_app(app: Flask) -> None:
    """Serve both paths, without authentication."""
    app.add_url_rule("/healthz", "healthz", healthz)
    app.add_url_rule("/readyz", "readyz", readyz)


def healthz() -> Response:
    """Return 200 if the process responds."""
    return _answer({"status": "ok"}, 200)


def readyz() -> Response:
    """Return each part's status in one word; 503 if a required one is not ok."""
    with _lock:  # one thread checks, which takes long if a service is down; the others wait for its result
        kept: tuple[float, dict[str, str]] | None = current_app.extensions.get("readiness")
        if kept is None or time.monotonic() - kept[0] > KEEP:
            seen = {name: look() for name, look in PARTS.items()}
            kept = current_app.extensions["readiness"] = (time.monotonic(), seen)
    parts = kept[1]
    broken = [name for name, state in parts.items() if state not in ("ok", "off")]
    unready = any(name in NEEDED for name in broken)
    status = "unavailable" if unready else "degraded" if broken else "ok"
    return _answer({"status": status, **parts}, 503 if unready else 200)


def _answer(body: dict[str, object], status: int) -> Response:
    response = jsonify(body)
    response.status_code = status
    response.headers["Cache-Control"] = "no-store"
    return response


def _database() -> str:
    try:
        db.session.execute(text("SELECT 1"))
    except SQLAlchemyError:
        db.session.rollback()
        return "unreachable"
    return "ok"


def _migrations() -> str:
    try:
        found = set(db.session.scalars(text("SELECT version_num FROM alembic_version")))
    except SQLAlchemyError:
        db.session.rollback()
        return "unknown"
    if found <= ready_on():
        return "ok"
    # Newer than the code: during an upgrade, the new schema also serves this code (see docs/operations.md).
    return "behind" if found <= revisions() else "ok"


@cache
def _script() -> ScriptDirectory:
    config = Config()
    config.set_main_option("script_location", str(resource("migrations")))
    return ScriptDirectory.from_config(config)


@cache
def heads() -> set[str]:
    """Return the revision that the code expects."""
    return set(_script().get_heads())


@cache
def ready_on() -> set[str]:
    """Return every revision on which the code works: the newest, and those that lack only `contract` steps.

    A `contract` step of a migration removes what older code used.
    """
    accepted = set(heads())
    for script in _script().walk_revisions():
        is_contract = script.revision in accepted and getattr(script.module, "contract", False)
        if is_contract and isinstance(script.down_revision, str):
            accepted.add(script.down_revision)
    return accepted


@cache
def revisions() -> set[str]:
    """Return every revision that the code knows."""
    return {script.revision for script in _script().walk_revisions()}


def _bus() -> str:
    return "ok" if current_app.extensions["bus"].connected else "unreachable"


def _storage() -> str:
    try:
        current_app.extensions["storage"].size("messages/ready/check")
    except FileMissing:
        return "ok"
    except (StorageUnavailable, OSError):
        return "unreachable"
    return "ok"


def _worker() -> str:
    try:
        last = heartbeat.last_beat()
    except SQLAlchemyError:
        db.session.rollback()
        return "unknown"
    if last is None:
        return "never"
    return "ok" if now() - last < LATE else "late"


def _mail() -> str:
    try:
        mail = outbox.standing()
    except SQLAlchemyError:
        db.session.rollback()
        return "unknown"
    if not mail.on:
        return "off"
    return "late" if mail.overdue_seconds > LATE.total_seconds() else "ok"


PARTS: dict[str, Callable[[], str]] = {
    "database": _database,
    "migrations": _migrations,
    "bus": _bus,
    "storage": _storage,
    "worker": _worker,
    "mail": _mail,
}
