"""The values of a directory file: their formats, and the error for each invalid one.

Independent of the database. Every `ValueError` is the end of a sentence after the value's path: "stores[3].name: is
empty".
"""

from __future__ import annotations

import re
from typing import Annotated, Final

from pydantic import AfterValidator, BeforeValidator

from messaging_app import text
from messaging_app.accounts.passwords import PASSWORD_MAX, is_password_hash
from messaging_app.mail import NoAddress, address
from messaging_app.models.platform import ACCENTS

HASH_MAX = 255
_EMAIL = re.compile(r"[^\s@]+@[^\s@.]+(?:\.[^\s@.]+)*")
CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_COST = re.compile(r"\$m=(\d{1,7}),t=(\d{1,3}),p=(\d{1,2})\$")
_HASH_MEMORY_KB, _HASH_ROUNDS = 256 * 1024, 20


class _Twice:
    """A placeholder for a key that occurs twice in one object. No field accepts it."""


TWICE: Final = _Twice()


def clean_name(raw: str) -> str:
    """The name of a person or a store as it is stored."""
    try:
        return text.clean_subject(raw)  # a name is one line of 1-200 characters, like a subject
    except text.TextRefused as refused:
        reasons = {"required": "is empty", "too_long": f"has more than {text.SUBJECT_MAX} characters"}
        raise ValueError(reasons.get(refused.code, "holds characters that cannot be stored")) from None


def clean_email(raw: str) -> str:
    """An e-mail address as it is stored."""
    email = raw.strip()
    key = text.email_key(email)
    if not email.isprintable() or not _EMAIL.fullmatch(email) or len(email) > 254 or len(key) > 254:
        raise ValueError("is not an e-mail address")
    try:
        address("", email)
    except NoAddress:
        raise ValueError("is not an e-mail address that mail can use") from None
    return email


def _code(raw: str) -> str:
    if not CODE.fullmatch(raw):
        raise ValueError("has 1-64 characters, ASCII letters, digits and . _ -, and begins with a letter or digit")
    return raw


def _accent(raw: str) -> str:
    if raw not in ACCENTS:
        raise ValueError(f"is one of {', '.join(ACCENTS)}; leave it out for indigo")
    return raw


def _short(most: int) -> AfterValidator:
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


def _once(value: object) -> object:
    if value is TWICE:
        raise ValueError("appears twice in the same object")
    return value


Once = BeforeValidator(_once)
Name = Annotated[str, AfterValidator(clean_name), Once]
Email = Annotated[str, AfterValidator(clean_email), Once]
Code = Annotated[str, AfterValidator(_code), Once]
Accent = Annotated[str, AfterValidator(_accent), Once]
FileName = Annotated[str, _short(255), Once]
Hours = Annotated[str, _short(200), Once]
Role = Annotated[str, _short(32), Once]
ExternalId = Annotated[str, _short(100), Once]
Password = Annotated[str, AfterValidator(_password), Once]
PasswordHash = Annotated[str, AfterValidator(_password_hash), Once]
Switch = Annotated[bool | None, Once]
