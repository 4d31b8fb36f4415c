"""Known devices: a stranger's wrong passwords lock an account, but not on devices that signed in to it before.

A signed cookie, one per role, lists the accounts that recently signed in there (or chose a password by a mailed link),
each as a digest with a nonce. Attempts on such an account count against the nonce, not against the account, whose
counter strangers can fill. The cookie proves nothing else: password and second factor are still required.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta

from flask import Response, current_app, request
from itsdangerous import BadSignature, URLSafeSerializer

from messaging_app.policies import RolePolicy

LIFETIME = timedelta(days=365)
MOST = 5  # accounts per role in one browser's cookie

Account = tuple[object, ...]
Counter = tuple[str, Account]


def counters(role: RolePolicy, account: Account, address: str) -> tuple[Counter, ...]:
    """Return the counters for an attempt on `account`, the decisive one first. Reads the request's cookie."""
    nonce = _known(role).get(_digest(account))
    if nonce is not None:
        return (("sign_in_device", (nonce,)),)
    return ("sign_in_account", account), ("sign_in_address", (address,))


def remember(response: Response, role: RolePolicy, account: Account) -> None:
    """Add `account` to the browser's cookie of known accounts."""
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
