"""Fill a database with a world, as fast as it takes rows: COPY on PostgreSQL, executemany on SQLite."""

from __future__ import annotations

import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import islice
from typing import Any

from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy.engine.url import make_url

from bench import world
from bench.world import Size

PASSWORD = "correct horse"
BATCH = 20_000
Rows = Iterator[tuple[Any, ...]]
# Not in the search index, which would take half an hour; nor may the worker fill it while something is measured.
NOT_TO_INDEX = "UPDATE search_due SET after = (SELECT max(id) FROM messages)"

TABLES = {
    "stores": ("id", "code", "name", "sort_name", "active", "created_at"),
    "users": ("id", "email", "email_key", "name", "password_hash", "is_admin", "active", "created_at"),
    "store_memberships": ("store_id", "user_id", "role", "active", "created_at"),
    "sign_in_sessions": ("id", "token_hash", "actor_type", "person_id", "store_id", "created_at", "last_used_at"),
    "customers": ("id", "store_id", "email", "email_key", "name", "sort_name", "active", "created_at"),
    "conversations": (
        "id", "conversation_type", "subject", "status", "store_id", "customer_id", "last_seq", "last_message_at",
        "last_message_preview", "last_sender_type", "last_sender_id", "last_sender_name", "created_at",
        "created_by_type", "created_by_id", "closed_at",
    ),
    "conversation_participants": (
        "conversation_id", "participant_type", "participant_id", "store_id", "unread_count", "last_read_seq",
        "last_read_at", "has_written", "email_notifications",
    ),
    "messages": (
        "id", "conversation_id", "seq", "kind", "sender_type", "sender_id", "sender_name", "content", "created_at",
    ),
}  # fmt: skip


def fill(url: str, size: Size) -> float:
    """Write the world of `size` into the empty database at `url`; answers the seconds it took."""
    started = time.monotonic()
    hashed = Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    rows: dict[str, Rows] = {
        "stores": world.stores(size),
        "users": world.users(size, hashed),
        "store_memberships": world.memberships(size),
        "sign_in_sessions": world.sessions(size),
        "customers": world.customers(size),
        "conversations": world.conversations(size),
        "conversation_participants": world.seats(size),
        "messages": world.messages(size),
    }
    load = _sqlite if make_url(url).get_backend_name() == "sqlite" else _postgresql
    load(url, {table: _shown(size, table, source, started) for table, source in rows.items()})
    seconds = time.monotonic() - started
    _say(f"{size.name}: seeded in {seconds:.1f} s")
    return seconds


def _shown(size: Size, table: str, rows: Rows, started: float) -> Rows:
    """`rows`, with a line of progress for every 100,000."""
    count = 0
    for count, row in enumerate(rows, 1):
        if count % 100_000 == 0:
            _say(f"{size.name}: {table} {count:,} ({time.monotonic() - started:.0f} s)")
        yield row


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _postgresql(url: str, tables: dict[str, Rows]) -> None:
    import psycopg

    with psycopg.connect(make_url(url).set(drivername="postgresql").render_as_string(False)) as link:
        # The rows fit together by construction (the doctor may check them): no look-up for each foreign key.
        link.execute("SET session_replication_role = replica")
        for table, rows in tables.items():
            with link.cursor().copy(f"COPY {table} ({', '.join(TABLES[table])}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
            if "id" in TABLES[table]:
                link.execute(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT max(id) FROM {table}))")
        link.execute(NOT_TO_INDEX)
        link.commit()
        link.autocommit = True
        link.execute("VACUUM ANALYZE")
        link.execute("CHECKPOINT")


def _sqlite(url: str, tables: dict[str, Rows]) -> None:
    link = sqlite3.connect(str(make_url(url).database), isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "cache_size=-200000"):
        link.execute(f"PRAGMA {pragma}")
    for table, rows in tables.items():
        columns = TABLES[table]
        insert = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"
        link.execute("BEGIN IMMEDIATE")
        for batch in _batches(rows):
            link.executemany(insert, batch)
        link.execute("COMMIT")
    link.execute(NOT_TO_INDEX)
    link.execute("ANALYZE")
    link.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    link.close()


def _batches(rows: Rows) -> Iterator[list[tuple[Any, ...]]]:
    convert: Callable[[Any], Any] = lambda value: _text(value) if isinstance(value, datetime) else value  # noqa: E731
    while batch := [tuple(map(convert, row)) for row in islice(rows, BATCH)]:
        yield batch


def _text(moment: datetime) -> str:
    """As SQLAlchemy stores it."""
    return moment.replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds")
