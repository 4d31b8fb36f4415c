"""Directory import: stores, staff, admins and customers from a JSON file; idempotent, all or nothing.

The steps in order: `schema` parses the file and `values` its values, `plan` merges entries per person, `hashing` and
`logos` do the slow work, `upsert`, `customers` and `contexts` write in one transaction (using `bulk` and `terms`), `seats` handles
those who become active again, `trail` records it. Names that changed are indexed at the end, in transactions of their
own.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sqlalchemy import ColumnElement, select, text

from messaging_app.accounts import tokens
from messaging_app.accounts.sessions import end_sessions_of
from messaging_app.actors import ActorType
from messaging_app.db.engine import writing
from messaging_app.db.types import DbSession
from messaging_app.directory import seats
from messaging_app.directory.bulk import chunks
from messaging_app.directory.contexts import upsert_contexts
from messaging_app.directory.customers import upsert_customers
from messaging_app.directory.hashing import prepare_secrets
from messaging_app.directory.leaving import give_back
from messaging_app.directory.logos import forget, kept, key_of, prepare_logos
from messaging_app.directory.plan import Plan, make_plan
from messaging_app.directory.schema import DirectoryError, parse, read
from messaging_app.directory.trail import record_import
from messaging_app.directory.upsert import Changes, upsert_members, upsert_stores, upsert_users
from messaging_app.extensions import db
from messaging_app.models import SignInSession
from messaging_app.search import indexing
from messaging_app.storage import StorageUnavailable

__all__ = ["Changes", "DirectoryError", "Plan", "apply", "import_file", "make_plan", "parse", "prepare_secrets"]

Progress = Callable[[str], None]
_Row = SignInSession
_ONE_IMPORT_AT_A_TIME = 4_711_001  # key of an advisory lock on PostgreSQL


def import_file(path: Path, progress: Progress = lambda line: None, *, keep_tokens: bool = False) -> Changes:
    """Import the directory file `path`. Raises `DirectoryError` and changes nothing if it has a fault.

    `progress` receives lines of text. A changed password signs its user out and ends their tokens, unless
    `keep_tokens`. Passwords are hashed and pictures read before the one write transaction.
    """
    plan = make_plan(read(path))
    progress(f"file: {len(plan.stores):,} stores, {len(plan.users):,} users")
    logos = prepare_logos(plan, path.parent)
    prepare_secrets(plan, progress)
    try:
        with kept(logos), writing(db.session) as session:
            changes = apply(session, plan, progress)
            if not keep_tokens:
                _end_tokens(session, changes)
            record_import(session, changes, path.name)
    except StorageUnavailable as error:
        raise DirectoryError([f"The storage of logos does not answer: {error}."]) from None
    for code, logo in changes.logos_replaced:
        forget(key_of(code, logo))
    indexing.run(db.session)
    return changes


def apply(session: DbSession, plan: Plan, progress: Progress = lambda line: None) -> Changes:
    """Write `plan`, with its passwords prepared, within the caller's write transaction."""
    connection = session.connection()
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL statement_timeout = '10min'"))
        if not connection.scalar(select(text(f"pg_try_advisory_xact_lock({_ONE_IMPORT_AT_A_TIME})"))):
            raise DirectoryError(
                ["Another import is running. Nothing was changed; run this one again when it is done."]
            )
    changes = Changes()
    store_ids = upsert_stores(connection, plan, changes)
    user_ids = upsert_users(connection, plan, changes)
    upsert_members(connection, plan, store_ids, user_ids, changes)
    progress(f"stores: {len(store_ids):,}; users: {len(user_ids):,}")
    upsert_customers(connection, plan, store_ids, changes, progress)
    upsert_contexts(connection, plan, store_ids, changes)
    _sign_out(session, changes)
    tokens.end_orphans(session)
    left = {user_id for _store, user_id in changes.members_out}
    give_back(connection, left | changes.users_out | changes.admins_out)
    _bring_back(session, changes)
    return changes


def _sign_out(session: DbSession, changes: Changes) -> None:
    """End the sessions of those who were deactivated or have a new password."""
    for actor_type, person_ids in (
        (ActorType.ADMIN, changes.users_out | changes.admins_out),
        (ActorType.STORE, changes.users_out),
        (ActorType.CUSTOMER, changes.customers_out),
    ):
        for part in chunks(sorted(person_ids)):
            for _, person_id in _signed_in(session, _Row.actor_type == actor_type, _Row.person_id.in_(part)):
                end_sessions_of(actor_type, person_id)
    for store_id, user_id in changes.members_out:
        end_sessions_of(ActorType.STORE, user_id, store_id)
    for store_id in changes.stores_out:
        for actor_type, person_id in _signed_in(session, _Row.store_id == store_id):
            end_sessions_of(actor_type, person_id, store_id)


def _end_tokens(session: DbSession, changes: Changes) -> None:
    """End the tokens of those with a new password."""
    ended = 0
    users, customers = (ActorType.ADMIN, ActorType.STORE), (ActorType.CUSTOMER,)
    for roles, person_ids in ((users, changes.users_changed), (customers, changes.customers_changed)):
        for part in chunks(sorted(person_ids)):
            ended += tokens.end_tokens_of(session, roles, part)
    if ended:
        changes.counts["tokens", "ended"] = ended


def _signed_in(session: DbSession, *conditions: ColumnElement[bool]) -> list[tuple[ActorType, int]]:
    query = select(_Row.actor_type, _Row.person_id).where(_Row.ended_at.is_(None), *conditions).distinct()
    return [(ActorType(actor_type), person_id) for actor_type, person_id in session.execute(query)]


def _bring_back(session: DbSession, changes: Changes) -> None:
    connection = session.connection()
    for store_id in sorted(changes.stores_back):
        seats.store_returns(connection, store_id)
    seats.staff_return(connection, sorted(changes.members_back))
    seats.users_return(connection, sorted(changes.users_back))
    seats.admins_return(connection, sorted(changes.admins_back))
    seats.customers_return(connection, sorted(changes.customers_back))
