"""Logs as one JSON object per line, with the request's id and the actor, and without message text.

Values cannot forge a line, because JSON escapes control characters. Exceptions are logged by type and frames. Their
text is logged only for operational errors of the driver; others may quote a row or a message.
"""

from __future__ import annotations

import json
import logging
import sys
import traceback
from datetime import UTC, datetime
from functools import lru_cache

from flask import Flask, has_request_context
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from messaging_app.ops import request_log


def init_app(app: Flask) -> None:
    """Write JSON to standard error if the settings say so; otherwise leave logging unchanged."""
    settings = app.extensions["settings"]
    if settings.log_format != "json" and not (settings.log_format is None and settings.env == "production"):
        return
    root = logging.getLogger()
    if not any(isinstance(handler.formatter, JsonFormatter) for handler in root.handlers):
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(JsonFormatter())
        root.handlers = [handler]
    root.setLevel(logging.INFO)
    server = logging.getLogger("gunicorn.error")  # has its own handler, which does not write JSON
    server.handlers, server.propagate = [], True
    logging.getLogger("alembic").setLevel(logging.WARNING)


@lru_cache(maxsize=16)
def _in_words(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).isoformat().removesuffix("+00:00")


_encode = json.JSONEncoder(default=str).encode


class JsonFormatter(logging.Formatter):
    """Formats a record as one line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as JSON; `extra={"fields": {...}}` adds fields."""
        fields: dict[str, object] = getattr(record, "fields", {})
        second = int(record.created)
        line: dict[str, object] = {
            "time": f"{_in_words(second)}.{int((record.created - second) * 1000):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
        }
        if "request_id" not in fields and has_request_context():
            line["request_id"], line["actor"] = request_log.request_id(), request_log.actor()
        line.update(fields)
        if record.exc_info and record.exc_info[1] is not None:
            line["error"] = describe(record.exc_info[1])
            line["frames"] = frames(record.exc_info[1])
        return _encode({key: value for key, value in line.items() if value is not None})


def describe(error: BaseException) -> str:
    """Return what may be logged of an error: its type, its SQLSTATE, and the driver's text if it cannot quote data."""
    if not isinstance(error, DBAPIError):
        return type(error).__name__
    state = getattr(error.orig, "sqlstate", None)
    words = f"{type(error).__name__} {state}" if state else type(error).__name__
    if isinstance(error, OperationalError | InterfaceError):
        words += f": {str(error.orig).splitlines()[0] if str(error.orig) else ''}"
    return words


def frames(error: BaseException) -> list[str]:
    """Return the frames, outermost first: source lines, never values."""
    found = traceback.extract_tb(error.__traceback__)[-20:]
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in found]
