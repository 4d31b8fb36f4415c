"""The application with a counter of all statements of its process, served at /bench/statements."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any

from messaging_app.db.engine import statement_executed
from wsgi import app

ROUNDS = ("Worker-1", "Scheduler")  # huey's threads, where the mail is sent by this very process
made: Counter[str] = Counter()


@statement_executed.connect
def _note(_connection: Any, **_what: Any) -> None:
    made["mail" if threading.current_thread().name in ROUNDS else "pages"] += 1


app.add_url_rule("/bench/statements", "bench_statements", lambda: dict(made))
