"""The settings of an identity provider: `MESSAGING_OIDC__<NAME>__…` (docs/operations.md)."""

from __future__ import annotations

import json
import re
from ipaddress import ip_address
from typing import Annotated, NamedTuple
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr
from pydantic_settings import NoDecode

ADMIN_GRANT = "admin"
_NAME = re.compile(r"(?=.{1,32}$)[a-z0-9]+(?:_[a-z0-9]+)*")
_GRANT = re.compile(r"(?P<store>[A-Za-z0-9][A-Za-z0-9._-]{0,63}):(?P<role>owner|staff)")


class Grant(NamedTuple):
    """What membership in a group grants: a role in a store, or `admin` without a store."""

    store_code: str | None
    role: str

    @classmethod
    def parse(cls, word: str) -> Grant:
        """Parse `admin`, `CODE:owner` or `CODE:staff`. Raises `ValueError`."""
        match = _GRANT.fullmatch(word)
        if match is None and word != ADMIN_GRANT:
            raise ValueError(f"{word!r} is not admin, CODE:owner or CODE:staff")
        return cls(match["store"], match["role"]) if match else cls(None, ADMIN_GRANT)

    def __str__(self) -> str:
        return f"{self.store_code}:{self.role}" if self.store_code else self.role


def secure_url(url: str) -> str:
    """Return `url` if it is https, or http on this machine. Raises `ValueError` otherwise."""
    try:
        parts = urlsplit(url)
        own = parts.scheme == "http" and _is_loopback(parts.hostname or "")
        usable = (parts.scheme == "https" or own) and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
    if not usable or not url.isprintable() or " " in url:
        raise ValueError("must be an https address")
    return url


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _issuer(url: str) -> str:
    parts = urlsplit(secure_url(url))
    if parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError("must be the issuer's address as its discovery document names it, without a query")
    return url


def _scopes(text: str) -> str:
    if "openid" not in text.split() or not (text.isascii() and text.isprintable()):
        raise ValueError("must be names with spaces between them, openid among them")
    return text


def provider_name(name: str) -> str:
    """Return `name` if it fits environment variables and URLs. Raises `ValueError` otherwise."""
    if not _NAME.fullmatch(name):
        raise ValueError("is no name for a provider: use up to 32 letters, digits and single underscores")
    return name


def _table(value: object) -> object:
    """Parse the JSON table of groups. A single role may be a string instead of a list."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            raise ValueError('must be JSON, such as {"platform-admins": "admin", "bakers": "bakery:staff"}') from None
    if not isinstance(value, dict):
        raise ValueError('must be a JSON object, such as {"platform-admins": "admin", "bakers": "bakery:staff"}')
    return {group: list(map(str, roles)) if isinstance(roles, list) else [str(roles)] for group, roles in value.items()}


def _grants(table: dict[str, list[str]]) -> dict[str, list[str]]:
    for group, roles in table.items():
        for role in roles:
            try:
                Grant.parse(role)
            except ValueError as error:
                raise ValueError(f"gives {group!r} an unknown role: {error}") from None
    return table


class ProviderSettings(BaseModel):
    """One identity provider."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    label: str = Field("", max_length=60)
    issuer: Annotated[str, Field(max_length=255), AfterValidator(_issuer)]
    client_id: str = Field(min_length=1, max_length=255)
    client_secret: SecretStr | None = None  # None: a public client, protected by PKCE alone
    scopes: Annotated[str, AfterValidator(_scopes)] = "openid email profile"
    groups_claim: str = Field("groups", min_length=1)
    groups: Annotated[dict[str, list[str]], NoDecode, BeforeValidator(_table), AfterValidator(_grants)] = {}
    verified_claim: str = Field("email_verified", min_length=1)

    def grants(self, groups: list[str]) -> frozenset[Grant]:
        """Return what membership in `groups` grants. Groups that the table does not name grant nothing."""
        return frozenset(Grant.parse(role) for group in groups for role in self.groups.get(group, ()))
