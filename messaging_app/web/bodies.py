"""Limits on request bodies: how long to wait, how many at once, and rejection of incomplete ones.

gunicorn reads a body when the application asks for it, for as long as the client likes, and treats a broken connection
as the end of the body. Therefore the application reads through `Body`. Clients that are not signed in get only a few
places and a few seconds. Short bodies have already arrived (see `waiting_room.py`).
"""

from __future__ import annotations

import io
import socket
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

from flask import Flask, request
from werkzeug.exceptions import ClientDisconnected, HTTPException, RequestTimeout, TooManyRequests
from werkzeug.sansio.multipart import Data, Field, File, MultipartDecoder, NeedData
from werkzeug.wsgi import get_content_length

from messaging_app.extensions import db

HERE = "messaging_app.body"
SMALL = 16 * 1024  # bytes: any form except an upload or a long message
PIECE = 64 * 1024
PIECE_WITHIN = 20.0  # seconds per piece for signed-in clients: 3 kB/s, slower than any phone
STRANGER_WITHIN = 10.0  # seconds for the whole body of other clients
FROM_ONE_ADDRESS = {True: 32, False: 4}  # long bodies at once per address: signed in, not signed in
OF_STRANGERS = 32  # of the 256 threads
AGAIN_IN = 5  # seconds until a place may be free

_places: Counter[tuple[bool, str]] = Counter()  # places in use, by (signed in, address); "" counts all addresses
_read: set[Body] = set()  # bodies with a deadline
_guard = threading.Lock()
_watching = threading.Event()


def init_app(app: Flask) -> None:
    """Wrap the input of every request to `app` in a `Body`."""
    inner = app.wsgi_app

    def serve(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ.get("CONTENT_LENGTH", "") in ("", "0") and "HTTP_TRANSFER_ENCODING" not in environ:
            return inner(environ, start_response)
        body = environ["wsgi.input"] = environ[HERE] = Body(environ)
        try:
            body.fetch()
            return inner(environ, start_response)
        finally:
            body.leave()

    app.wsgi_app = serve  # type: ignore[method-assign]


def sender_is_known() -> None:
    """Apply the limits for signed-in clients to this request.

    Raises what `Body.readinto` raises if its body is short and incomplete, even if no view reads it.
    """
    body = request.environ.get(HERE)
    if body is not None:
        body.known = True
        if body.refused is not None:
            raise body.refused


def is_untouched() -> bool:
    """Whether this request has a body of which nothing has been read."""
    body = request.environ.get(HERE)
    return body is not None and body.untouched


def first_words(*names: str) -> list[str]:
    """Return the fields `names` of a multipart form that precede its first file. Stores no file."""
    boundary = request.mimetype_params.get("boundary", "").encode("ascii", "replace")
    decoder = MultipartDecoder(boundary, max_form_memory_size=request.max_form_memory_size)
    found: defaultdict[str, bytes] = defaultdict(bytes)
    field = ""
    with suppress(ValueError):  # a malformed form: keep the fields before the fault
        while piece := request.environ["wsgi.input"].read(SMALL):
            decoder.receive_data(piece)
            while not isinstance(event := decoder.next_event(), NeedData | File):
                if isinstance(event, Field):
                    field = event.name
                elif isinstance(event, Data):
                    found[field] += event.data
            if isinstance(event, File):
                break
    return [found[name].decode("utf-8", "replace") for name in names]


class Body(io.RawIOBase):
    """The body of one request. Reading it raises the HTTP error to return if it does not arrive."""

    def __init__(self, environ: WSGIEnvironment) -> None:
        self.known, self.untouched = False, True
        self.until: float | None = None  # while it is read: the deadline
        self._stream = environ["wsgi.input"]
        self._socket: socket.socket | None = environ.get("gunicorn.socket")
        self._left = get_content_length(environ)  # None: chunked, so it marks its own end
        self._long = self._left is None or self._left > SMALL
        self._address = environ.get("REMOTE_ADDR", "")
        self._place: tuple[bool, str] | None = None
        self._last = 0.0  # deadline for clients that are not signed in
        self._overdue = False
        self.refused: HTTPException | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        """Read the next piece. Raises `ClientDisconnected`, `RequestTimeout`, `TooManyRequests`."""
        wanted = min(len(buffer), PIECE) if self._left is None else min(len(buffer), PIECE, self._left)
        if wanted == 0:
            return 0
        if self.refused is not None:
            raise self.refused
        if self.untouched:
            self._begin()
        try:
            self.until = time.monotonic() + PIECE_WITHIN if self.known else self._last
            piece = self._stream.read(wanted)
        except Exception:  # the connection broke, or gunicorn cannot parse the body
            piece = b""
            self.refused = ClientDisconnected()
        finally:
            self.until = None
        if self._left is not None:
            self._left -= len(piece)
            if len(piece) < wanted:
                self.refused = ClientDisconnected()
        if self._overdue:
            self.refused = RequestTimeout()
        if self.refused is not None:
            raise self.refused
        buffer[: len(piece)] = piece
        return len(piece)

    def fetch(self) -> None:
        """Read a short body before any query, because parts of a proxied request may still be on their way.

        An error is raised later, to the code that reads the body or calls `sender_is_known`.
        """
        if self._long:
            return
        with suppress(HTTPException):
            whole = self.read()
            self._stream, self._left, self.untouched = io.BytesIO(whole), len(whole), True

    def end(self) -> None:
        """Stop reading: the deadline has passed."""
        self._overdue = True
        if self._socket is not None:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RD)

    def leave(self) -> None:
        """Release the place when the request is finished."""
        with _guard:
            _read.discard(self)
            if self._place is not None:
                for place in (self._place, (self.known, "")):
                    _places[place] -= 1
                    if not _places[place]:
                        del _places[place]
                self._place = None

    def _begin(self) -> None:
        self.untouched = False
        self._last = time.monotonic() + STRANGER_WITHIN
        place = (self.known, self._address)
        with _guard:
            if self._long:
                full = _places[place] >= FROM_ONE_ADDRESS[self.known]
                if full or (not self.known and _places[False, ""] >= OF_STRANGERS):
                    self.refused = TooManyRequests(retry_after=AGAIN_IN)
                    raise self.refused
                _places[place] += 1
                _places[self.known, ""] += 1
                self._place = place
            _read.add(self)
        _start_watching()
        _watching.set()
        if self._long:
            db.session.rollback()  # release the connection while waiting for bytes


@cache
def _start_watching() -> None:
    threading.Thread(target=_watch, name="bodies", daemon=True).start()


def _watch() -> None:
    """End bodies past their deadline, in a separate thread because the reading threads wait in gunicorn."""
    while True:
        _watching.wait()
        time.sleep(0.5)
        with _guard:
            late = [body for body in _read if body.until is not None and body.until < time.monotonic()]
            if not _read:
                _watching.clear()
        for body in late:
            body.end()
