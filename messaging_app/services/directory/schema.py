"""The shape of a directory file, and the sentences for whatever does not fit it. Knows no database."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from messaging_app import text
from messaging_app.models.platform import ACCENTS
from messaging_app.passwords import PASSWORD_MAX, is_password_hash

FILE_MAX = 256 * 2**20
HASH_MAX = 255
PROBLEMS_SHOWN = 20
_EMAIL = re.compile(r"[^\s@]+@[^\s@.]+(?:\.[^\s@.]+)*")
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_COST = re.compile(r"\$m=(\d{1,7}),t=(\d{1,3}),p=(\d{1,2})\$")
_HASH_MEMORY_KB, _HASH_ROUNDS = 256 * 1024, 20


class DirectoryError(Exception):
    """A directory file that cannot be imported. `problems` are sentences, each with the line or path it concerns."""

    def __init__(self, problems: list[str]) -> None:
        more = len(problems) - PROBLEMS_SHOWN
        self.problems = problems[:PROBLEMS_SHOWN] + ([f"… and {more} more problems."] if more > 0 else [])
        super().__init__("\n".join(self.problems))


class _Twice:
    """Stands where a key is given twice in one object; no field accepts it."""


_TWICE: Final = _Twice()


def _name(raw: str) -> str:
    try:
        return text.clean_subject(raw)  # a name is one line of 1-200 characters, like a subject
    except text.TextRefused as refused:
        reasons = {"required": "is empty", "too_long": f"has more than {text.SUBJECT_MAX} characters"}
        raise ValueError(reasons.get(refused.code, "holds characters that cannot be stored")) from None


def _email(raw: str) -> str:
    email = raw.strip()
    key = text.email_key(email)
    if not email.isprintable() or not _EMAIL.fullmatch(email) or len(email) > 254 or len(key) > 254:
        raise ValueError("is not an e-mail address")
    return email


def _code(raw: str) -> str:
    if not _CODE.fullmatch(raw):
        raise ValueError("has 1-64 characters, ASCII letters, digits and . _ -, and begins with a letter or digit")
    return raw


def _accent(raw: str) -> str:
    if raw not in ACCENTS:
        raise ValueError(f"is one of {', '.join(ACCENTS)}; leave it out for indigo")
    return raw


def _short(most: int) -> Any:
    def check(raw: str) -> str:
        word = raw.strip()
        if not word or len(word) > most or not word.isprintable():
            raise ValueError(f"has 1-{most} printable characters")
        return word

    return AfterValidator(check)


def _password(raw: str) -> str:
    try:
        raw.encode()
    except UnicodeEncodeError:
        raise ValueError("holds characters that cannot be stored") from None
    if not 1 <= len(raw) <= PASSWORD_MAX:
        raise ValueError(f"has 1-{PASSWORD_MAX} characters")
    return raw


def _password_hash(raw: str) -> str:
    cost = _COST.search(raw)
    if len(raw) > HASH_MAX or cost is None or not is_password_hash(raw):
        raise ValueError("is not an argon2id hash in PHC string format ($argon2id$v=19$m=…,t=…,p=…$…$…)")
    if int(cost[1]) > _HASH_MEMORY_KB or int(cost[2]) > _HASH_ROUNDS:
        raise ValueError(f"costs more than m={_HASH_MEMORY_KB},t={_HASH_ROUNDS}: every sign-in would pay for it")
    return raw


def _once(value: Any) -> Any:
    if value is _TWICE:
        raise ValueError("stands twice in the same object")
    return value


Once = BeforeValidator(_once)
Name = Annotated[str, AfterValidator(_name), Once]
Email = Annotated[str, AfterValidator(_email), Once]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    active: Annotated[bool | None, Once] = None


class PersonEntry(_Entry):
    """What admins, staff and customers have in common. Absent (None) means: leave as it is."""

    email: Email
    name: Name | None = None
    password: Annotated[str, AfterValidator(_password), Once] | None = Field(None, repr=False)
    password_hash: Annotated[str, AfterValidator(_password_hash), Once] | None = Field(None, repr=False)

    @model_validator(mode="after")
    def _one_password(self) -> PersonEntry:
        if self.password is not None and self.password_hash is not None:
            raise ValueError("give password or password_hash, not both")
        return self


class StaffEntry(PersonEntry):
    """Somebody on the staff of the store in which the entry stands."""

    role: Annotated[str, _short(32), Once] | None = None


class CustomerEntry(PersonEntry):
    """A customer of the store in which the entry stands."""

    external_id: Annotated[str, _short(100), Once] | None = None


class StoreEntry(_Entry):
    """A store with its people. `accent` or `logo` given as null take it away."""

    code: Annotated[str, AfterValidator(_code), Once]
    name: Name | None = None
    accent: Annotated[str, AfterValidator(_accent), Once] | None = None
    logo: Annotated[str, _short(255), Once] | None = None
    staff: Annotated[list[StaffEntry], Once] = []
    customers: Annotated[list[CustomerEntry], Once] = []


class Directory(BaseModel):
    """A whole directory file."""

    model_config = ConfigDict(extra="forbid", strict=True)

    admins: Annotated[list[PersonEntry], Once] = []
    stores: Annotated[list[StoreEntry], Once] = []


def read(path: Path) -> Directory:
    """The directory in the JSON file `path`. Raises `DirectoryError` naming the line (syntax) or path of each fault."""
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


def parse(data: Any) -> Directory:
    """`data`, as JSON gives it, as a directory. Raises `DirectoryError` naming the path of each fault."""
    try:
        return Directory.model_validate(data)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_context=False)
        raise DirectoryError([_sentence(dict(fault)) for fault in faults]) from None


def path_of(*location: str | int) -> str:
    """A place in the file in words: `path_of("stores", 3, "name")` is "stores[3].name"."""
    parts = "".join(f"[{part}]" if isinstance(part, int) else f".{_printable(part)}" for part in location)
    return parts.removeprefix(".") or "the file"


def _printable(key: str) -> str:
    return key if key.isprintable() else ascii(key)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        keys = [key for key, _ in pairs]
        found.update((key, _TWICE) for key in found if keys.count(key) > 1)
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


def _sentence(fault: dict[str, Any]) -> str:
    reason = _SENTENCES.get(fault["type"]) or fault["msg"].removeprefix("Value error, ")
    return f"{path_of(*fault['loc'])}: {reason}."
