"""Devices that signed in before: the lock after a stranger's wrong passwords does not keep them out.

A signed cookie, one per role, names the accounts that signed in there lately (or that chose a password by a mailed
link), each as a digest with a nonce. Attempts on such an account are counted by the nonce and not by the account, whose
counter strangers fill. It proves nothing else: the password, and a second factor, are asked for as always.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta

from flask import Response, current_app, request
from itsdangerous import BadSignature, URLSafeSerializer

from messaging_app.policies import RolePolicy

LIFETIME = timedelta(days=365)
MOST = 5  # accounts of one role that one browser keeps

Account = tuple[object, ...]
Counter = tuple[str, Account]


def counters(role: RolePolicy, account: Account, address: str) -> tuple[Counter, ...]:
    """What to count an attempt on `account` by, the decisive counter first. Reads the request's cookie."""
    nonce = _known(role).get(_digest(account))
    if nonce is not None:
        return (("sign_in_device", (nonce,)),)
    return ("sign_in_account", account), ("sign_in_address", (address,))


def remember(response: Response, role: RolePolicy, account: Account) -> None:
    """Let the browser that asks carry the proof that `account` was signed in to there."""
    digest = _digest(account)
    others = [entry for entry in _known(role).items() if entry[0] != digest]
    response.set_cookie(
        _name(role),
        _serializer(role).dumps([(digest, secrets.token_urlsafe(12)), *others][:MOST]),
        max_age=LIFETIME,
        secure=bool(current_app.config["SESSION_COOKIE_SECURE"]),
        httponly=True,
        samesite="Lax",
    )


def _known(role: RolePolicy) -> dict[str, str]:
    value = request.cookies.get(_name(role), "")
    try:
        return dict(_serializer(role).loads(value)) if value else {}
    except BadSignature:
        return {}


def _name(role: RolePolicy) -> str:
    return f"__Host-{role.name}-device" if current_app.config["SESSION_COOKIE_SECURE"] else f"{role.name}-device"


def _serializer(role: RolePolicy) -> URLSafeSerializer:
    return URLSafeSerializer(str(current_app.config["SECRET_KEY"]), salt=f"device {role.name}")


def _digest(account: Account) -> str:
    return hashlib.sha256(repr(account).encode()).hexdigest()[:32]
