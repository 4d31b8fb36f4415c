"""The one transaction of a directory import: stores, then people, then the consequences of the changes."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.engine import Connection

from messaging_app.db.types import AnyRow, Fields, table_of
from messaging_app.directory import terms
from messaging_app.directory.bulk import chunks, insert_returning, insert_rows, rows_by, update_rows
from messaging_app.directory.plan import Plan, PlannedMember, PlannedStore, PlannedUser, Secret
from messaging_app.directory.schema import DirectoryError
from messaging_app.models import Store, StoreMembership, User
from messaging_app.models.platform import ALWAYS
from messaging_app.services import audit

STORES = table_of(Store)
USERS = table_of(User)
MEMBERS = table_of(StoreMembership)


@dataclass
class Changes:
    """What an import did, and who must be signed out or becomes active again. Counts are keyed by (noun, verb)."""

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    users_out: set[int] = field(default_factory=set)  # signed out everywhere: deactivated, or new password
    admins_out: set[int] = field(default_factory=set)  # only their access as admins ends
    customers_out: set[int] = field(default_factory=set)
    users_changed: set[int] = field(default_factory=set)  # the part of `users_out` with a new password
    customers_changed: set[int] = field(default_factory=set)
    members_out: set[tuple[int, int]] = field(default_factory=set)  # (store, user)
    stores_out: set[int] = field(default_factory=set)
    admins_back: set[int] = field(default_factory=set)
    users_back: set[int] = field(default_factory=set)
    customers_back: set[int] = field(default_factory=set)
    members_back: set[tuple[int, int]] = field(default_factory=set)  # (store, user)
    stores_back: set[int] = field(default_factory=set)
    rights: list[tuple[str, str, audit.Facts, audit.Facts]] = field(default_factory=list)  # for the audit trail
    logos_replaced: list[tuple[str, str]] = field(default_factory=list)  # (code, the former value of Store.logo)

    def note(self, noun: str, row: AnyRow | None, wanted: Fields) -> bool:
        """Count a row as new, changed or unchanged. Returns whether it must be written."""
        differs = row is None or any(getattr(row, name) != value for name, value in wanted.items())
        self.counts[noun, "new" if row is None else "changed" if differs else "unchanged"] += 1
        return differs


def needs_name(path: str) -> DirectoryError:
    """The error for a new person without a name."""
    return DirectoryError([f"{path}.name: is missing, and there is no such entry in the database to keep it from."])


def upsert_stores(connection: Connection, plan: Plan, changes: Changes) -> dict[str, int]:
    """Write the stores of `plan`. Returns their ids by code."""
    known = rows_by(connection, STORES, "code", [store.entry.code for store in plan.stores])
    new, changed = [], []
    renamed: terms.Words = {}
    for store in plan.stores:
        row = known.get(store.entry.code)
        wanted = _wanted_store(store, row)
        if not changes.note("stores", row, wanted):
            continue
        if row is None:
            new.append(wanted)
            continue
        changed.append({"id": row.id, **wanted})
        if row.active != wanted["active"]:
            (changes.stores_back if wanted["active"] else changes.stores_out).add(row.id)
        if row.logo and row.logo != wanted["logo"]:
            changes.logos_replaced.append((row.code, row.logo))
        if row.name != wanted["name"]:
            renamed[row.id] = (row.id, terms.words_of_store(str(wanted["name"]), row.code))
    ids = {code: row.id for code, row in known.items()}
    update_rows(connection, STORES, changed, "id")
    added: terms.Words = {}
    for row in insert_returning(connection, STORES, new, STORES.c.id, STORES.c.code, STORES.c.name):
        ids[row.code] = row.id
        added[row.id] = (row.id, terms.words_of_store(row.name, row.code))
    terms.add_words(connection, "store", added)
    terms.change_words(connection, "store", renamed)
    return ids


def upsert_users(connection: Connection, plan: Plan, changes: Changes) -> dict[str, int]:
    """Write admins and staff. Returns the users' ids by e-mail key."""
    known = rows_by(connection, USERS, "email_key", list(plan.users))
    staff = _staff_of(connection, plan, known)
    new, changed = [], []
    for key, user in plan.users.items():
        row = known.get(key)
        wanted = _wanted_user(user, row, key in staff)
        if not changes.note("users", row, wanted):
            continue
        _note_user(changes, key, row, wanted)
        if row is None:
            new.append(wanted)
            continue
        changed.append({"id": row.id, **wanted})
        if (row.active and not wanted["active"]) or row.password_hash != wanted["password_hash"]:
            changes.users_out.add(row.id)
        if row.password_hash and row.password_hash != wanted["password_hash"]:
            changes.users_changed.add(row.id)
        if row.is_admin and not wanted["is_admin"]:
            changes.admins_out.add(row.id)
        if wanted["active"] and not row.active:
            changes.users_back.add(row.id)
        if wanted["is_admin"] and not row.is_admin:
            changes.admins_back.add(row.id)
    ids = {key: row.id for key, row in known.items()}
    update_rows(connection, USERS, changed, "id")
    ids.update(
        (row.email_key, row.id) for row in insert_returning(connection, USERS, new, USERS.c.id, USERS.c.email_key)
    )
    return ids


def upsert_members(
    connection: Connection, plan: Plan, store_ids: dict[str, int], user_ids: dict[str, int], changes: Changes
) -> None:
    """Write the members of each store's staff."""
    new: list[Fields] = []
    changed: list[Fields] = []
    for stores in chunks(plan.stores):
        numbers = [store_ids[store.entry.code] for store in stores if store.members]
        rows = connection.execute(select(MEMBERS).where(MEMBERS.c.store_id.in_(numbers)))
        known = {(row.store_id, row.user_id): row for row in rows}
        for store in stores:
            for member in store.members:
                place = (store_ids[store.entry.code], user_ids[member.key])
                row = known.get(place)
                if (wanted := _wanted_member(member, row, changes)) is None:
                    continue
                (new if row is None else changed).append({"store_id": place[0], "user_id": place[1], **wanted})
                _note_member(changes, member.key, store.entry.code, row, wanted)
                if row is not None and row.active != wanted["active"]:
                    (changes.members_back if wanted["active"] else changes.members_out).add(place)
    insert_rows(connection, MEMBERS, new)
    update_rows(connection, MEMBERS, changed, "store_id", "user_id")


def stored_hash(secret: Secret | None, row: AnyRow | None) -> str | None:
    """Return the password hash to store: the new one, or the existing one."""
    if secret is not None and secret.new_hash is not None:
        return secret.new_hash
    return row.password_hash if row is not None else None


def _wanted_member(member: PlannedMember, row: AnyRow | None, changes: Changes) -> Fields | None:
    wanted = {
        "role": member.role or (row.role if row else "staff"),
        "active": member.active if member.active is not None else (row.active if row else True),
    }
    return wanted if changes.note("memberships", row, wanted) else None


def _note_user(changes: Changes, key: str, row: AnyRow | None, wanted: Fields) -> None:
    """Note for the audit trail what the import does to a user's rights."""
    if wanted["is_admin"] != bool(row and row.is_admin):
        changes.rights.append(("admin.added" if wanted["is_admin"] else "admin.removed", key, {}, {}))
    if row is None:
        return
    if row.active != wanted["active"]:
        changes.rights.append(("user.reactivated" if wanted["active"] else "user.deactivated", key, {}, {}))
    if row.password_hash != wanted["password_hash"]:
        changes.rights.append(("password.changed", key, {}, {}))


def _note_member(changes: Changes, key: str, code: str, row: AnyRow | None, wanted: Fields) -> None:
    """Note for the audit trail what the import does to a membership."""
    was: audit.Facts | None = {"store": code, "role": row.role} if row is not None and row.active else None
    becomes: audit.Facts | None = {"store": code, "role": str(wanted["role"])} if wanted["active"] else None
    if was != becomes:
        verb = "added" if was is None else "removed" if becomes is None else "role_changed"
        changes.rights.append((f"membership.{verb}", key, was or {}, becomes or {}))


def _wanted_store(store: PlannedStore, row: AnyRow | None) -> Fields:
    entry = store.entry
    name = entry.name or (row.name if row else None)
    if name is None:
        raise needs_name(store.path)
    narrow = entry.staff_see_only_assigned
    return {
        "code": entry.code,
        "name": name,
        "sort_name": terms.sort_name(name),
        "active": entry.active if entry.active is not None else (row.active if row else True),
        "accent": entry.accent if store.gives("accent") else (row.accent if row else None),
        "logo": store.logo if store.gives("logo") else (row.logo if row else None),
        "hours": entry.hours if entry.hours is not None else (row.hours if row else ""),
        "customers_may_start": entry.customers_may_start or (row.customers_may_start if row else ALWAYS),
        "staff_see_only_assigned": narrow if narrow is not None else bool(row and row.staff_see_only_assigned),
    }


def _staff_of(connection: Connection, plan: Plan, known: dict[str, AnyRow]) -> set[str]:
    """Return the admins deactivated by `plan` who are or were staff of a store, in the database or the file."""
    ended = {user.key for user in plan.users.values() if user.active is False}
    places = {member.key for store in plan.stores for member in store.members}
    keys = {known[key].id: key for key in ended if key in known}
    for part in chunks(sorted(keys)):
        rows = connection.execute(select(MEMBERS.c.user_id).where(MEMBERS.c.user_id.in_(part)))
        places.update(keys[row.user_id] for row in rows)
    return ended & places


def _wanted_user(user: PlannedUser, row: AnyRow | None, is_staff: bool) -> Fields:
    """Return the row of a user. `"active": false` for an admin removes the admin right; a staff member stays active."""
    ended = user.active is False
    active = None if ended and is_staff else user.active
    name = user.name or (row.name if row else None)
    if name is None:
        raise needs_name(user.path)
    return {
        "email": user.email,
        "email_key": user.key,
        "name": name,
        "password_hash": stored_hash(user.secret, row),
        "is_admin": not ended and (user.is_admin or bool(row and row.is_admin)),
        "active": active if active is not None else (row.active if row else True),
    }
