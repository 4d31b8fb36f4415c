"""Runs the migrations of the one chain that serves SQLite and PostgreSQL; called by `flask db …`."""

from contextlib import contextmanager
from logging.config import fileConfig

from alembic import context
from alembic.util import CommandError
from flask import current_app
from sqlalchemy.exc import DatabaseError

from messaging_app.db.engine import WRITING
from messaging_app.models.search import is_compared

config = context.config
if config.config_file_name and not current_app.config.get("QUIET_MIGRATIONS"):
    fileConfig(config.config_file_name, disable_existing_loggers=False)

database = current_app.extensions["migrate"].db

# Two upgrades at once wait for each other, as long as it takes.
ONE_AT_A_TIME = (
    "SET statement_timeout = 0; SET lock_timeout = 0; SELECT pg_advisory_lock(hashtext('messaging migrations'))"
)
# Who comes while a migration waits for its lock queues behind it: it gives up before the application would.
LITTLE_PATIENCE = "SET lock_timeout = '2s'"


def run_offline() -> None:
    """Print the SQL instead of running it (`flask db upgrade --sql`)."""
    url = database.engine.url.render_as_string(hide_password=False)
    context.configure(url=url, target_metadata=database.metadata, literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()


def run_online() -> None:
    """Run each migration in a transaction of its own: all of it or nothing."""
    with connect() as connection, references_unchecked(connection), one_at_a_time(connection):
        connection.execution_options(**WRITING[connection.dialect.name])  # the engine's own would commit each statement
        context.configure(
            connection=connection,
            target_metadata=database.metadata,
            include_object=is_compared,
            transaction_per_migration=True,
            transactional_ddl=True,  # SQLite too: see messaging_app/db/engine.py
            **current_app.extensions["migrate"].configure_args,
        )
        with context.begin_transaction():
            context.run_migrations()


def connect():
    """A connection; where there is none, a sentence and status 1."""
    try:
        return database.engine.connect()
    except DatabaseError as error:
        raise CommandError(
            f"the database refused: {error.orig}. Is it up, and does MESSAGING_DATABASE_URL lead to it?"
        ) from None


@contextmanager
def one_at_a_time(connection):
    """On PostgreSQL, alone and with little patience; lock and settings end with the connection, which nobody gets after us."""
    if connection.dialect.name != "postgresql":
        yield
        return
    connection.exec_driver_sql(ONE_AT_A_TIME)
    connection.exec_driver_sql(LITTLE_PATIENCE)
    connection.commit()
    try:
        yield
    finally:
        connection.invalidate()


@contextmanager
def references_unchecked(connection):
    """On SQLite a table is changed by making it anew; dropping the old one must not ask who refers to it.

    Afterwards everything is checked at once. The pragma counts only outside a transaction, so it goes past SQLAlchemy.
    """
    if connection.dialect.name != "sqlite":
        yield
        return
    link = connection.connection.dbapi_connection
    link.execute("PRAGMA foreign_keys=OFF")
    try:
        yield
        broken = link.execute("PRAGMA foreign_key_check").fetchall()
        if broken:
            raise SystemExit(f"The migration left rows that refer to nothing: {broken[:5]}")
    finally:
        link.execute("PRAGMA foreign_keys=ON")


if context.is_offline_mode():
    run_offline()
else:
    run_online()
