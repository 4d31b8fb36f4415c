"""How the application talks to its database: one engine, short transactions, the same rules on SQLite and PostgreSQL.

Reads run without a transaction block; every write is one short transaction, `writing`. On SQLite it takes the write
lock at its start (`BEGIN IMMEDIATE`): a transaction that reads first and writes later fails at once when another writer
came between, whatever the busy timeout says.
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

SQLITE_BUSY_MS = 5_000
SILENT_AFTER = 35.0  # seconds: longer than the server lets any statement run
# One plan for each prepared statement, whoever asks: what pages ask are ranges of indexes for all values, and planning
# an inbox anew takes five times what reading it takes.
POSTGRES_OPTIONS = (
    "-c timezone=utc -c jit=off -c plan_cache_mode=force_generic_plan -c lock_timeout=5000 -c statement_timeout=30000 "
    "-c idle_in_transaction_session_timeout=60000 -c default_transaction_isolation=read\\ committed"
)

WRITING: dict[str, dict[str, str]] = {
    "sqlite": {"transaction": "IMMEDIATE"},
    "postgresql": {"isolation_level": "READ COMMITTED"},
}
AFTER_COMMIT = "messaging_app.after_commit"  # where a session keeps what is to be done once it has committed

# After every statement, whoever ran it: `statement`, `parameters` as the driver took them, `seconds`.
statement_executed = Signal()


def engine_options(url: str) -> dict[str, Any]:
    """Options for `create_engine` that fit the database behind `url`."""
    # Errors quote their statement; what people wrote, its parameters, must not reach a log with it.
    if make_url(url).get_backend_name() == "sqlite":
        connect_args = {"timeout": SQLITE_BUSY_MS / 1000, "check_same_thread": False}
        return {"connect_args": connect_args, "pool_size": 16, "hide_parameters": True, "paramstyle": "named"}
    return {
        "hide_parameters": True,
        "connect_args": {"options": POSTGRES_OPTIONS, "connect_timeout": 5},
        "isolation_level": "AUTOCOMMIT",  # reads need no BEGIN and no ROLLBACK on the wire; `writing` asks for its own
        "skip_autocommit_rollback": True,  # nor a ROLLBACK of nothing when a connection goes back to the pool
        "pool_size": 16,
        "max_overflow": 16,
        "pool_timeout": 5,
        "pool_recycle": 1800,
    }


def give_up_on_silence(engine: Engine) -> None:
    """Let no statement of this process outlast `SILENT_AFTER`, for a server that hangs keeps its own time limits no more.

    For processes that serve pages: commands may take as long as they like.
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
                    self.close()  # its statement may still run: the pool makes another one
                raise

    @event.listens_for(engine, "do_connect")
    def _connect(_dialect: Dialect, _record: Any, arguments: list[Any], named: dict[str, Any]) -> Any:
        return Connection.connect(*arguments, **named)


@event.listens_for(Engine, "connect")
def _prepare_connection(dbapi_connection: Any, _record: object) -> None:
    if "sqlite3" not in type(dbapi_connection).__module__:
        from psycopg.types.numeric import Int8Dumper

        # As one type, however large: a statement is prepared once for each combination of its parameters' types.
        dbapi_connection.adapters.register_dumper(int, Int8Dumper)
        return
    dbapi_connection.isolation_level = None  # SQLAlchemy's `begin` event below opens transactions, not the driver
    cursor = dbapi_connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"busy_timeout={SQLITE_BUSY_MS}"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


@event.listens_for(Engine, "begin")
def _begin(connection: Connection) -> None:
    """On SQLite a transaction is only what asks for one by the option `transaction` (IMMEDIATE or DEFERRED).

    The option `wait_ms` says how long it waits for the lock, if not as long as any.
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


@event.listens_for(Engine, "before_cursor_execute", retval=True)  # or SQLAlchemy wraps it in what returns arguments
def _note_start(
    _connection: Connection, _cursor: object, statement: str, parameters: Any, context: Any, _many: bool
) -> tuple[str, Any]:
    if context is not None:
        context.started = time.perf_counter()
    return statement, parameters


@event.listens_for(Engine, "after_cursor_execute")
def _tell(connection: Connection, _cursor: object, statement: str, parameters: Any, context: Any, _many: bool) -> None:
    started = getattr(context, "started", None)
    if started is not None:
        note_executed(connection, statement, parameters, time.perf_counter() - started)


def note_executed(connection: Connection, statement: str, parameters: object, seconds: float) -> None:
    """Send `statement_executed`."""
    statement_executed.send(connection, statement=statement, parameters=parameters, seconds=seconds)


@contextmanager
def writing(session: Session | scoped_session[Any], *, wait_ms: int | None = None) -> Iterator[Session]:
    """One write transaction: commits at the end of the block, leaves nothing behind if the block raises.

    Whatever was read in `session` before is let go first, so keep plain values, not entities, across the border.
    `wait_ms`: how long to wait for the lock on SQLite, where one writes at a time, instead of five seconds.
    """
    own: Session = session() if isinstance(session, scoped_session) else session
    own.rollback()
    options: dict[str, Any] = WRITING[own.get_bind().dialect.name] | ({} if wait_ms is None else {"wait_ms": wait_ms})
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


def after_commit(session: Session | scoped_session[Any], act: Callable[[], None]) -> None:
    """Do this once the transaction under way is committed, and never if it is rolled back. `act` must not raise."""
    session.info[AFTER_COMMIT].append(act)


def now() -> datetime:
    """This moment in UTC, aware."""
    return datetime.now(UTC)
