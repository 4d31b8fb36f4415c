"""Static files under paths that change with their content, so that browsers can cache them forever."""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from functools import cache, lru_cache
from pathlib import Path

from flask import Flask, Response, abort
from markupsafe import Markup

from messaging_app.paths import resource
from messaging_app.web.headers import takes_gzip

FOREVER = "public, max-age=31536000, immutable"
COMPRESSIBLE = ("text/", "application/javascript", "image/svg+xml", "application/json")


def init_app(app: Flask) -> None:
    """Serve the static folder and give templates `asset("css/app.css")` and `icon("mail")`."""
    root = resource("static")
    files = {path.relative_to(root).as_posix(): path for path in sorted(root.rglob("*")) if path.is_file()}
    version = _version_of(files)

    def asset(name: str) -> str:
        """Return the path of a static file. All files share one version, so they can refer to each other relatively."""
        return f"/static/{version}/{name}"

    @cache
    def icon(name: str, extra: str = "") -> Markup:
        """Return an icon of the sprite, hidden from screen readers; `extra` is another class."""
        mark = Markup('<svg class="icon{}" aria-hidden="true"><use href="{}#{}"></use></svg>')
        return mark.format(f" {extra}" if extra else "", asset("icons.svg"), name)

    def serve(asked: str, name: str) -> Response:
        """Serve a static file. Under an outdated version it serves the current bytes, not cacheable."""
        if name not in files:
            abort(404)
        return _answer(files[name], FOREVER if asked == version else "no-cache")

    app.add_url_rule("/static/<asked>/<path:name>", "static", serve)
    app.jinja_env.globals.update(asset=asset, icon=icon)


def _version_of(files: dict[str, Path]) -> str:
    digest = hashlib.sha256()
    for name, path in files.items():
        digest.update(name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]


def _answer(path: Path, caching: str) -> Response:
    mime = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    small = mime.startswith(COMPRESSIBLE)
    zipped = small and takes_gzip()
    response = Response(_read(path, path.stat().st_mtime_ns, zipped), mimetype=mime)
    response.headers["Cache-Control"] = caching
    if zipped:
        response.headers["Content-Encoding"] = "gzip"
    if small:
        response.headers["Vary"] = "Accept-Encoding"
    return response


@lru_cache(maxsize=256)
def _read(path: Path, _changed: int, zipped: bool) -> bytes:
    data = path.read_bytes()
    return gzip.compress(data, compresslevel=9, mtime=0) if zipped else data
