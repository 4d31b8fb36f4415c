"""One identity provider: its discovery document and keys, and the exchange of a code for a profile.

Everything here waits for the network, so never call it inside a transaction.
"""

from __future__ import annotations

import logging
import secrets
import time
from io import BytesIO
from typing import Annotated, Any, NamedTuple, TypeAlias

from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import InvalidClaimError, InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry
from pydantic import AfterValidator, BaseModel, Field, ValidationError
from requests import RequestException, Response

from messaging_app.oidc.answers import AnswerRefused, Begun, Profile, ProviderDown
from messaging_app.oidc.settings import ProviderSettings, secure_url

log = logging.getLogger(__name__)

# Asymmetric signatures only: not `none`, and none with a shared secret (HS256), which a client could forge.
ALGORITHMS = (
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"),
    *("EdDSA", "Ed25519"),
)
TIMEOUT = (3.05, 5.0)  # seconds to connect, and between two bytes
BODY_MAX, BODY_SECONDS = 512 * 1024, 8.0
FRESH = 3600.0  # seconds for which discovery and keys are kept
PAUSE = 10.0  # seconds before retrying a provider that failed, and between two fetches for an unknown key
LEEWAY = 120  # seconds by which clocks may differ

Claims: TypeAlias = dict[str, Any]
Endpoint = Annotated[str, AfterValidator(secure_url)]


class Metadata(BaseModel):
    """The parts of a discovery document that are used."""

    issuer: str
    authorization_endpoint: Endpoint
    token_endpoint: Endpoint
    jwks_uri: Endpoint
    userinfo_endpoint: Endpoint | None = None
    token_endpoint_auth_methods_supported: list[str] = ["client_secret_basic"]


class Person(BaseModel):
    """The claims about a person that are used."""

    sub: str = Field(min_length=1, max_length=255, pattern=r"^[^\x00-\x1f\x7f]+$")
    email: str = ""
    name: str = ""


class Document(NamedTuple):
    """The result of discovery; `at` is the monotonic time of the fetch."""

    metadata: Metadata
    keys: KeySet
    at: float


class Provider:
    """An identity provider. `name` identifies it in URLs and settings, `label` is shown to users."""

    def __init__(self, name: str, settings: ProviderSettings) -> None:
        self.name = name
        self.label = settings.label or name.replace("_", " ").title()
        self.issuer = settings.issuer
        self._settings = settings
        self._document: Document | None = None
        self._try_again_at = 0.0
        self.last_failure = ""  # why the latest discovery failed, for the operator; "" if it succeeded

    def begin(self, redirect_uri: str) -> tuple[str, Begun]:
        """Return the URL to redirect the browser to, and the state that `finish` needs. Raises `ProviderDown`."""
        document = self.discover()
        begun = Begun(secrets.token_urlsafe(32), secrets.token_urlsafe(32), secrets.token_urlsafe(48), time.time())
        with self._client(document, redirect_uri) as client:
            address, _state = client.create_authorization_url(
                document.metadata.authorization_endpoint,
                state=begun.state,
                nonce=begun.nonce,
                code_verifier=begun.verifier,
            )
        return str(address), begun

    def finish(self, code: str, begun: Begun, redirect_uri: str) -> Profile:
        """Exchange `code` for the profile of its user. Raises `ProviderDown`, `AnswerRefused`."""
        document = self.discover()
        try:
            with self._client(document, redirect_uri) as client:
                token = client.fetch_token(
                    document.metadata.token_endpoint,
                    grant_type="authorization_code",
                    code=code,
                    code_verifier=begun.verifier,
                )
                claims = self._checked(token, begun)
                return self._profile(self._completed(client, document, token, claims))
        except RequestException as error:
            log.warning("identity provider %s failed: %r", self.name, error)
            raise ProviderDown(self.label) from None
        except (OAuthError, JoseError, ValueError, TypeError, KeyError) as error:
            log.warning("the answer of identity provider %s is refused: %s", self.name, _reason(error))
            raise AnswerRefused(self.label) from None

    def discover(self, *, newer_than: float = float("-inf")) -> Document:
        """Return the discovery document and keys, at most an hour old unless the provider is down. Raises `ProviderDown`."""
        known, moment = self._document, time.monotonic()
        if known is not None and moment - known.at < FRESH and known.at > newer_than:
            return known
        if moment >= self._try_again_at:
            self._try_again_at = moment + PAUSE  # one request finds out; the others do not wait for it
            try:
                self._document = known = self._fetch()
                self._try_again_at, self.last_failure = 0.0, ""
            except (RequestException, JoseError, ValueError, TypeError, KeyError) as error:
                self.last_failure = _reason(error)
                log.warning("discovery of identity provider %s failed: %s", self.name, self.last_failure)
        if known is None:
            raise ProviderDown(self.label)
        return known

    def _fetch(self) -> Document:
        with self._client() as client:
            address = f"{self.issuer.rstrip('/')}/.well-known/openid-configuration"
            metadata = Metadata.model_validate(_json(client.get(address, withhold_token=True)))
            if metadata.issuer != self.issuer:
                raise ValueError(f"it names the issuer {metadata.issuer!r}, the configuration {self.issuer!r}")
            keys = KeySet.import_key_set(_json(client.get(metadata.jwks_uri, withhold_token=True)))
            return Document(metadata, keys, time.monotonic())

    def _client(self, document: Document | None = None, redirect_uri: str | None = None) -> OAuth2Session:
        methods = document.metadata.token_endpoint_auth_methods_supported if document else []
        by_form = "client_secret_post" in methods and "client_secret_basic" not in methods
        secret = self._settings.client_secret
        client = OAuth2Session(
            self._settings.client_id,
            secret.get_secret_value() if secret else None,
            token_endpoint_auth_method="client_secret_post" if secret and by_form else None,
            scope=self._settings.scopes,
            redirect_uri=redirect_uri,
            code_challenge_method="S256",
            default_timeout=TIMEOUT,
        )
        client.max_redirects = 0
        client.hooks["response"].append(_read_body)
        return client

    def _checked(self, token: Claims, begun: Begun) -> Claims:
        """Return the claims of the ID token. Raises `JoseError`, `ValueError`, `TypeError`, `KeyError`."""
        registry = JWSRegistry(algorithms=ALGORITHMS, strict_check_header=False)
        document, text = self.discover(), str(token["id_token"])
        try:
            decoded = jwt.decode(text, document.keys, registry=registry)
        except InvalidKeyIdError:  # the provider changes its keys now and then
            if time.monotonic() - document.at < PAUSE:
                raise
            decoded = jwt.decode(text, self.discover(newer_than=document.at).keys, registry=registry)
        expected = {"iss": self.issuer, "aud": self._settings.client_id}
        claims = CodeIDToken(
            decoded.claims,
            decoded.header,
            {name: {"essential": True, "value": value} for name, value in expected.items()},
            {
                "nonce": begun.nonce,
                "client_id": self._settings.client_id,
                "access_token": token.get("access_token"),
            },
        )
        claims.validate(leeway=LEEWAY)
        if claims["iat"] < begun.at - LEEWAY:
            raise InvalidClaimError("iat", "it is older than the sign-in that it answers")
        return dict(claims)

    def _completed(self, client: OAuth2Session, document: Document, token: Claims, claims: Claims) -> Claims:
        """Return the claims, completed from the userinfo endpoint if the ID token lacks any that are needed."""
        needed = {"email", self._settings.verified_claim}
        if self._settings.groups:
            needed.add(self._settings.groups_claim)
        endpoint = document.metadata.userinfo_endpoint
        if needed <= claims.keys() or endpoint is None or not token.get("access_token"):
            return claims
        more = _json(client.get(endpoint))
        if more["sub"] != claims["sub"]:
            raise ValueError("the userinfo endpoint speaks of somebody else")
        if "email" in more:  # the two belong together
            claims.pop(self._settings.verified_claim, None)
        return claims | {name: value for name, value in more.items() if name not in CodeIDToken.REGISTERED_CLAIMS}

    def _profile(self, claims: Claims) -> Profile:
        person = Person.model_validate(claims)
        is_verified = claims.get(self._settings.verified_claim) in (True, "true", "1")
        groups = claims.get(self._settings.groups_claim, [])
        named = [groups] if isinstance(groups, str) else groups if isinstance(groups, list) else []
        grants = self._settings.grants([group for group in named if isinstance(group, str)])
        return Profile(self.issuer, person.sub, person.email if is_verified else "", person.name, grants)


def _read_body(response: Response, *_arguments: object, **_named: object) -> Response:
    """Read the body, limited in size and time: a slow provider could otherwise block a thread for as long as it likes."""
    until, body = time.monotonic() + BODY_SECONDS, bytearray()
    while chunk := response.raw.read1(16_384, decode_content=True):
        body += chunk
        if len(body) > BODY_MAX or time.monotonic() > until:
            response.close()
            raise RequestException("the answer is too long or too slow", response=response)
    response.raw = BytesIO(body)
    return response


def _json(response: Response) -> Any:
    """Return the JSON object of a response. Raises `RequestException`, `ValueError`."""
    response.raise_for_status()
    content = response.json()
    if not isinstance(content, dict):
        raise ValueError("the answer is no JSON object")
    return content


def _reason(error: Exception) -> str:
    """Describe an error in one line for the log, without the values that the provider sent."""
    if isinstance(error, ValidationError):
        return "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())[:300]
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]
