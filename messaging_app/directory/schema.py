"""The schema of a directory file, and how its faults are reported. Independent of the database."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from messaging_app.db.types import MAX_ID
from messaging_app.directory.values import (
    TWICE,
    Accent,
    Code,
    Email,
    ExternalId,
    FileName,
    Hours,
    Name,
    Once,
    Password,
    PasswordHash,
    Role,
    Switch,
)

FILE_MAX = 256 * 2**20
PROBLEMS_SHOWN = 20


class DirectoryError(Exception):
    """A directory file that cannot be imported. `problems` are sentences, each with its line or path."""

    def __init__(self, problems: list[str]) -> None:
        more = len(problems) - PROBLEMS_SHOWN
        self.problems = problems[:PROBLEMS_SHOWN] + ([f"… and {more} more problems."] if more > 0 else [])
        super().__init__("\n".join(self.problems))


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    active: Switch = None


class PersonEntry(_Entry):
    """The fields that admins, staff and customers share. Absent (None) means unchanged."""

    email: Email
    name: Name | None = None
    password: Password | None = Field(None, repr=False)
    password_hash: PasswordHash | None = Field(None, repr=False)

    @model_validator(mode="after")
    def _one_password(self) -> PersonEntry:
        if self.password is not None and self.password_hash is not None:
            raise ValueError("give password or password_hash, not both")
        return self


class StaffEntry(PersonEntry):
    """A staff member of the store that contains the entry."""

    role: Role | None = None


class CustomerEntry(PersonEntry):
    """A customer of the store that contains the entry."""

    external_id: ExternalId | None = None


class FactEntry(BaseModel):
    """A line of a context."""

    model_config = ConfigDict(extra="forbid", strict=True)

    label: Annotated[str, Once]
    value: Annotated[str, Once]


class CustomerName(BaseModel):
    """The customer of a context."""

    model_config = ConfigDict(extra="forbid", strict=True)

    external_id: ExternalId | None = None
    email: Email | None = None


class ContextEntry(BaseModel):
    """What conversations of the store that contains the entry can be about. Its texts are judged as in the API."""

    model_config = ConfigDict(extra="forbid", strict=True)

    kind: Annotated[str, Once]
    reference: Annotated[str, Once]
    customer: Annotated[CustomerName, Once] | None = None
    title: Annotated[str, Once]
    url: Annotated[str, Once] | None = None
    state: Annotated[str, Once] | None = None
    facts: Annotated[list[FactEntry], Once] = []
    version: Annotated[int, Field(ge=1, le=MAX_ID), Once]


class StoreEntry(_Entry):
    """A store with its staff and customers. Null for `accent` or `logo` removes it."""

    code: Code
    name: Name | None = None
    accent: Accent | None = None
    logo: FileName | None = None
    staff_see_only_assigned: Annotated[bool, Once] | None = None
    hours: Hours | None = None
    customers_may_start: Annotated[Literal["never", "about_order", "always"], Once] | None = None
    staff: Annotated[list[StaffEntry], Once] = []
    customers: Annotated[list[CustomerEntry], Once] = []
    contexts: Annotated[list[ContextEntry], Once] = []


class Directory(BaseModel):
    """A whole directory file."""

    model_config = ConfigDict(extra="forbid", strict=True)

    admins: Annotated[list[PersonEntry], Once] = []
    stores: Annotated[list[StoreEntry], Once] = []


def read(path: Path) -> Directory:
    """Return the directory in the JSON file `path`. Raises `DirectoryError` naming the line or path of each fault."""
    try:
        if path.stat().st_size > FILE_MAX:
            raise DirectoryError([f"{path.name} is larger than {FILE_MAX // 2**20} MB; import it in parts."])
        content = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise DirectoryError([f"{path.name} cannot be read: {error.strerror}."]) from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise DirectoryError([f"line {line}: this is not UTF-8."]) from None
    try:
        data = json.loads(content, object_pairs_hook=_object)
    except json.JSONDecodeError as error:
        raise DirectoryError([f"line {error.lineno}, column {error.colno}: {error.msg}."]) from None
    except (RecursionError, ValueError):
        raise DirectoryError(["line 1: this is JSON, but nested too deeply or with too large a number."]) from None
    return parse(data)


def parse(data: object) -> Directory:
    """Return `data`, parsed JSON, as a directory. Raises `DirectoryError` naming the path of each fault."""
    try:
        return Directory.model_validate(data)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_context=False)
        raise DirectoryError([_sentence(fault) for fault in faults]) from None


def path_of(*location: str | int) -> str:
    """Return a location in the file in words: `path_of("stores", 3, "name")` is "stores[3].name"."""
    parts = "".join(f"[{part}]" if isinstance(part, int) else f".{_printable(part)}" for part in location)
    return parts.removeprefix(".") or "the file"


def _printable(key: str) -> str:
    return key if key.isprintable() else ascii(key)


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        keys = [key for key, _ in pairs]
        found.update((key, TWICE) for key in found if keys.count(key) > 1)
    return found


_SENTENCES = {
    "missing": "is missing",
    "extra_forbidden": "is not a known key",
    "string_type": "must be text in quotes",
    "bool_type": "must be true or false",
    "list_type": "must be a list",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
}


def _sentence(fault: ErrorDetails) -> str:
    reason = _SENTENCES.get(fault["type"]) or fault["msg"].removeprefix("Value error, ")
    return f"{path_of(*fault['loc'])}: {reason}."
