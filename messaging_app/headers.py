"""One after-request hook for every answer: what caches may keep, what browsers may run, and compression."""

from __future__ import annotations

import gzip
from typing import Any

from flask import Flask, Response, request

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; "
    "connect-src 'self'; manifest-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; "
    "form-action 'self'"
)
SECURITY = [
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "same-origin"),  # not no-referrer: the CSRF check over https reads it
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("X-Frame-Options", "DENY"),
]
COMPRESS_FROM = 1024


def init_app(app: Flask) -> None:
    """Put the headers on every answer of `app`, errors included."""
    app.after_request(_finish)
    app.wsgi_app = _secured(app.wsgi_app)  # type: ignore[method-assign]


def _secured(app: Any) -> Any:
    """The WSGI application `app`, with what is the same for all answers put under each."""

    def serve(environ: Any, start_response: Any) -> Any:
        return app(environ, lambda status, headers, *error: start_response(status, headers + SECURITY, *error))

    return serve


def takes_gzip() -> bool:
    """Whether who asks can read gzip. The header is taken apart only where it weighs one encoding against another."""
    accepted = request.headers.get("Accept-Encoding", "")
    return "gzip" in accepted and (";" not in accepted or request.accept_encodings.quality("gzip") > 0)


def _finish(response: Response) -> Response:
    headers = response.headers
    given = {name.lower() for name, _value in headers}  # asked one by one, each that is missing raises and catches
    if "content-security-policy" not in given:
        headers["Content-Security-Policy"] = CSP
    if request.is_secure:
        headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    if "cache-control" not in given:  # everything is personal unless its view says otherwise
        headers["Cache-Control"] = "private, no-store"
        headers["Vary"] = "Cookie, HX-Request"
        _compress(response)
    return response


def _compress(response: Response) -> None:
    """Shrink a page. The cookie is SameSite=Lax, so no other site can make a browser fetch it and weigh the answer."""
    if (
        response.mimetype != "text/html"
        or response.is_streamed
        or request.method == "HEAD"
        or not takes_gzip()
        or (response.content_length or 0) < COMPRESS_FROM
    ):
        return
    response.set_data(gzip.compress(response.get_data(), compresslevel=4))
    response.headers["Content-Encoding"] = "gzip"
    response.headers["Vary"] = "Cookie, HX-Request, Accept-Encoding"
