"""Logs as one JSON object a line, with the request's id and the actor, and never with what people wrote.

A value cannot forge a line: JSON escapes control characters. Of an exception stand its type and its frames; its text
only where it comes from the driver's own operational errors, for the others may quote a row or a message.
"""

from __future__ import annotations

import json
import logging
import sys
import traceback
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from flask import Flask, has_request_context
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from messaging_app.ops import request_log


def init_app(app: Flask) -> None:
    """Write JSON to standard error where settings say so; elsewhere logging stays as it is."""
    settings = app.extensions["settings"]
    if settings.log_format != "json" and not (settings.log_format is None and settings.env == "production"):
        return
    root = logging.getLogger()
    if not any(isinstance(handler.formatter, JsonFormatter) for handler in root.handlers):
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(JsonFormatter())
        root.handlers = [handler]
    root.setLevel(logging.INFO)
    server = logging.getLogger("gunicorn.error")  # has a handler of its own, whose lines are no JSON
    server.handlers, server.propagate = [], True
    logging.getLogger("alembic").setLevel(logging.WARNING)


@lru_cache(maxsize=16)
def _in_words(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).isoformat().removesuffix("+00:00")


_encode = json.JSONEncoder(default=str).encode


class JsonFormatter(logging.Formatter):
    """One record as one line."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as JSON; `extra={"fields": {...}}` adds fields."""
        fields: dict[str, Any] = getattr(record, "fields", {})
        second = int(record.created)
        line: dict[str, Any] = {
            "time": f"{_in_words(second)}.{int((record.created - second) * 1000):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
        }
        if "request_id" not in fields and has_request_context():
            line["request_id"], line["actor"] = request_log.request_id(), request_log.actor()
        line.update(fields)
        if record.exc_info and record.exc_info[1] is not None:
            line["error"] = told(record.exc_info[1])
            line["frames"] = frames(record.exc_info[1])
        return _encode({key: value for key, value in line.items() if value is not None})


def told(error: BaseException) -> str:
    """What may be said of an error: its type, its SQLSTATE, and the driver's words where they cannot quote data."""
    if not isinstance(error, DBAPIError):
        return type(error).__name__
    state = getattr(error.orig, "sqlstate", None)
    words = f"{type(error).__name__} {state}" if state else type(error).__name__
    if isinstance(error, OperationalError | InterfaceError):
        words += f": {str(error.orig).splitlines()[0] if str(error.orig) else ''}"
    return words


def frames(error: BaseException) -> list[str]:
    """Where it happened, outermost first; lines of code, never values."""
    found = traceback.extract_tb(error.__traceback__)[-20:]
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in found]
