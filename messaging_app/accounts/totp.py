"""Codes of an authenticator app (RFC 6238: SHA-1, six digits, 30 seconds), and the data to set one up.

A secret is never stored: it is derived from a stored seed and the server's secret key, so a copied database reveals none.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import datetime
from itertools import groupby
from typing import NamedTuple

import pyotp
import segno
from flask import current_app

STEP = 30  # seconds
DRIFT = 1  # steps by which a phone's clock may be slow or fast
SECRET_BYTES = 20


class Offer(NamedTuple):
    """Data to set up an app. `path` is an SVG path of the QR code of `uri`, in a square of `size` units."""

    secret: str
    uri: str
    size: int
    path: str


def seed_for(user_id: int, session_id: int, earlier: int) -> str:
    """Return the seed offered to one session. It stays the same until an app is turned on, so the page can be reloaded."""
    return _made(f"authenticator offer {user_id} {session_id} {earlier}").hex()


def secret_of(seed: str) -> str:
    """Return the secret derived from a seed, in base32."""
    return base64.b32encode(_made(f"authenticator secret {seed}")[:SECRET_BYTES]).decode()


def hash_of(secret: str) -> str:
    """Return a digest that shows whether the secret key has changed. So many random bits need no slow hash."""
    return hashlib.sha256(secret.encode()).hexdigest()


def step_of(secret: str, code: str, moment: datetime) -> int | None:
    """Return the latest step around `moment` whose code is `code`, or None."""
    totp, current = pyotp.TOTP(secret), int(moment.timestamp()) // STEP
    steps = range(current + DRIFT, current - DRIFT - 1, -1)
    found = [step for step in steps if hmac.compare_digest(totp.generate_otp(step).encode(), code.encode())]
    return found[0] if found else None


def offer(seed: str, email: str, issuer: str) -> Offer:
    """Return the data to set up an app for a user with this address."""
    secret = secret_of(seed)
    uri = pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name=issuer)
    code = segno.make(uri, error="m", micro=False)
    path = []
    for y, row in enumerate(code.matrix_iter(border=0)):
        x = 0
        for dark, run in groupby(row):
            length = len(list(run))
            if dark:
                path.append(f"M{x} {y}h{length}v1h-{length}z")
            x += length
    return Offer(secret, uri, int(code.symbol_size(border=0)[0]), "".join(path))


def _made(of: str) -> bytes:
    return hmac.digest(str(current_app.config["SECRET_KEY"]).encode(), of.encode(), "sha256")
