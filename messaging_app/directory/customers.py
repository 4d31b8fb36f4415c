"""Customers in a directory import: found by external id or e-mail within their store, written in bulk."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import select, update
from sqlalchemy.engine import Connection

from messaging_app.db.types import AnyRow, Fields, table_of
from messaging_app.directory import terms
from messaging_app.directory.bulk import ROWS_AT_ONCE, chunks, insert_returning, update_rows
from messaging_app.directory.plan import Plan, PlannedCustomer, PlannedStore
from messaging_app.directory.schema import DirectoryError
from messaging_app.directory.upsert import Changes, needs_name, stored_hash
from messaging_app.models import Customer

CUSTOMERS = table_of(Customer)


class _Batch:
    """Rows to be written together, across stores."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.new: list[Fields] = []
        self.changed: list[Fields] = []
        self.words: terms.Words = {}

    def write(self) -> None:
        update_rows(self.connection, CUSTOMERS, self.changed, "id")
        terms.change_words(self.connection, "customer", self.words)
        c = CUSTOMERS.c
        rows = insert_returning(self.connection, CUSTOMERS, self.new, c.id, c.store_id, c.name, c.email, c.external_id)
        found = {r.id: (r.store_id, terms.words_of_customer(r.name, r.email, r.external_id)) for r in rows}
        terms.add_words(self.connection, "customer", found)
        self.new, self.changed, self.words = [], [], {}


def upsert_customers(
    connection: Connection, plan: Plan, store_ids: dict[str, int], changes: Changes, progress: Callable[[str], None]
) -> None:
    """Write the customers of every store in `plan`."""
    total = sum(len(store.customers) for store in plan.stores)
    done = told = 0
    batch = _Batch(connection)
    for store in plan.stores:
        _of_store(connection, store, store_ids[store.entry.code], batch, changes)
        done += len(store.customers)
        if len(batch.new) + len(batch.changed) >= ROWS_AT_ONCE or done == total:
            batch.write()
        if done - told >= ROWS_AT_ONCE or (done == total and done > told):
            progress(f"customers: {done:,} of {total:,}")
            told = done


def _of_store(connection: Connection, store: PlannedStore, store_id: int, batch: _Batch, changes: Changes) -> None:
    rows = _known(connection, store_id, store.customers) if store.customers else []
    matched = _match(store.customers, rows)
    _free_emails(connection, matched)
    for customer, row in matched:
        wanted = {"store_id": store_id, **_wanted(customer, row)}
        if not changes.note("customers", row, wanted):
            continue
        if row is None:
            batch.new.append(wanted)
            continue
        batch.changed.append({"id": row.id, **wanted})
        if (row.active and not wanted["active"]) or row.password_hash != wanted["password_hash"]:
            changes.customers_out.add(row.id)
        if row.password_hash and row.password_hash != wanted["password_hash"]:
            changes.customers_changed.add(row.id)
        if wanted["active"] and not row.active:
            changes.customers_back.add(row.id)
        words = terms.words_of_customer(str(wanted["name"]), customer.email, customer.external_id or row.external_id)
        if words != terms.words_of_customer(row.name, row.email, row.external_id):
            batch.words[row.id] = (store_id, words)


def _known(connection: Connection, store_id: int, customers: list[PlannedCustomer]) -> list[AnyRow]:
    """Return the rows of this store that have an external id or an e-mail from the file."""
    rows: dict[int, AnyRow] = {}
    for part in chunks(customers):
        numbers = [c.external_id for c in part if c.external_id is not None]
        by_email = CUSTOMERS.c.email_key.in_([c.key for c in part])
        for condition in (by_email, CUSTOMERS.c.external_id.in_(numbers)) if numbers else (by_email,):
            found = connection.execute(select(CUSTOMERS).where(CUSTOMERS.c.store_id == store_id, condition))
            rows.update((row.id, row) for row in found)
    return list(rows.values())


def _match(customers: list[PlannedCustomer], rows: list[AnyRow]) -> list[tuple[PlannedCustomer, AnyRow | None]]:
    """Match each customer of the file with their row. Raises `DirectoryError` if two share a row or an e-mail.

    The external id decides if given. A row without one, found by e-mail, takes it on.
    """
    by_number = {row.external_id: row for row in rows if row.external_id is not None}
    by_email = {row.email_key: row for row in rows}
    matched: list[tuple[PlannedCustomer, AnyRow | None]] = []
    taken: dict[int, PlannedCustomer] = {}
    problems = []
    for customer in customers:
        row = by_email.get(customer.key)
        if customer.external_id is not None:
            adoptable = row if row is not None and row.external_id is None else None
            row = by_number.get(customer.external_id, adoptable)
        if row is not None and row.id in taken:
            problems.append(f"{customer.path}: is the same customer as {taken[row.id].path}.")
        elif row is not None:
            taken[row.id] = customer
        matched.append((customer, row))
    for customer, row in matched:
        holder = by_email.get(customer.key)
        if holder is None or (row is not None and holder.id == row.id):
            continue
        mover = taken.get(holder.id)
        if mover is None or mover.key == holder.email_key:
            number = f" (external_id {holder.external_id})" if holder.external_id is not None else ""
            problems.append(f"{customer.path}.email: belongs to another customer of this store{number}.")
    if problems:
        raise DirectoryError(problems)
    return matched


def _free_emails(connection: Connection, matched: list[tuple[PlannedCustomer, AnyRow | None]]) -> None:
    """Clear e-mails that pass from one customer to another, because they must be unique at every moment."""
    movers = {row.email_key: row for customer, row in matched if row is not None and row.email_key != customer.key}
    for customer, _ in matched:
        if customer.key in movers:
            row = movers[customer.key]
            connection.execute(update(CUSTOMERS).where(CUSTOMERS.c.id == row.id).values(email_key=f"\x1f{row.id}"))


def _wanted(customer: PlannedCustomer, row: AnyRow | None) -> Fields:
    name = customer.name or (row.name if row else None)
    if name is None:
        raise needs_name(customer.path)
    return {
        "external_id": customer.external_id or (row.external_id if row else None),
        "email": customer.email,
        "email_key": customer.key,
        "name": name,
        "sort_name": terms.sort_name(name),
        "password_hash": stored_hash(customer.secret, row),
        "active": customer.active if customer.active is not None else (row.active if row else True),
    }
