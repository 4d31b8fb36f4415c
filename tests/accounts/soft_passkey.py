"""A passkey made of software: answers as a browser with an authenticator does."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import struct
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from webauthn.helpers import encode_cbor

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


class SoftPasskey:
    """One key. `count` is what its next answer says; it stays 0 for one that does not count."""

    def __init__(self, origin: str, *, counts: bool = True, flags: int = PRESENT | VERIFIED) -> None:
        self.origin, self.counts, self.flags = origin, counts, flags
        self.host = origin.split("//")[1].split(":")[0]
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.number = secrets.token_bytes(32)
        self.count = 0

    def create(self, options: str | None, **client: Any) -> str:
        """The answer to the options for making a passkey."""
        point = self.key.public_key().public_numbers()
        public = {1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32), -3: point.y.to_bytes(32)}
        about = bytes(16) + struct.pack(">H", len(self.number)) + self.number + encode_cbor(public)
        data = self._data(self.flags | ATTESTED) + about
        attestation = encode_cbor({"fmt": "none", "attStmt": {}, "authData": data})
        said = self._client("webauthn.create", options, client)
        return self._answer({"clientDataJSON": _text(said), "attestationObject": _text(attestation)})

    def get(self, options: str | None, **client: Any) -> str:
        """The answer to the options for signing in."""
        self.count += self.counts
        said, data = self._client("webauthn.get", options, client), self._data(self.flags)
        signature = self.key.sign(data + hashlib.sha256(said).digest(), ec.ECDSA(SHA256()))
        return self._answer(
            {"clientDataJSON": _text(said), "authenticatorData": _text(data), "signature": _text(signature)}
        )

    def _data(self, flags: int) -> bytes:
        return hashlib.sha256(self.host.encode()).digest() + bytes([flags]) + struct.pack(">I", self.count)

    def _client(self, kind: str, options: str | None, changed: dict[str, Any]) -> bytes:
        challenge = json.loads(options)["challenge"] if options else _text(secrets.token_bytes(56))
        return json.dumps({"type": kind, "challenge": challenge, "origin": self.origin} | changed).encode()

    def _answer(self, response: dict[str, str]) -> str:
        number = _text(self.number)
        return json.dumps({"id": number, "rawId": number, "type": "public-key", "response": response})


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
