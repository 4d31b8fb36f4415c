"""The statements that every request runs: compiled once, run by the driver, returning typed tuples."""

import time
from collections.abc import Callable
from itertools import starmap
from typing import ClassVar, Generic, TypeVar

from sqlalchemy import Dialect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from messaging_app.db.engine import note_executed
from messaging_app.db.types import Statement

RowT = TypeVar("RowT")


class Query(Generic[RowT]):
    """A statement, and the callable that turns its columns into a typed row (a NamedTuple, or `int` for one column)."""

    through_session: ClassVar[bool] = False  # MESSAGING_PLAIN_QUERIES: run through SQLAlchemy instead

    def __init__(self, statement: Statement, row: Callable[..., RowT]) -> None:
        self.statement, self.row, self.compiled = statement, row, dict[str, Compiled]()  # by dialect name

    def all(self, session: Session, /, **values: object) -> list[RowT]:
        """Return every row. Inside `writing`, the query is part of the transaction."""
        if self.through_session:
            return list(starmap(self.row, session.execute(self.statement, values)))
        connection = session.connection()
        dialect, driver = connection.dialect, connection.connection.driver_connection
        ready = self.compiled.get(dialect.name) or Compiled(self.statement, dialect)
        self.compiled[dialect.name], parameters = ready, ready.constants | values
        parameters |= {name: convert(parameters[name]) for name, convert in ready.binds.items()}
        start, base = time.perf_counter(), dialect.loaded_dbapi.Error
        try:
            rows = driver.execute(ready.sql, parameters, **ready.options).fetchall()  # type: ignore[union-attr]
        except base as error:
            if gone := dialect.is_disconnect(error, driver, None):
                connection.invalidate(error)
                connection.engine.dispose()  # the other pooled connections lead to the same server
            raise DBAPIError.instance(ready.sql, None, error, base, True, gone, dialect) from error
        note_executed(connection, ready.sql, parameters, time.perf_counter() - start)
        if rows and any(ready.results):  # column by column
            pairs = zip(ready.results, zip(*rows, strict=True), strict=True)
            rows = zip(*(map(convert, column) if convert else column for convert, column in pairs), strict=True)
        return list(starmap(self.row, rows))


class Compiled:
    """A statement compiled for one database, with the converters of its parameters and columns."""

    def __init__(self, statement: Statement, dialect: Dialect) -> None:
        compiled = dialect.statement_compiler(dialect, statement)
        self.sql, self.constants = str(compiled), dict(compiled.params)
        self.options = {"prepare": True, "binary": True} if dialect.name == "postgresql" else {}
        kinds = {name: bind.type.dialect_impl(dialect) for bind, name in compiled.bind_names.items()}
        self.binds = {name: convert for name, kind in kinds.items() if (convert := kind.bind_processor(dialect))}
        types = (column.type.dialect_impl(dialect) for column in statement.exported_columns)
        self.results = [type_.result_processor(dialect, None) for type_ in types]
