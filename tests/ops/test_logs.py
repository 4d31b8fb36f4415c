"""Logs: one JSON object a line, who and which request, never what people wrote."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from messaging_app.config import ConfigurationError
from messaging_app.db.engine import writing
from messaging_app.extensions import db
from messaging_app.ops import request_log
from messaging_app.ops.logs import JsonFormatter, describe
from tests.conftest import Web

SECRET_WORDS = "the gift is a violin"


def lines_of(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    return [json.loads(JsonFormatter().format(record)) for record in caplog.records]


def test_each_request_leaves_one_line_with_its_id_and_its_actor(web: Web, caplog: pytest.LogCaptureFixture) -> None:
    sam = web.signed_in("sam")
    caplog.clear()
    with caplog.at_level(logging.INFO, "messaging_app.access"):
        sam.get("/store/messages?cursor=&q=secret", htmx=True)
    (line,) = lines_of(caplog)
    assert re.fullmatch("[0-9a-f]{16}", line["request_id"]) and line["actor"] == f"store:{web.cast.sam.id}"
    told = {name: line[name] for name in ("event", "method", "route", "status", "statements")}
    assert told == {"event": "request", "method": "GET", "route": "/store/messages", "status": 200, "statements": 2}
    assert "secret" not in json.dumps(line)


def test_what_people_write_reaches_no_log_even_when_the_database_fails(
    web: Web, caplog: pytest.LogCaptureFixture
) -> None:
    sam = web.signed_in("sam")
    with web.app.app_context(), writing(db.session) as session:
        session.execute(text("ALTER TABLE messages RENAME TO gone"))
    form = {
        "conversation_type": "store_customer",
        "recipient_type": "customer",
        "recipient_id": str(web.cast.cleo.id),
        "subject": SECRET_WORDS,
        "content": SECRET_WORDS,
    }
    with caplog.at_level(logging.DEBUG):
        answer = sam.post("/store/messages", form)
    assert answer.status_code == 503
    lines = [JsonFormatter().format(record) for record in caplog.records]
    assert any('"error": "OperationalError' in line for line in lines)
    assert not any(SECRET_WORDS in line for line in lines) and SECRET_WORDS not in caplog.text


def test_an_error_that_quotes_a_message_is_told_by_its_type(caplog: pytest.LogCaptureFixture) -> None:
    try:
        raise ValueError(SECRET_WORDS)
    except ValueError:
        logging.getLogger("messaging_app").exception("unexpected error")
    (line,) = lines_of(caplog)
    assert line["error"] == "ValueError" and line["frames"] and SECRET_WORDS not in json.dumps(line)


def test_control_characters_cannot_forge_a_line(caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("messaging_app").warning("a name: %s", 'x"}\n{"level": "error"\u2028\x1b[31m')
    (record,) = caplog.records
    line = JsonFormatter().format(record)
    assert line.isascii() and line.isprintable() and json.loads(line)["level"] == "warning"


@pytest.mark.parametrize(
    ("proxies", "given", "taken"),
    [(0, "from-the-edge-1", False), (1, "from-the-edge-1", True), (1, "a b c d e f", False)],
)
def test_a_request_id_from_outside_counts_only_behind_a_proxy(
    make_app: Callable[..., Flask],
    sqlite_url: str,
    caplog: pytest.LogCaptureFixture,
    proxies: int,
    given: str,
    taken: bool,
) -> None:
    with caplog.at_level(logging.INFO, "messaging_app.access"):
        make_app(sqlite_url, proxies=proxies).test_client().get("/healthz", headers={"X-Request-ID": given})
    assert (lines_of(caplog)[-1]["request_id"] == given) is taken


def test_a_slow_statement_is_told_without_its_values(
    app: Flask, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(request_log, "_slow_after", 0.0)
    with caplog.at_level(logging.WARNING, "messaging_app.slow"):
        db.session.execute(text("SELECT :words AS words"), {"words": SECRET_WORDS})
    told_of = [line["statement"] for line in lines_of(caplog) if line["event"] == "slow statement" and "ms" in line]
    assert "AS words" in told_of[-1] and SECRET_WORDS not in caplog.text


def test_a_reporter_that_is_asked_for_but_not_installed_stops_the_start(
    make_app: Callable[..., Flask], sqlite_url: str
) -> None:
    for setting, package in (
        ({"sentry_dsn": "https://k@sentry.example/1"}, "sentry-sdk"),
        ({"otel_endpoint": "http://otel"}, "opentelemetry-sdk"),
    ):
        with pytest.raises(ConfigurationError, match=rf"not installed: pip install {package}"):
            make_app(sqlite_url, **setting)


def test_the_driver_is_quoted_only_where_it_cannot_quote_rows(app: Flask) -> None:
    with pytest.raises(SQLAlchemyError) as caught:
        db.session.execute(text("SELECT * FROM no_such_table"))
    db.session.rollback()
    on_sqlite = db.engine.dialect.name == "sqlite"  # there it is an OperationalError, elsewhere a ProgrammingError
    assert ("no_such_table" in describe(caught.value)) is on_sqlite
