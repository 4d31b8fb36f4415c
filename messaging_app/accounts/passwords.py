"""Passwords: argon2id, with the same cost whether or not a user exists, and a limit on parallel hashes to save memory.

Compared as RFC 8265 (OpaqueString) specifies: in NFC and with one kind of space, because keyboards and systems encode
the same characters differently.
"""

from __future__ import annotations

import threading
from functools import cache
from importlib.resources import files
from unicodedata import category, normalize

from flask_babel import lazy_gettext as _
from pwdlib import PasswordHash
from pwdlib.exceptions import PwdlibError
from pwdlib.hashers.argon2 import Argon2Hasher

from messaging_app.errors import FieldError, Invalid

PASSWORD_MAX = 1024
NEW_MIN, NEW_MAX = 10, 128  # characters of a password that a person chooses

_hasher = PasswordHash((Argon2Hasher(),))
_at_once = threading.BoundedSemaphore(4)  # each hash takes 64 MB
_dummy: list[str] = []


def check_new(password: str) -> str:
    """Return `password` if it is acceptable as a new one. Raises `Invalid` on field `password`."""
    try:
        length = len(_prepared(password).encode().decode())
    except UnicodeEncodeError:
        raise Invalid(FieldError("password", "invalid", _("This password cannot be stored. Choose another."))) from None
    if length < NEW_MIN:
        raise Invalid(FieldError("password", "too_short", _("Use at least %(min)s characters.", min=NEW_MIN)))
    if length > NEW_MAX:
        raise Invalid(FieldError("password", "too_long", _("Use at most %(max)s characters.", max=NEW_MAX)))
    if _prepared(password).lower() in _common():
        sentence = _("This is one of the 10,000 most common passwords and easy to guess. Choose another.")
        raise Invalid(FieldError("password", "common", sentence))
    return password


@cache
def _common() -> frozenset[str]:
    """The 10,000 most common passwords, in lower case; see data/common_passwords.LICENSE for their source."""
    return frozenset((files("messaging_app") / "data" / "common_passwords.txt").read_text("ascii").split())


def hash_password(password: str) -> str:
    """Return `password` as an argon2id PHC string. Takes about 0.15 s and 64 MB."""
    with _at_once:
        return _hasher.hash(_prepared(password))


def verify_password(password: str, password_hash: str | None) -> bool:
    """Whether `password` matches `password_hash`. For None or "" takes the same time and returns False.

    Also accepts a hash of the same password in NFD, or exactly as typed.
    """
    if len(password) > PASSWORD_MAX:
        password_hash = None
        password = password[:PASSWORD_MAX]
    if not _dummy:
        _dummy.append(hash_password("nobody has this password"))
    prepared = _prepared(password)
    # Usually one: only non-ASCII text has several encodings.
    spellings = dict.fromkeys((prepared, password, normalize("NFD", prepared)))
    return any(_verify(spelling, password_hash or _dummy[0]) for spelling in spellings) and bool(password_hash)


def _verify(spelling: str, password_hash: str) -> bool:
    with _at_once:
        try:
            return _hasher.verify(spelling, password_hash)
        except (PwdlibError, ValueError):
            return False


def _prepared(password: str) -> str:
    return normalize("NFC", "".join(" " if category(character) == "Zs" else character for character in password))


def is_password_hash(text: str) -> bool:
    """Whether `text` is an argon2id hash (PHC string format) that `verify_password` accepts."""
    return text.startswith("$argon2id$") and Argon2Hasher.identify(text)
