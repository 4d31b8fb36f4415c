"""The application's access to its database: one engine, short transactions, the same rules on SQLite and PostgreSQL.

Reads run without a transaction block. Every write is one short transaction, `writing`. On SQLite it takes the write
lock at its start (`BEGIN IMMEDIATE`). A transaction that reads first and writes later fails at once when another writer
commits in between, whatever the busy timeout.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from blinker import Signal
from sqlalchemy import Dialect, Engine, event
from sqlalchemy.engine import Connection
from sqlalchemy.engine.url import make_url
from sqlalchemy.orm import Session, scoped_session

from messaging_app.db.types import DbSession

SQLITE_BUSY_MS = 5_000
SILENT_AFTER = 35.0  # seconds: longer than the server lets any statement run
# One generic plan per prepared statement. Our queries are index ranges for any parameter values, and planning an inbox
# query takes five times as long as running it.
POSTGRES_OPTIONS = (
    "-c timezone=utc -c jit=off -c plan_cache_mode=force_generic_plan -c lock_timeout=5000 -c statement_timeout=30000 "
    "-c idle_in_transaction_session_timeout=60000 -c default_transaction_isolation=read\\ committed"
)

WRITING: dict[str, dict[str, str]] = {
    "sqlite": {"transaction": "IMMEDIATE"},
    "postgresql": {"isolation_level": "READ COMMITTED"},
}
AFTER_COMMIT = "messaging_app.after_commit"  # key in `Session.info`: the callbacks to run after the commit

# Sent after every statement with `statement`, `parameters` as the driver received them, and `seconds`.
statement_executed = Signal()


def engine_options(url: str) -> dict[str, object]:
    """Options for `create_engine` that fit the database behind `url`."""
    # Errors quote their statement. Its parameters contain what users wrote and must not reach a log.
    if make_url(url).get_backend_name() == "sqlite":
        connect_args = {"timeout": SQLITE_BUSY_MS / 1000, "check_same_thread": False}
        return {"connect_args": connect_args, "pool_size": 16, "hide_parameters": True, "paramstyle": "named"}
    return {
        "hide_parameters": True,
        "connect_args": {"options": POSTGRES_OPTIONS, "connect_timeout": 5},
        "isolation_level": "AUTOCOMMIT",  # reads need no BEGIN and no ROLLBACK; `writing` sets its own level
        "skip_autocommit_rollback": True,  # nor a ROLLBACK when a connection returns to the pool
        "pool_size": 16,
        "max_overflow": 16,
        "pool_timeout": 5,
        "pool_recycle": 1800,
    }


def give_up_on_silence(engine: Engine) -> None:
    """Abort statements of this process after `SILENT_AFTER` seconds: a server that hangs cannot enforce its limits.

    Used by processes that serve pages. Commands have no such limit.
    """
    if engine.dialect.name != "postgresql":
        return
    from psycopg import Connection as DriverConnection
    from psycopg import OperationalError

    class Connection(DriverConnection[Any]):
        def wait(self, *arguments: Any, **named: Any) -> Any:
            began = time.monotonic()
            try:
                return super().wait(*arguments, **{"timeout": SILENT_AFTER} | named)
            except OperationalError:
                if time.monotonic() - began >= SILENT_AFTER:
                    self.close()  # its statement may still be running; the pool opens a new connection
                raise

    @event.listens_for(engine, "do_connect")
    def _connect(_dialect: Dialect, _record: Any, arguments: list[Any], named: dict[str, Any]) -> Any:
        return Connection.connect(*arguments, **named)


@event.listens_for(Engine, "connect")
def _prepare_connection(dbapi_connection: Any, _record: object) -> None:
    if "sqlite3" not in type(dbapi_connection).__module__:
        from psycopg.types.numeric import Int8Dumper

        # Send every int as one type: the server prepares a statement once per combination of parameter types.
        dbapi_connection.adapters.register_dumper(int, Int8Dumper)
        return
    dbapi_connection.isolation_level = None  # the `begin` listener below opens transactions, not the driver
    cursor = dbapi_connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"busy_timeout={SQLITE_BUSY_MS}"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


@event.listens_for(Engine, "begin")
def _begin(connection: Connection) -> None:
    """On SQLite, begin a transaction only if the option `transaction` (IMMEDIATE or DEFERRED) is set.

    The option `wait_ms` overrides how long to wait for the lock.
    """
    options = connection.get_execution_options()
    if connection.dialect.name != "sqlite" or "transaction" not in options:
        return
    wait_ms = options.get("wait_ms", SQLITE_BUSY_MS)
    if wait_ms != SQLITE_BUSY_MS:
        connection.exec_driver_sql(f"PRAGMA busy_timeout={wait_ms}")
    try:
        connection.exec_driver_sql(f"BEGIN {options['transaction']}")
    finally:
        if wait_ms != SQLITE_BUSY_MS:
            connection.exec_driver_sql(f"PRAGMA busy_timeout={SQLITE_BUSY_MS}")


@event.listens_for(Engine, "before_cursor_execute", retval=True)  # without it SQLAlchemy wraps the listener
def _note_start(
    _connection: Connection, _cursor: object, statement: str, parameters: Any, context: Any, _many: bool
) -> tuple[str, object]:
    if context is not None:
        context.started = time.perf_counter()
    return statement, parameters


@event.listens_for(Engine, "after_cursor_execute")
def _note_time(
    connection: Connection, _cursor: object, statement: str, parameters: object, context: object, _many: bool
) -> None:
    started = getattr(context, "started", None)
    if started is not None:
        note_executed(connection, statement, parameters, time.perf_counter() - started)


def note_executed(connection: Connection, statement: str, parameters: object, seconds: float) -> None:
    """Send `statement_executed`."""
    statement_executed.send(connection, statement=statement, parameters=parameters, seconds=seconds)


@contextmanager
def writing(session: DbSession, *, wait_ms: int | None = None) -> Iterator[Session]:
    """Run one write transaction: commit at the end of the block, roll back if the block raises.

    Ends any transaction that is open in `session` first, so keep plain values, not entities, across the call. `wait_ms`
    is how long to wait for the lock on SQLite, which allows one writer at a time (default: five seconds).
    """
    own: Session = session() if isinstance(session, scoped_session) else session
    own.rollback()
    options: dict[str, object] = WRITING[own.get_bind().dialect.name] | (
        {} if wait_ms is None else {"wait_ms": wait_ms}
    )
    own.connection(execution_options=options)
    acts: list[Callable[[], None]] = []
    own.info[AFTER_COMMIT] = acts
    try:
        yield own
        own.commit()
    except BaseException:
        own.rollback()
        raise
    finally:
        del own.info[AFTER_COMMIT]
    for act in acts:
        act()


def after_commit(session: DbSession, act: Callable[[], None]) -> None:
    """Call `act` once the current transaction has committed, never if it rolls back. `act` must not raise."""
    session.info[AFTER_COMMIT].append(act)


def now() -> datetime:
    """The current time, as an aware datetime in UTC."""
    return datetime.now(UTC)
