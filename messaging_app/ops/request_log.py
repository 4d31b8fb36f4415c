"""The trace of every request: an id, a log line, metrics; and a log line for every slow statement.

Nothing here contains message text: routes instead of paths, statements without parameters.
"""

from __future__ import annotations

import logging
import random
import re
import time
from contextvars import ContextVar
from dataclasses import dataclass

from flask import Flask, Response, g, request

from messaging_app.db.engine import statement_executed
from messaging_app.ops import metrics

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
access = logging.getLogger("messaging_app.access")
slow = logging.getLogger("messaging_app.slow")
_slow_after = 0.25  # seconds; one per process, like its engines


@dataclass(slots=True)
class RequestRecord:
    """One request: when it began, its number of statements and their total time."""

    request_id: str
    started: float
    statements: int = 0
    database: float = 0.0


_current: ContextVar[RequestRecord | None] = ContextVar("request_record", default=None)


def init_app(app: Flask) -> None:
    """Register the hooks. Called before all others, so that it sees the request first and the response last."""
    global _slow_after
    _slow_after = app.extensions["settings"].slow_query_ms / 1000
    trusted = app.extensions["settings"].proxies > 0

    def begin() -> None:
        given = request.headers.get("X-Request-ID", "") if trusted else ""
        # Not a secret: the system's generator would let another thread run and wait for it.
        request_id = given if REQUEST_ID.fullmatch(given) else f"{random.getrandbits(64):016x}"
        _current.set(RequestRecord(request_id, time.perf_counter()))

    app.before_request(begin)
    app.after_request(_note)


def request_id() -> str | None:
    """Return the id of the current request."""
    record = _current.get()
    return record.request_id if record else None


def actor() -> str | None:
    """Return the actor as `store:5`, without a query."""
    person = g.get("actor")
    return f"{person.type}:{person.id}" if person else None


def _note(response: Response) -> Response:
    record = _current.get()
    if record is None:
        return response
    _current.set(None)
    seconds = time.perf_counter() - record.started
    method, rule, status = request.method, request.url_rule.rule if request.url_rule else "none", response.status_code
    metrics.count(method, rule, status, seconds, record.statements)
    # Most requests are polls that find nothing new. They are counted, but would flood the log.
    level = logging.DEBUG if status == 204 and method == "GET" else logging.INFO
    if access.isEnabledFor(level):
        numbers = {name: value for name, value in (request.view_args or {}).items() if isinstance(value, int)}
        fields = {
            "request_id": record.request_id,
            "actor": actor(),
            "method": method,
            "route": rule,
            **numbers,
            "status": status,
            "ms": round(seconds * 1000, 1),
            "statements": record.statements,
            "database_ms": round(record.database * 1000, 1),
            "address": request.remote_addr,
        }
        access.log(level, "request", extra={"fields": fields})
    return response


@statement_executed.connect
def _note_statement(_connection: object, statement: str, seconds: float, **_parameters: object) -> None:
    record = _current.get()
    if record is not None and not statement.startswith(("BEGIN", "COMMIT", "PRAGMA")):
        record.statements += 1
        record.database += seconds
    if seconds >= _slow_after:
        slow.warning("slow statement", extra={"fields": {"ms": round(seconds * 1000), "statement": statement[:2000]}})
