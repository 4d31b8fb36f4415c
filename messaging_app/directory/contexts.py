"""Contexts in a directory import: orders and the like, found by kind and reference within their store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.engine import Connection

from messaging_app.db.engine import now
from messaging_app.db.types import AnyRow, Fields, table_of
from messaging_app.db.upsert import insert_for
from messaging_app.directory.bulk import ROWS_AT_ONCE, chunks, update_rows
from messaging_app.directory.plan import Plan, PlannedStore
from messaging_app.directory.schema import ContextEntry, DirectoryError, path_of
from messaging_app.directory.upsert import Changes
from messaging_app.errors import Invalid
from messaging_app.models import Context, Customer
from messaging_app.models.context import Details, Fact, Named
from messaging_app.services import contexts
from messaging_app.text import email_key

CONTEXTS, CUSTOMERS = table_of(Context), table_of(Customer)


@dataclass(frozen=True, slots=True)
class _Planned:
    path: str
    entry: ContextEntry
    name: Named
    details: Details


def upsert_contexts(connection: Connection, plan: Plan, store_ids: dict[str, int], changes: Changes) -> None:
    """Write the contexts of every store in `plan`. A version that is not newer changes nothing, as in the API."""
    stores = [store for store in plan.stores if store.entry.contexts]
    kinds = contexts.kinds() if stores else []
    for store in stores:
        planned, store_id = _planned(store, kinds), store_ids[store.entry.code]
        for part in chunks(planned):
            _write(connection, store_id, part, changes)


def _planned(store: PlannedStore, kinds: list[str]) -> list[_Planned]:
    problems: list[str] = []
    found: dict[Named, _Planned] = {}
    for number, entry in enumerate(store.entry.contexts):
        path = f"{store.path}.{path_of('contexts', number)}"
        try:
            name = contexts.clean_name(entry.kind, entry.reference, kinds, ("kind", "reference"))
            details = contexts.check_details(_statement(entry))
        except Invalid as refusal:
            problems += [f"{path}.{error.field}: {error.message}" for error in refusal.errors]
            continue
        if name in found:
            problems.append(f"{path}.reference: already used at {found[name].path}.reference.")
        found.setdefault(name, _Planned(path, entry, name, details))
    if problems:
        raise DirectoryError(problems)
    return list(found.values())


def _statement(entry: ContextEntry) -> contexts.Statement:
    whose = entry.customer
    facts = [Fact(label=fact.label, value=fact.value) for fact in entry.facts]
    number, email = (whose.external_id, whose.email) if whose else (None, None)
    return contexts.Statement(number, email, entry.title, entry.url, entry.state, facts, entry.version)


def _write(connection: Connection, store_id: int, part: Sequence[_Planned], changes: Changes) -> None:
    known = _known(connection, store_id, part)
    customers = _customers(connection, store_id, part)
    problems: list[str] = []
    new: list[Fields] = []
    changed: list[Fields] = []
    for planned in part:
        row, customer_id = known.get(planned.name), _whose(planned, customers, problems)
        if row is not None and customer_id is None:
            customer_id = row.customer_id
        if row is not None and row.version and row.customer_id != customer_id:
            problems.append(f"{planned.path}.customer: is another than that of the same number in the database.")
        is_newer = row is None or planned.details["version"] > row.version
        changes.counts["contexts", "new" if row is None else "changed" if is_newer else "unchanged"] += 1
        if not is_newer:
            continue
        at = now()
        wanted: Fields = {"customer_id": customer_id, "updated_at": at, **planned.details}
        if row is None:
            new.append({"store_id": store_id, "created_at": at, **planned.name._asdict(), **wanted})
        else:
            changed.append({"id": row.id, **wanted})
    if problems:
        raise DirectoryError(problems)
    update_rows(connection, CONTEXTS, changed, "id")
    for rows in chunks(new, ROWS_AT_ONCE):
        # What the shop states by API at this very moment is newer than a file.
        stated = insert_for(connection.dialect.name, CONTEXTS).on_conflict_do_nothing()
        connection.execute(stated, rows)


def _known(connection: Connection, store_id: int, part: Sequence[_Planned]) -> dict[Named, AnyRow]:
    references = [planned.name.reference for planned in part]
    rows = connection.execute(
        select(CONTEXTS).where(CONTEXTS.c.store_id == store_id, CONTEXTS.c.reference.in_(references)).with_for_update()
    )
    return {Named(row.kind, row.reference): row for row in rows}


def _customers(connection: Connection, store_id: int, part: Sequence[_Planned]) -> dict[tuple[str, str], int]:
    """Return the ids of the customers that are named, by (external_id or email_key, value)."""
    named = [planned.entry.customer for planned in part if planned.entry.customer]
    values = {
        "external_id": [whose.external_id for whose in named if whose.external_id is not None],
        "email_key": [email_key(whose.email) for whose in named if whose.email is not None],
    }
    found: dict[tuple[str, str], int] = {}
    for column, wanted in values.items():
        of_store = (CUSTOMERS.c.store_id == store_id, CUSTOMERS.c[column].in_(wanted))
        rows = connection.execute(select(CUSTOMERS.c.id, CUSTOMERS.c[column]).where(*of_store)) if wanted else ()
        found |= {(column, value): number for number, value in rows}
    return found


def _whose(planned: _Planned, customers: dict[tuple[str, str], int], problems: list[str]) -> int | None:
    whose = planned.entry.customer
    if whose is None or (whose.external_id is None and whose.email is None):
        return None
    key = ("email_key", email_key(whose.email)) if whose.email is not None else ("external_id", whose.external_id or "")
    if key not in customers:
        problems.append(f"{planned.path}.customer: is no customer of this store.")
    return customers.get(key)
