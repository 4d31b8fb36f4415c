"""From a directory file to the desired state: one entry per person; duplicates and contradictions are refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from messaging_app.directory.schema import (
    CustomerEntry,
    Directory,
    DirectoryError,
    PersonEntry,
    StaffEntry,
    StoreEntry,
    path_of,
)
from messaging_app.text import email_key


@dataclass(slots=True)
class Secret:
    """A password from the file, in plain text or as a hash. `new_hash` is what to store; None changes nothing."""

    path: str
    password: str | None = field(repr=False)
    given_hash: str | None = field(repr=False)
    new_hash: str | None = field(default=None, repr=False)

    def same_as(self, other: Secret) -> bool:
        """Whether two entries of one person agree."""
        return (self.password, self.given_hash) == (other.password, other.given_hash)


@dataclass(slots=True)
class PlannedUser:
    """An admin or staff member. None leaves a value unchanged; `active` comes from the admin's entry."""

    path: str
    email: str
    key: str
    name: str | None
    is_admin: bool = False
    active: bool | None = None
    secret: Secret | None = None


@dataclass(slots=True)
class PlannedMember:
    """A membership of a store's staff."""

    path: str
    key: str
    role: str | None
    active: bool | None


@dataclass(slots=True)
class PlannedCustomer:
    """A customer of a store."""

    path: str
    external_id: str | None
    email: str
    key: str
    name: str | None
    active: bool | None
    secret: Secret | None


@dataclass(slots=True)
class PlannedStore:
    """A store with its staff and customers."""

    path: str
    entry: StoreEntry
    members: list[PlannedMember]
    customers: list[PlannedCustomer]
    logo: str | None = None  # the value of `Store.logo` after the picture is stored

    def gives(self, name: str) -> bool:
        """Whether the file contains this field (null counts)."""
        return name in self.entry.model_fields_set


@dataclass(slots=True)
class Plan:
    """Everything that a directory file asks for."""

    users: dict[str, PlannedUser]
    stores: list[PlannedStore]

    def secrets(self) -> Iterator[tuple[PlannedStore | None, PlannedUser | PlannedCustomer, Secret]]:
        """Yield every password in the file with its owner and the store of a customer (None for a user)."""
        for user in self.users.values():
            if user.secret is not None:
                yield None, user, user.secret
        for store in self.stores:
            for customer in store.customers:
                if customer.secret is not None:
                    yield store, customer, customer.secret


def make_plan(directory: Directory) -> Plan:
    """Return the plan for `directory`. Raises `DirectoryError` naming both paths of a duplicate or contradiction."""
    problems: list[str] = []
    users: dict[str, PlannedUser] = {}
    admins: dict[str, str] = {}
    for number, admin in enumerate(directory.admins):
        path = path_of("admins", number)
        user = _user(users, admin, path, problems)
        user.is_admin, user.active = True, admin.active
        _unique(admins, user.key, path, "email", problems)
    codes: dict[str, str] = {}
    stores = []
    for number, entry in enumerate(directory.stores):
        path = path_of("stores", number)
        _unique(codes, entry.code, path, "code", problems)
        members = _members(users, entry.staff, path, problems)
        stores.append(PlannedStore(path, entry, members, _customers(entry.customers, path, problems)))
    if problems:
        raise DirectoryError(problems)
    return Plan(users, stores)


def _user(users: dict[str, PlannedUser], entry: PersonEntry, path: str, problems: list[str]) -> PlannedUser:
    """Return the one user with this e-mail. If several entries differ in spelling, the last one counts."""
    key = email_key(entry.email)
    user = users.setdefault(key, PlannedUser(path, entry.email, key, entry.name))
    user.email, user.name = entry.email, entry.name or user.name
    secret = _secret(entry, path)
    if secret is not None:
        if user.secret is not None and not user.secret.same_as(secret):
            problems.append(f"{secret.path}: the same person has another password at {user.secret.path}.")
        user.secret = user.secret or secret
    return user


def _members(
    users: dict[str, PlannedUser], staff: list[StaffEntry], store: str, problems: list[str]
) -> list[PlannedMember]:
    members = []
    seen: dict[str, str] = {}
    for number, entry in enumerate(staff):
        path = f"{store}.{path_of('staff', number)}"
        user = _user(users, entry, path, problems)
        _unique(seen, user.key, path, "email", problems)
        members.append(PlannedMember(path, user.key, entry.role, entry.active))
    return members


def _customers(entries: list[CustomerEntry], store: str, problems: list[str]) -> list[PlannedCustomer]:
    customers = []
    emails: dict[str, str] = {}
    numbers: dict[str, str] = {}
    for number, entry in enumerate(entries):
        path = f"{store}.{path_of('customers', number)}"
        key = email_key(entry.email)
        _unique(emails, key, path, "email", problems)
        if entry.external_id is not None:
            _unique(numbers, entry.external_id, path, "external_id", problems)
        customers.append(
            PlannedCustomer(path, entry.external_id, entry.email, key, entry.name, entry.active, _secret(entry, path))
        )
    return customers


def _secret(entry: PersonEntry, path: str) -> Secret | None:
    if entry.password is not None:
        return Secret(f"{path}.password", entry.password, None)
    if entry.password_hash is not None:
        return Secret(f"{path}.password_hash", None, entry.password_hash)
    return None


def _unique(seen: dict[str, str], key: str, path: str, field: str, problems: list[str]) -> None:
    if key in seen:
        problems.append(f"{path}.{field}: already used at {seen[key]}.{field}.")
    seen.setdefault(key, path)
