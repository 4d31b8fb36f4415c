"""What every answer carries: what caches may keep, what browsers may run, and compression."""

from __future__ import annotations

import gzip
from typing import Any

from flask import Flask, Response

from messaging_app.here import request_here

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
POLICY = [("Content-Security-Policy", CSP)]
PRIVATE = [("Cache-Control", "private, no-store"), ("Vary", "Cookie, HX-Request")]
PRIVATE_PACKED = [("Cache-Control", "private, no-store"), ("Vary", "Cookie, HX-Request, Accept-Encoding")]
STRICT = [("Strict-Transport-Security", "max-age=31536000")]
COMPRESS_FROM = 1024


def init_app(app: Flask) -> None:
    """Put the headers on every answer of `app`, errors included."""
    app.after_request(_compress)
    app.wsgi_app = _secured(app.wsgi_app)  # type: ignore[method-assign]


def _secured(app: Any) -> Any:
    """The WSGI application `app`, with the headers that all answers share put under each.

    Not by Flask's hook: through its headers each would be looked for and checked anew for every answer.
    """

    def serve(environ: Any, start_response: Any) -> Any:
        def start(status: str, headers: list[tuple[str, str]], *error: Any) -> Any:
            given = {name.lower() for name, _value in headers}
            shared = SECURITY if "content-security-policy" in given else SECURITY + POLICY
            if environ["wsgi.url_scheme"] == "https":
                shared = shared + STRICT
            if "cache-control" not in given:  # everything is personal unless its view says otherwise
                if "vary" in given:
                    headers = [(name, value) for name, value in headers if name.lower() != "vary"]
                shared = shared + (PRIVATE_PACKED if "content-encoding" in given else PRIVATE)
            return start_response(status, headers + shared, *error)

        return app(environ, start)

    return serve


def takes_gzip() -> bool:
    """Whether who asks can read gzip. The header is taken apart only where it weighs one encoding against another."""
    asked = request_here()
    accepted = asked.headers.get("Accept-Encoding", "")
    return "gzip" in accepted and (";" not in accepted or asked.accept_encodings.quality("gzip") > 0)


def _compress(response: Response) -> Response:
    """Shrink a page. The cookie is SameSite=Lax, so no other site can make a browser fetch it and weigh the answer."""
    if (
        takes_gzip()
        and (response.content_length or 0) >= COMPRESS_FROM
        and response.mimetype == "text/html"
        and not response.is_streamed
        and request_here().method != "HEAD"
        and "Cache-Control" not in response.headers  # with one it was made for many, and packed where it is kept
    ):
        response.set_data(gzip.compress(response.get_data(), compresslevel=4))
        response.headers["Content-Encoding"] = "gzip"
    return response
