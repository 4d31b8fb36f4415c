"""The headers of every response: caching, content security, compression."""

from __future__ import annotations

import gzip

from flask import Flask, Response, request

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; "
    "connect-src 'self'; manifest-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; "
    "form-action 'self'"
)
SECURITY = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": CSP,
}
COMPRESS_FROM = 1024  # bytes; smaller responses are not worth compressing


def init_app(app: Flask) -> None:
    """Add the headers to every response of `app`, including errors."""
    app.after_request(_finish)


def _finish(response: Response) -> Response:
    headers = response.headers
    for name, value in SECURITY.items():
        headers.setdefault(name, value)  # a download sets a stricter policy
    if request.is_secure:
        headers["Strict-Transport-Security"] = "max-age=31536000"
    if "Cache-Control" not in headers:  # everything is private unless its view says otherwise
        headers["Cache-Control"] = "private, no-store"
        headers["Vary"] = "Cookie, HX-Request"
        _compress(response)
    return response


def takes_gzip() -> bool:
    """Whether the client accepts gzip."""
    return request.accept_encodings.quality("gzip") > 0


def _compress(response: Response) -> None:
    """Compress a page. The cookie is SameSite=Lax, so no other site can fetch the page and measure its size."""
    if (
        takes_gzip()
        and (response.content_length or 0) >= COMPRESS_FROM
        and response.mimetype == "text/html"
        and not response.is_streamed
        and request.method != "HEAD"
    ):
        response.set_data(gzip.compress(response.get_data(), compresslevel=4))
        response.headers["Content-Encoding"] = "gzip"
        response.vary.add("Accept-Encoding")
