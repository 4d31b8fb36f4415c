"""Passkeys (WebAuthn), using the library `webauthn`: creates the options for the browser and verifies its response.

A challenge is signed, not stored: it contains its time and purpose. `services/passkeys.py` accepts each only once.
"""

from __future__ import annotations

import hmac
import json
import re
import secrets
import struct
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from urllib.parse import urlsplit

from flask import current_app

from messaging_app.db.engine import now

LIFETIME = timedelta(minutes=5)
ANSWER_MAX = 20_000  # characters of a browser's response
_NONCE, _SIGNATURE = 16, 32
_BASE64URL = re.compile(r"[A-Za-z0-9_-]{1,1400}", re.ASCII)
_TIME = struct.Struct(">Q")  # microseconds since 1970


class WrongAnswer(Exception):
    """The response failed verification: another site or challenge, too late, or not signed by this passkey."""


class NewPasskey(NamedTuple):
    """A passkey as the browser created it."""

    credential_id: str
    public_key: bytes
    sign_count: int


def are_possible() -> bool:
    """Whether browsers can create passkeys for the base URL: it needs a host name, and https except on localhost."""
    parts = urlsplit(str(current_app.extensions["settings"].public_url))
    host = parts.hostname or ""
    return (parts.scheme == "https" or host == "localhost") and any(letter.isalpha() for letter in host.split(".")[-1])


def creation_options(user_id: int, email: str, name: str, known: Sequence[str]) -> str:
    """Return the WebAuthn creation options as JSON. `known` are the user's credential ids, to be excluded."""
    import webauthn  # not at the top: the import takes a quarter of a second
    from webauthn.helpers import structs

    options = webauthn.generate_registration_options(
        rp_id=_host(),
        rp_name="Marketplace",
        user_id=_handle(user_id),
        user_name=email,
        user_display_name=name,
        challenge=_challenge(f"new {user_id}"),
        authenticator_selection=structs.AuthenticatorSelectionCriteria(
            resident_key=structs.ResidentKeyRequirement.REQUIRED,
            user_verification=structs.UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=[
            structs.PublicKeyCredentialDescriptor(id=webauthn.base64url_to_bytes(number)) for number in known
        ],
    )
    return webauthn.options_to_json(options)


def request_options() -> str:
    """Return the WebAuthn request options as JSON, for signing in with any passkey."""
    import webauthn
    from webauthn.helpers import structs

    options = webauthn.generate_authentication_options(
        rp_id=_host(),
        challenge=_challenge("sign in"),
        user_verification=structs.UserVerificationRequirement.REQUIRED,
    )
    return webauthn.options_to_json(options)


def check_new(user_id: int, answer: str) -> NewPasskey:
    """Verify the response to `creation_options` and return the new passkey. Raises `WrongAnswer`."""
    import webauthn
    from webauthn.helpers.exceptions import WebAuthnException

    try:
        made = webauthn.verify_registration_response(
            credential=_parsed(answer),
            expected_challenge=_challenge_in(answer, f"new {user_id}")[0],
            expected_rp_id=_host(),
            expected_origin=_origin(),
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, KeyError, TypeError) as error:
        raise WrongAnswer from error
    return NewPasskey(_text(made.credential_id), made.credential_public_key, made.sign_count)


def credential_in(answer: str) -> str:
    """Return the credential id that a response claims, unverified. Raises `WrongAnswer`."""
    number = _parsed(answer).get("rawId")
    if not isinstance(number, str) or not _BASE64URL.fullmatch(number):
        raise WrongAnswer
    return number


def check(answer: str, public_key: bytes, sign_count: int) -> tuple[int, datetime]:
    """Verify a sign-in response. Returns the new sign count and the challenge's time. Raises `WrongAnswer`."""
    import webauthn
    from webauthn.helpers.exceptions import WebAuthnException

    try:
        challenge, made_at = _challenge_in(answer, "sign in")
        right = webauthn.verify_authentication_response(
            credential=_parsed(answer),
            expected_challenge=challenge,
            expected_rp_id=_host(),
            expected_origin=_origin(),
            credential_public_key=public_key,
            credential_current_sign_count=sign_count,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, KeyError, TypeError) as error:
        raise WrongAnswer from error
    return right.new_sign_count, made_at


def _parsed(answer: str) -> dict[str, object]:
    try:
        parsed = json.loads(answer[:ANSWER_MAX])
    except (ValueError, RecursionError) as error:
        raise WrongAnswer from error
    if not isinstance(parsed, dict):
        raise WrongAnswer
    return parsed


def _challenge(purpose: str) -> bytes:
    made = secrets.token_bytes(_NONCE) + _TIME.pack(int(now().timestamp() * 1_000_000))
    return made + _sign(purpose, made)


def _challenge_in(answer: str, purpose: str) -> tuple[bytes, datetime]:
    """Return a response's challenge and its time. Raises `WrongAnswer` unless we issued it recently for `purpose`."""
    from webauthn.helpers import base64url_to_bytes, parse_client_data_json

    response = _parsed(answer).get("response")
    if not isinstance(response, dict):
        raise WrongAnswer
    challenge = parse_client_data_json(base64url_to_bytes(response["clientDataJSON"])).challenge
    made, signature = challenge[:-_SIGNATURE], challenge[-_SIGNATURE:]
    if len(made) != _NONCE + _TIME.size or not hmac.compare_digest(signature, _sign(purpose, made)):
        raise WrongAnswer
    made_at = datetime.fromtimestamp(_TIME.unpack(made[_NONCE:])[0] / 1_000_000, UTC)
    if abs(now() - made_at) > LIFETIME:
        raise WrongAnswer
    return challenge, made_at


def _sign(purpose: str, made: bytes) -> bytes:
    key = str(current_app.config["SECRET_KEY"]).encode()
    return hmac.digest(key, f"passkey challenge to {purpose} ".encode() + made, "sha256")


def _handle(user_id: int) -> bytes:
    """Return the user handle stored in a passkey. It reveals nothing about the user."""
    key = str(current_app.config["SECRET_KEY"]).encode()
    return hmac.digest(key, f"passkey user {user_id}".encode(), "sha256")


def _origin() -> str:
    parts = urlsplit(str(current_app.extensions["settings"].public_url))
    return f"{parts.scheme}://{parts.netloc}"


def _host() -> str:
    return urlsplit(str(current_app.extensions["settings"].public_url)).hostname or ""


def _text(raw: bytes) -> str:
    from webauthn.helpers import bytes_to_base64url

    return bytes_to_base64url(raw)
