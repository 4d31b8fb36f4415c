"""A real OpenID provider for the tests, on Authlib's server side, over HTTP; and whatever a bad one may do."""

from __future__ import annotations

import base64
import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

from authlib.integrations.flask_oauth2 import AuthorizationServer, ResourceProtector
from authlib.oauth2.rfc6749 import ClientMixin, TokenMixin
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant
from authlib.oauth2.rfc6750 import BearerTokenValidator
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oidc.core import OpenIDCode
from flask import Flask, Response, jsonify, request
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey
from werkzeug.serving import WSGIRequestHandler, make_server

CLIENT, SECRET = "messaging", "provider-secret-0123456789"
Claims = dict[str, Any]


class Client(ClientMixin):  # type: ignore[misc]
    """The one client that is registered."""

    client_id = CLIENT

    def __init__(self, provider: Provider) -> None:
        self.provider = provider

    def get_client_id(self) -> str:
        return CLIENT

    def get_allowed_scope(self, scope: str) -> str:
        return scope

    def check_redirect_uri(self, address: str) -> bool:
        return bool(address.endswith("/callback"))

    def check_client_secret(self, secret: str) -> bool:
        return bool(secret == SECRET)

    def check_endpoint_auth_method(self, method: str, _endpoint: str) -> bool:
        return method in self.provider.auth_methods

    def check_response_type(self, kind: str) -> bool:
        return kind == "code"

    def check_grant_type(self, kind: str) -> bool:
        return kind == "authorization_code"


class Token(dict[str, Any], TokenMixin):  # type: ignore[misc]
    """An access token."""

    def check_client(self, client: Client) -> bool:
        return client is not None

    def is_expired(self) -> bool:
        return False

    def is_revoked(self) -> bool:
        return False

    def get_scope(self) -> str:
        return str(self["scope"])


class Handler(WSGIRequestHandler):
    """Says nothing on standard error."""

    def log(self, *_arguments: Any) -> None: ...


class Provider:
    """A provider at which `person` is signed in. `alter` changes the claims of the next ID tokens.

    `faults` maps an endpoint to what it does instead: `down`, `slow`, `garbage`, `wrong`, `endless`, `elsewhere`.
    """

    def __init__(self) -> None:
        self.person: Claims = {}
        self.extra: Claims = {}  # only in the answer of the userinfo endpoint
        self.alter: Callable[[Claims], Claims] = dict
        self.algorithm = "RS256"
        self.auth_methods = ["client_secret_basic", "client_secret_post"]
        self.faults: dict[str, str] = {}
        self.asked: list[str] = []  # endpoints, in the order in which they were called
        self.authorizations: list[dict[str, str]] = []
        self.issuer_named = ""
        self.key = self.signing_key = RSAKey.generate_key(2048, {"kid": "one", "use": "sig"}, private=True)
        self._codes: dict[str, Any] = {}
        self._tokens: dict[str, Token] = {}
        self._server = make_server("127.0.0.1", 0, self._app(), threaded=True, request_handler=Handler)
        self.issuer = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def change_key(self) -> None:
        self.key = self.signing_key = RSAKey.generate_key(2048, {"kid": f"k{time.time()}"}, private=True)

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def configuration(self, **more: Any) -> dict[str, Any]:
        return {"issuer": self.issuer, "client_id": CLIENT, "client_secret": SECRET} | more

    def _app(self) -> Flask:
        app, server = Flask("provider"), AuthorizationServer()
        server.init_app(app, query_client=lambda _id: Client(self), save_token=self._save)
        server.register_grant(self._grant(), [self._openid()(require_nonce=True), CodeChallenge(required=True)])
        guard = ResourceProtector()
        guard.register_token_validator(self._validator())

        @app.before_request
        def fail() -> Response | None:
            endpoint = request.path.rpartition("/")[2]
            self.asked.append(endpoint)
            fault = self.faults.get(endpoint) if "moved" not in request.args else None
            if fault == "slow":
                time.sleep(3)
            answers = {
                "down": Response("Bad gateway", 502),
                "garbage": Response("<html>It works!</html>"),
                "wrong": Response('{"keys": 7, "id_token": [], "issuer": 5}', mimetype="application/json"),
                "list": Response("[1, 2]", mimetype="application/json"),
                "endless": Response(_endless(), mimetype="application/json"),
                "elsewhere": Response("", 302, {"Location": f"{request.path}?moved"}),
            }
            return answers.get(fault or "")

        @app.get("/.well-known/openid-configuration")
        def discovery() -> Response:
            return jsonify(
                issuer=self.issuer_named or self.issuer,
                authorization_endpoint=f"{self.issuer}/authorize",
                token_endpoint=f"{self.issuer}/token",
                userinfo_endpoint=f"{self.issuer}/userinfo",
                jwks_uri=f"{self.issuer}/jwks",
                token_endpoint_auth_methods_supported=self.auth_methods,
                id_token_signing_alg_values_supported=["RS256", "HS256", "none"],
            )

        @app.get("/jwks")
        def jwks() -> Response:
            return jsonify(KeySet([self.key]).as_dict(private=False))

        @app.get("/authorize")
        def authorize() -> Response:
            self.authorizations.append(request.args.to_dict())
            person = SimpleNamespace(claims=dict(self.person))
            grant = server.get_consent_grant(end_user=person)
            return server.create_authorization_response(grant=grant, grant_user=person)  # type: ignore[no-any-return]

        @app.post("/token")
        def token() -> Response:
            return server.create_token_response()  # type: ignore[no-any-return]

        @app.get("/userinfo")
        @guard("openid")
        def userinfo() -> Response:
            return jsonify({"sub": self.person["sub"]} | self.extra)

        return app

    def _save(self, token: Claims, _request: Any) -> None:
        self._tokens[token["access_token"]] = Token(token)

    def _grant(self) -> type[AuthorizationCodeGrant]:
        codes = self._codes

        class Grant(AuthorizationCodeGrant):  # type: ignore[misc]
            def save_authorization_code(self, code: str, request: Any) -> None:
                asked = request.payload.data
                assert asked["code_challenge_method"] == "S256"
                kept = SimpleNamespace(
                    code=code,
                    client_id=CLIENT,
                    redirect_uri=request.payload.redirect_uri,
                    scope=request.payload.scope,
                    user=request.user,
                    nonce=asked.get("nonce"),
                    code_challenge=asked["code_challenge"],
                    code_challenge_method="S256",
                    get_redirect_uri=lambda: kept.redirect_uri,
                    get_scope=lambda: kept.scope,
                    get_nonce=lambda: kept.nonce,
                    get_auth_time=lambda: None,
                    get_acr=lambda: None,
                    get_amr=lambda: None,
                )
                codes[code] = kept

            def query_authorization_code(self, code: str, _client: Any) -> Any:
                return codes.get(code)

            def delete_authorization_code(self, code: Any) -> None:
                del codes[code.code]

            def authenticate_user(self, code: Any) -> Any:
                return code.user

        return Grant

    def _openid(self) -> type[OpenIDCode]:
        provider = self

        class OpenID(OpenIDCode):  # type: ignore[misc]
            def exists_nonce(self, *_arguments: Any) -> bool:
                return False

            def encode_id_token(self, token: Claims, request: Any) -> str:
                """As the library does it, but for what a test alters."""
                moment = int(time.time())
                claims = {"iss": provider.issuer, "aud": [CLIENT], "iat": moment, "exp": moment + 600}
                claims |= self.get_authorization_code_claims(request.authorization_code) | request.user.claims
                header = {"alg": provider.algorithm, "kid": provider.signing_key.kid}
                if provider.algorithm == "HS256":  # the library refuses to sign like that
                    parts = [_encoded(json.dumps(part).encode()) for part in (header, provider.alter(claims))]
                    secret = provider.key.as_pem(private=False)
                    return f"{'.'.join(parts)}.{_encoded(hmac.digest(secret, '.'.join(parts).encode(), 'sha256'))}"
                return jwt.encode(header, provider.alter(claims), provider.signing_key, [provider.algorithm])

        return OpenID

    def _validator(self) -> BearerTokenValidator:
        tokens = self._tokens

        class Validator(BearerTokenValidator):  # type: ignore[misc]
            def authenticate_token(self, text: str) -> Token | None:
                return tokens.get(text)

        return Validator()


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def _endless() -> Iterator[bytes]:
    while True:
        yield b" " * 65_536


@contextmanager
def running() -> Iterator[Provider]:
    provider = Provider()
    try:
        yield provider
    finally:
        provider.stop()
