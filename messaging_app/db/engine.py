"""How the application talks to its database: one engine, short transactions, the same rules on SQLite and PostgreSQL.

Reads run without a transaction block; every write is one short transaction (`writing` here, `transaction` in
statements.py) or one statement that is one by itself. On SQLite a transaction takes the write lock at its start (`BEGIN
IMMEDIATE`): one that reads first and writes later fails at once when another writer came between, whatever the busy
timeout says.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeAlias

from sqlalchemy import BigInteger, DateTime, Engine, Integer, MetaData, Select, event
from sqlalchemy.engine import Connection, Dialect
from sqlalchemy.engine.url import make_url
from sqlalchemy.orm import DeclarativeBase, Session, registry, scoped_session
from sqlalchemy.pool import PoolProxiedConnection
from sqlalchemy.types import TypeDecorator

from messaging_app.db.prepared import may_block

SQLITE_BUSY_MS = 5_000
SILENT_AFTER = 35.0  # seconds: longer than the server lets any statement run
RECYCLED_AFTER = 1800  # seconds after which a connection is made anew
# One plan for each prepared statement, whoever asks: what pages ask are ranges of indexes for all values, and planning
# an inbox anew takes five times what reading it takes.
POSTGRES_OPTIONS = (
    "-c timezone=utc -c jit=off -c plan_cache_mode=force_generic_plan -c lock_timeout=5000 -c statement_timeout=30000 "
    "-c idle_in_transaction_session_timeout=60000 -c default_transaction_isolation=read\\ committed"
)

WRITING: dict[str, dict[str, Any]] = {
    "sqlite": {"transaction": "IMMEDIATE"},
    "postgresql": {"isolation_level": "READ COMMITTED"},
}

Id = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows by itself only in a column of type INTEGER
MAX_ID = 2**63 - 1
Rows: TypeAlias = Select[*tuple[Any, ...]]  # a query whose columns are told by its docstring


@dataclass(frozen=True, slots=True)
class Held:
    """A write transaction under way: its connection, SQLAlchemy's or the pool's, and what is to be done after it.

    Without a connection it has ended already.
    """

    link: Connection | PoolProxiedConnection | None
    then: list[Callable[[], None]]


HELD: ContextVar[Held | None] = ContextVar("held", default=None)


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC datetime: `timestamptz` on PostgreSQL, naive UTC text on SQLite."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Any:
        inner = self.impl_instance.dialect_impl(dialect).bind_processor(dialect)
        if dialect.name != "sqlite":
            return inner  # the driver takes aware datetimes

        def to_text(value: datetime | None) -> Any:
            naive = value.astimezone(UTC).replace(tzinfo=None) if value is not None else None
            return inner(naive) if inner else naive

        return to_text

    def result_processor(self, dialect: Dialect, coltype: Any) -> Any:
        inner = self.impl_instance.dialect_impl(dialect).result_processor(dialect, coltype)
        if dialect.name != "sqlite":
            return inner  # the driver answers aware datetimes already

        def process(value: Any) -> datetime | None:
            parsed = inner(value) if inner else value
            return None if parsed is None else parsed.replace(tzinfo=UTC)

        return process


class Base(DeclarativeBase):
    """Parent of every model; its naming convention lets one migration chain serve both databases."""

    registry = registry(
        type_annotation_map={datetime: UtcDateTime(), int: Id},
        metadata=MetaData(
            naming_convention={
                "ix": "ix_%(table_name)s_%(column_0_N_name)s",
                "uq": "uq_%(table_name)s_%(column_0_N_name)s",
                "ck": "ck_%(table_name)s_%(constraint_name)s",
                "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
                "pk": "pk_%(table_name)s",
            }
        ),
    )


def engine_options(url: str) -> dict[str, Any]:
    """Options for `create_engine` that fit the database behind `url`."""
    # Errors quote their statement; what people wrote, its parameters, must not reach a log with it.
    if make_url(url).get_backend_name() == "sqlite":
        connect_args = {"timeout": SQLITE_BUSY_MS / 1000, "check_same_thread": False}
        return {"connect_args": connect_args, "pool_size": 16, "hide_parameters": True}
    return {
        "hide_parameters": True,
        "connect_args": {"options": POSTGRES_OPTIONS, "connect_timeout": 5},
        "isolation_level": "AUTOCOMMIT",  # reads need no BEGIN and no ROLLBACK on the wire; `writing` asks for its own
        "skip_autocommit_rollback": True,  # nor a ROLLBACK of nothing when a connection goes back to the pool
        "pool_size": 16,
        "max_overflow": 16,
        "pool_timeout": 5,
        "pool_recycle": RECYCLED_AFTER,
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
def _prepare_connection(dbapi_connection: Any, _record: Any) -> None:
    if "sqlite3" not in type(dbapi_connection).__module__:
        if may_block():  # `Prepared` prepares; on a rollback the driver would throw that away with what it had prepared
            dbapi_connection.prepare_threshold = None
        return
    dbapi_connection.isolation_level = None  # SQLAlchemy's `begin` event below opens transactions, not the driver
    cursor = dbapi_connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"busy_timeout={SQLITE_BUSY_MS}"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


@event.listens_for(Engine, "begin")
def _begin(connection: Connection) -> None:
    """On SQLite a transaction is only what asks for one by the option `transaction` (IMMEDIATE or DEFERRED)."""
    kind = connection.get_execution_options().get("transaction")
    if kind is not None and connection.dialect.name == "sqlite":
        connection.exec_driver_sql(f"BEGIN {kind}")


@contextmanager
def writing(session: Session | scoped_session[Any]) -> Iterator[Session | scoped_session[Any]]:
    """One write transaction: commits at the end of the block, leaves nothing behind if the block raises.

    Whatever was read in `session` before is let go first, so keep plain values, not entities, across the border.
    """
    session.rollback()
    connection = session.connection(execution_options=WRITING[session.get_bind().dialect.name])
    with holding(connection):
        try:
            yield session
            session.commit()
        except BaseException:
            session.rollback()
            raise


@contextmanager
def holding(link: Connection | PoolProxiedConnection | None) -> Iterator[None]:
    """Let what happens in the block join the transaction of `link`, which the block commits or rolls back; then do what
    was asked for by `after_commit`, unless the block raised. None: what the block tells of is committed already.
    """
    held = Held(link, [])
    outer = HELD.set(held)
    try:
        yield
    finally:
        HELD.reset(outer)
    for act in held.then:
        act()


def after_commit(act: Callable[[], None]) -> None:
    """Do this once the transaction under way is committed, and never if it is rolled back. `act` must not raise."""
    held = HELD.get()
    assert held is not None, "nothing is being written"
    held.then.append(act)


@contextmanager
def impatient(session: Session | scoped_session[Any]) -> Iterator[Connection]:
    """A connection on which a single statement commits by itself, or fails at once where SQLite is being written to."""
    session.rollback()
    connection = session.connection()
    sqlite = connection.dialect.name == "sqlite"
    try:
        if sqlite:
            connection.exec_driver_sql("PRAGMA busy_timeout=0")
        yield connection
    finally:
        if sqlite:
            connection.exec_driver_sql(f"PRAGMA busy_timeout={SQLITE_BUSY_MS}")


def now() -> datetime:
    """This moment in UTC, aware."""
    return datetime.now(UTC)
