"""PostgreSQL's prepared statements, each asked in one call of libpq.

The driver's own cursor comes back from waiting to Python several times a statement, and each time another thread may
have taken the interpreter: among four busy threads, getting it back cost a send a fifth of its time. Here it is let go
once, until the answer is there. Nothing may block under gevent, so there the cursor serves (see `statements.py`).
"""

from __future__ import annotations

import sys
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

from psycopg import Connection, OperationalError
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import error_from_result
from psycopg.pq import ConnStatus, ExecStatus, TransactionStatus
from psycopg.pq.abc import PGresult

KEPT = 100  # statements on one connection, as many as the driver itself would keep: each takes memory on the server
FINE = (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK)
BINARY = 1


def may_block() -> bool:
    """Whether a thread that waits keeps nobody else from working: not where greenlets take the place of threads."""
    gevent = sys.modules.get("gevent.monkey")
    return gevent is None or not gevent.is_module_patched("threading")


class Prepared:
    """What is prepared on one connection of the driver, the one that has been used longest ago first."""

    def __init__(self, connection: Connection[Any]) -> None:
        self.connection = connection
        self._names: OrderedDict[str, bytes] = OrderedDict()
        self._number = 0
        self._adapter = Transformer(connection)

    def ask(self, sql: str, parameters: Sequence[Any]) -> tuple[list[tuple[Any, ...]], Callable[[int], int]]:
        """The rows of `sql`, which names `parameters` $1, $2, …, and what tells the type of a column by its place.

        Raises the driver's errors. On a connection that is not in autocommit the first statement begins a transaction.
        """
        link = self.connection.pgconn
        if not self.connection.autocommit and link.transaction_status == TransactionStatus.IDLE:
            self.say("BEGIN")
        values: Any = self._adapter.dump_sequence(parameters, [PyFormat.TEXT] * len(parameters))
        result = self._checked(link.exec_prepared(self._name_of(sql), values, None, BINARY))
        self._adapter.set_pgresult(result)
        return self._adapter.load_rows(0, result.ntuples, tuple), result.ftype

    def say(self, words: str) -> None:
        """Run what has neither parameters nor rows."""
        self._checked(self.connection.pgconn.exec_(words.encode()))

    def _name_of(self, sql: str) -> bytes:
        link, name = self.connection.pgconn, self._names.get(sql)
        if name is None:
            if len(self._names) >= KEPT:
                self._checked(link.close_prepared(self._names.popitem(last=False)[1]))
            self._number += 1
            name = f"messaging_{self._number}".encode()
            self._checked(link.prepare(name, sql.encode()))
            self._names[sql] = name
        self._names.move_to_end(sql)
        return name

    def _checked(self, result: PGresult) -> PGresult:
        if result.status in FINE:
            return result
        error = error_from_result(result)
        if self.connection.pgconn.status == ConnStatus.BAD and not isinstance(error, OperationalError):
            raise OperationalError(str(error)) from error  # a server that went without a word gives no SQLSTATE
        raise error
