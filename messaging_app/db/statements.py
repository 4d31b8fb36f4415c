"""Statements that are built once and run on the driver itself.

Building a statement, and having it wrapped by every layer between a view and the driver, costs several times what the
database needs to answer it. What runs on every request goes this way: compiled once, its parameters and rows converted
as their types say, its errors told as SQLAlchemy tells them. Everything else goes through the session.
"""

from __future__ import annotations

import time
from collections import deque, namedtuple
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache, partial
from operator import itemgetter
from typing import Any

from psycopg import Connection as PostgresConnection
from sqlalchemy import BindParameter, Connection, Engine, QueuePool, event, literal_column
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import scoped_session
from sqlalchemy.pool import PoolProxiedConnection
from sqlalchemy.sql.visitors import replacement_traverse

from messaging_app.db.engine import HELD, RECYCLED_AFTER, holding
from messaging_app.db.prepared import Prepared, may_block
from messaging_app.extensions import db
from messaging_app.here import engine_here

ASKED, SINCE = "messaging_app.db.statements.asked", "messaging_app.db.statements.since"
AT_HAND = 8  # connections that wait outside the pool, of 16 that it keeps
BEGIN = {"sqlite": "BEGIN IMMEDIATE", "postgresql": "BEGIN ISOLATION LEVEL READ COMMITTED"}


def fetch(statement: Any, parameters: dict[str, Any]) -> list[Any]:
    """All rows of `statement` with `parameters`; each has its columns as attributes. Empty where it returns none.

    Inside `writing` or `transaction` it is part of it; elsewhere it stands by itself, on a connection that is held no
    longer than this. `statement` must be one that is built once and kept: it is compiled at its first use, for
    parameters of these names.
    """
    engine = engine_here()
    ready = _ready(engine, statement, tuple(parameters))
    held = _held()
    if held is not None:
        return _run(engine, ready, held, parameters)
    try:
        return _read(engine, ready, parameters)
    except DBAPIError as error:
        if not error.connection_invalidated:
            raise
    return _read(engine, ready, parameters)  # the server was restarted: the pool is new, and reading twice does no harm


def write_alone(statement: Any, parameters: dict[str, Any]) -> list[Any]:
    """The same for a statement of PostgreSQL that writes, and is a transaction by itself.

    It is never asked twice: where the answer was lost, it may have been committed.
    """
    _let_go()
    engine = engine_here()
    return _read(engine, _ready(engine, statement, tuple(parameters)), parameters)


def _read(engine: Engine, ready: _Ready, parameters: dict[str, Any]) -> list[Any]:
    link = _link(engine)
    try:
        rows = _run(engine, ready, link, parameters)
    except BaseException:
        link.close()
        raise
    _keep(engine, link)
    return rows


@contextmanager
def transaction() -> Iterator[None]:
    """One write transaction without a unit of work: commits at the end of the block, leaves nothing if it raises.

    It is spoken to the driver as well: SQLAlchemy's way there and back takes as long as two statements.
    """
    _let_go()
    engine = engine_here()
    link, ended = _link(engine), False
    try:
        _say(engine, link, BEGIN[engine.dialect.name])
        with holding(link):
            try:
                yield
            except BaseException:
                if link.is_valid:
                    with suppress(engine.dialect.loaded_dbapi.Error):  # what it was raised for says more
                        link.rollback()
                        ended = True
                raise
            _say(engine, link, "COMMIT")
            ended = True
    finally:
        if ended:
            _keep(engine, link)
        else:
            if link.is_valid:
                link.invalidate()  # nobody gets a connection whose transaction may still be open
            link.close()


def here() -> Connection | scoped_session[Any]:
    """Where a statement is run that takes part in what is under way: its transaction's connection, or the session."""
    held = HELD.get()
    if held is None or held.link is None:
        return db.session
    return held.link if isinstance(held.link, Connection) else Connection(engine_here(), held.link)


def _let_go() -> None:
    """Give back what the session holds: nobody waits for a second connection while holding one."""
    if db.session.registry.has():
        db.session.rollback()


@lru_cache(maxsize=64)
def _at_hand(_engine: Engine) -> deque[PoolProxiedConnection]:
    """Connections that wait for the next statement: the pool's way there and back costs as much as asking something."""
    return deque()


def _link(engine: Engine) -> PoolProxiedConnection:
    try:
        return _at_hand(engine).pop()
    except IndexError:  # all that were at hand are in use
        pass
    try:
        return engine.raw_connection()
    except engine.dialect.loaded_dbapi.Error as error:  # there is no server
        raise _told(engine, None, error, gone=False) from error


def _keep(engine: Engine, link: PoolProxiedConnection) -> None:
    """Leave a connection on which nothing is open at hand; with the pool, where somebody may be waiting for one, or
    where it is due to be made anew.
    """
    pool, at_hand, moment = engine.pool, _at_hand(engine), time.monotonic()
    scarce = isinstance(pool, QueuePool) and pool.overflow() > 0
    if scarce or len(at_hand) >= AT_HAND or moment - link.info.setdefault(SINCE, moment) > RECYCLED_AFTER:
        link.close()
    else:
        at_hand.append(link)


@event.listens_for(Engine, "engine_disposed")
def _let_all_go(engine: Engine) -> None:
    with suppress(IndexError):
        while True:
            _at_hand(engine).pop().invalidate()


def _held() -> Any:
    held = HELD.get()
    if held is not None:
        return held.link
    # A session that has a connection keeps it until the end of the request: two each could use up the pool.
    return db.session.connection() if db.session.registry.has() and db.session().in_transaction() else None


class _Ready:
    """A statement as one database takes it, with what makes its parameters and rows what they are in Python."""

    def __init__(self, engine: Engine, statement: Any, names: tuple[str, ...]) -> None:
        dialect: Any = engine.dialect
        if dialect.name == "postgresql" and may_block():
            dialect = type(dialect)(paramstyle="numeric_dollar")  # as PostgreSQL itself takes them
        statement = replacement_traverse(statement, {}, partial(_in_words, dialect))
        compiled = statement.compile(dialect=dialect, column_keys=names)
        self.sql = str(compiled)
        self.given = {name: bind.effective_value for bind, name in compiled.bind_names.items() if not bind.required}
        for column in compiled.insert_prefetch:  # the model's own defaults, which are plain values
            self.given[column.key] = column.default.arg
        self.in_order = None if compiled.positiontup is None else _getter(compiled.positiontup)
        self.columns = list(statement.exported_columns)
        self.row: Any = namedtuple("Row", [column.key for column in self.columns]) if self.columns else None
        self.inward: dict[str, Callable[[Any], Any]] = {}
        for bind, name in compiled.bind_names.items():
            convert = bind.type.dialect_impl(dialect).bind_processor(dialect)
            if convert is not None:
                self.inward[name] = convert
        self.outward: list[tuple[int, Callable[[Any], Any]]] | None = None

    def parameters(self, values: dict[str, Any]) -> Any:
        """`values` as the driver takes them: by name or by place."""
        all_ = self.given | values
        for name, convert in self.inward.items():
            all_[name] = convert(all_[name])
        return self.in_order(all_) if self.in_order else all_

    def rows(self, engine: Engine, found: list[tuple[Any, ...]], type_of: Callable[[int], Any]) -> list[Any]:
        """What was found; `type_of` tells what the database says that a column is."""
        if self.outward is None:
            impl = ((at, column.type.dialect_impl(engine.dialect)) for at, column in enumerate(self.columns))
            needed = [(at, type_.result_processor(engine.dialect, type_of(at))) for at, type_ in impl]
            self.outward = [(at, convert) for at, convert in needed if convert is not None]
        row, new = self.row, tuple.__new__
        if not self.outward:
            return [new(row, values) for values in found]
        rows = []
        for values in found:
            converted = list(values)
            for at, convert in self.outward:
                converted[at] = convert(converted[at])
            rows.append(new(row, converted))
        return rows


def _getter(names: list[str]) -> Callable[[dict[str, Any]], tuple[Any, ...]]:
    """What takes the values of `names` out of a dictionary, in that order."""
    if len(names) > 1:
        return itemgetter(*names)
    return lambda values: tuple(values[name] for name in names)  # the other one would give a single value bare


def _in_words(dialect: Any, part: Any, **_options: Any) -> Any:
    """What never changes stands in the text of a statement: as a parameter it would be converted and sent each time."""
    if not isinstance(part, BindParameter) or part.required or not isinstance(part.value, str | int):
        return None
    worded = part.type.dialect_impl(dialect).literal_processor(dialect)
    # A driver that marks parameters by % has it doubled, here and once more where it becomes part of the text.
    return literal_column(worded(part.value), part.type) if worded and "%" not in str(part.value) else None


@lru_cache(maxsize=1_024)
def _ready(engine: Engine, statement: Any, names: tuple[str, ...]) -> _Ready:
    return _Ready(engine, statement, names)


class _Run:
    """One execution, for those who listen to the engine: they may note when it began."""

    __slots__ = ("started",)


class _Cursor:
    """The driver's cursor, one for the connection's life: making one costs as much as what it asks."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        # Numbers and times that come in binary need no reading.
        options = {"binary": True} if isinstance(connection, PostgresConnection) else {}
        self.cursor = connection.cursor(**options)
        self.options = {"prepare": True} if options else {}

    def ask(self, sql: str, parameters: Any) -> tuple[list[tuple[Any, ...]], Callable[[int], Any]]:
        """The rows of `sql`, and what tells the type of a column by its place."""
        cursor = self.cursor
        cursor.execute(sql, parameters, **self.options)
        return cursor.fetchall() if cursor.description else [], lambda at: cursor.description[at][1]

    def say(self, words: str) -> None:
        """Run what has neither parameters nor rows."""
        self.cursor.execute(words)


def _run(engine: Engine, ready: _Ready, link: Any, values: dict[str, Any]) -> list[Any]:
    """`link` is what SQLAlchemy gives for a connection, its own or the pool's."""
    asked, parameters, run = _asked(link), ready.parameters(values), _Run()
    told = engine.dispatch
    told.before_cursor_execute(None, asked, ready.sql, parameters, run, False)
    try:
        rows = ready.rows(engine, *asked.ask(ready.sql, parameters))
    except engine.dialect.loaded_dbapi.Error as error:
        raise _failed(engine, ready.sql, link, asked.connection, error) from error
    told.after_cursor_execute(None, asked, ready.sql, parameters, run, False)
    return rows


def _say(engine: Engine, link: Any, words: str) -> None:
    """Begin or end a transaction."""
    asked = _asked(link)
    try:
        asked.say(words)
    except engine.dialect.loaded_dbapi.Error as error:
        raise _failed(engine, words, link, asked.connection, error) from error


def _asked(link: Any) -> _Cursor | Prepared:
    """Who takes statements for a connection, for as long as it lasts."""
    asked: _Cursor | Prepared | None = link.info.get(ASKED)
    if asked is None:
        pooled: Any = link.connection if isinstance(link, Connection) else link
        connection = pooled.driver_connection
        at_once = isinstance(connection, PostgresConnection) and may_block()
        asked = link.info[ASKED] = Prepared(connection) if at_once else _Cursor(connection)
    return asked


def _failed(engine: Engine, sql: str, link: Any, connection: Any, error: Exception) -> DBAPIError:
    gone = engine.dialect.is_disconnect(error, connection, None)  # type: ignore[arg-type] # the driver's own
    if gone:  # the others in the pool lead to the same server
        link.invalidate(error)
        engine.dispose()
    return _told(engine, sql, error, gone=gone)


def _told(engine: Engine, sql: str | None, error: Exception, *, gone: bool) -> DBAPIError:
    """An error of the driver as SQLAlchemy tells it, without what people wrote."""
    told: DBAPIError = DBAPIError.instance(
        sql,
        None,
        error,
        engine.dialect.loaded_dbapi.Error,
        hide_parameters=True,
        connection_invalidated=gone,
        dialect=engine.dialect,
    )  # type: ignore[assignment] # only an error of another kind would come back as it is
    return told
