"""The database work of one request: statements, rows and shared buffers, as PostgreSQL reports them.

auto_explain answers every statement's `EXPLAIN (ANALYZE, BUFFERS)` as a notice on the very connection that ran it, the
look-ups of foreign keys and triggers included. On SQLite only statements are counted.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event

from messaging_app import create_app
from messaging_app.db.engine import statement_executed
from messaging_app.extensions import db
from tests.conftest import SECRET

AUTO_EXPLAIN = """
LOAD 'auto_explain';
SET auto_explain.log_min_duration = 0; SET auto_explain.log_analyze = on; SET auto_explain.log_buffers = on;
SET auto_explain.log_timing = off; SET auto_explain.log_nested_statements = on; SET auto_explain.log_format = json;
SET auto_explain.log_level = notice; SET client_min_messages = notice
"""


@dataclass
class Cost:
    """Statements without BEGIN and COMMIT; rows that plans touched; shared buffers that they read."""

    statements: int = 0
    rows: int = 0
    buffers: int = 0
    size: int = 0


class Counter:
    """The application in this process, on a database, with a count of what each request costs."""

    def __init__(self, url: str, instance: str) -> None:
        self.app: Flask = create_app(database_url=url, secret_key=SECRET, rate_limits="off", instance=instance)
        self.cost = Cost()
        with self.app.app_context():
            self.engine = db.engine
        if self.engine.dialect.name == "postgresql":
            event.listen(self.engine, "connect", self._explain)
        statement_executed.connect(self._count)

    def client(self) -> FlaskClient:
        """A browser of this application."""
        return self.app.test_client()

    @contextmanager
    def counting(self) -> Iterator[Cost]:
        """The cost of what happens in the block."""
        self.cost = cost = Cost()
        yield cost
        self.cost = Cost()

    def close(self) -> None:
        """Let go of the database."""
        self.engine.dispose()

    def _count(self, connection: Any, statement: str, **_rest: Any) -> None:
        if connection.engine is self.engine and not statement.startswith(("BEGIN", "COMMIT")):
            self.cost.statements += 1

    def _explain(self, link: Any, _record: Any) -> None:
        with link.cursor() as cursor:
            cursor.execute(AUTO_EXPLAIN)
        link.commit()
        link.add_notice_handler(self._notice)

    def _notice(self, notice: Any) -> None:
        text = notice.message_primary or ""
        if "plan:" in text:
            plan = json.loads(text.split("plan:", 1)[1])["Plan"]
            self.cost.buffers += plan.get("Shared Hit Blocks", 0) + plan.get("Shared Read Blocks", 0)
            self.cost.rows += _rows(plan)


def _rows(plan: dict[str, Any]) -> int:
    """Rows that the plan's scans gave or threw away."""
    below = plan.get("Plans", [])
    loops = plan.get("Actual Loops", 0)
    own = 0 if below else round(plan.get("Actual Rows", 0) * loops)
    thrown = round(plan.get("Rows Removed by Filter", 0) * loops)
    return int(own + thrown + sum(_rows(one) for one in below))
