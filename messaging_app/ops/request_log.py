"""What every request leaves behind: an id, a line in the log, figures for Prometheus; and every slow statement a line.

Nothing here ever holds what people wrote: routes instead of addresses, statements without their parameters.
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
_slow_after = 0.25  # seconds; one for the process, as its engines are


@dataclass(slots=True)
class Passage:
    """One request on its way through: when it came, how many statements it made and how long they took."""

    request_id: str
    started: float
    statements: int = 0
    database: float = 0.0


_passage: ContextVar[Passage | None] = ContextVar("passage", default=None)


def init_app(app: Flask) -> None:
    """Watch the requests of `app`. Comes before every other hook: it sees the request first and the answer last."""
    global _slow_after
    _slow_after = app.extensions["settings"].slow_query_ms / 1000
    trusted = app.extensions["settings"].proxies > 0

    def begin() -> None:
        given = request.headers.get("X-Request-ID", "") if trusted else ""
        # Not a secret: asking the system for one lets another thread in, and waits until that one pauses.
        request_id = given if REQUEST_ID.fullmatch(given) else f"{random.getrandbits(64):016x}"
        _passage.set(Passage(request_id, time.perf_counter()))

    app.before_request(begin)
    app.after_request(_note)


def request_id() -> str | None:
    """The id of the request that is being answered."""
    passage = _passage.get()
    return passage.request_id if passage else None


def actor() -> str | None:
    """Who acts, as `store:5`; never looks anybody up."""
    person = g.get("actor")
    return f"{person.type}:{person.id}" if person else None


def _note(response: Response) -> Response:
    passage = _passage.get()
    if passage is None:
        return response
    _passage.set(None)
    seconds = time.perf_counter() - passage.started
    method, rule, status = request.method, request.url_rule.rule if request.url_rule else "none", response.status_code
    metrics.count(method, rule, status, seconds, passage.statements)
    # Polls that find nothing new are most of all requests; they are counted, and would only fill the log.
    level = logging.DEBUG if status == 204 and method == "GET" else logging.INFO
    if access.isEnabledFor(level):
        numbers = {name: value for name, value in (request.view_args or {}).items() if isinstance(value, int)}
        fields = {
            "request_id": passage.request_id,
            "actor": actor(),
            "method": method,
            "route": rule,
            **numbers,
            "status": status,
            "ms": round(seconds * 1000, 1),
            "statements": passage.statements,
            "database_ms": round(passage.database * 1000, 1),
            "address": request.remote_addr,
        }
        access.log(level, "request", extra={"fields": fields})
    return response


@statement_executed.connect
def _note_statement(_connection: object, statement: str, seconds: float, **_parameters: object) -> None:
    passage = _passage.get()
    if passage is not None and not statement.startswith(("BEGIN", "COMMIT", "PRAGMA")):
        passage.statements += 1
        passage.database += seconds
    if seconds >= _slow_after:
        slow.warning("slow statement", extra={"fields": {"ms": round(seconds * 1000), "statement": statement[:2000]}})
