"""Passwords: argon2id, the same cost whether a person exists or not, and never more at once than memory bears."""

from __future__ import annotations

import threading

from pwdlib import PasswordHash
from pwdlib.exceptions import PwdlibError
from pwdlib.hashers.argon2 import Argon2Hasher

PASSWORD_MAX = 1024

_hasher = PasswordHash((Argon2Hasher(),))
_at_once = threading.BoundedSemaphore(4)  # each hash takes 64 MB
_dummy: list[str] = []


def hash_password(password: str) -> str:
    """`password` as an argon2id PHC string. About 0.15 s and 64 MB."""
    with _at_once:
        return _hasher.hash(password)


def verify_password(password: str, password_hash: str | None) -> bool:
    """Whether `password` belongs to `password_hash`. None or "" costs the same time and is never right."""
    if len(password) > PASSWORD_MAX:
        password_hash = None
        password = password[:PASSWORD_MAX]
    if not _dummy:
        _dummy.append(hash_password("nobody has this password"))
    with _at_once:
        try:
            return _hasher.verify(password, password_hash or _dummy[0]) and bool(password_hash)
        except (PwdlibError, ValueError):
            return False


def is_password_hash(text: str) -> bool:
    """Whether `text` is an argon2id hash that `verify_password` understands (PHC string format)."""
    return text.startswith("$argon2id$") and Argon2Hasher.identify(text)
