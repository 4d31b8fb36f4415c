"""The event stream: wake-ups for one browser window, and the notes that somebody is writing.

A stream holds no database connection. At every heartbeat, and before it passes on anything that names a person, it
reads its sign-in session in one statement, and ends once that is over: whichever process ended it, and whether or not
there is a Redis to say so. It ends in any case after a quarter of an hour, and the browser comes back at once.
"""

from __future__ import annotations

import random
import socket
import time
from collections.abc import Iterator
from functools import lru_cache

from flask import Flask, Response, current_app, g, request
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import SQLAlchemyError

from messaging_app.accounts.limits import limiter
from messaging_app.accounts.sessions import SignIn, find_sign_in
from messaging_app.actors import Actor, ActorType
from messaging_app.bus import LOOK, Delivered, Subscription, Wake, current_bus
from messaging_app.models import ConversationType
from messaging_app.ops import metrics
from messaging_app.policies import policy_of
from messaging_app.services import announcements, messaging
from messaging_app.web.htmx import signed_in

HEARTBEAT = 15.0  # seconds; the browser takes three missed ones for a dead line
LIFETIME = (720.0, 1020.0)  # seconds; drawn from this range, so that not all come back in one moment


def init_app(app: Flask) -> None:
    """Note where the wake-ups stand before anything is read, so that a page can ask for what came after."""
    app.before_request(_note_position)


def events(actor: Actor) -> ResponseReturnValue:
    """The stream. Resumes after `Last-Event-ID` (or `from`, where the page stands); 204 where there are too many."""
    after = request.headers.get("Last-Event-ID") or request.args.get("from", "")
    subscription = current_bus().listen(f"{actor.type}:{actor.id}", announcements.topics_of(actor), after)
    if subscription is None:
        return Response(status=204)
    hub, line = current_bus().hub, request.environ.get("gunicorn.socket")
    frames = _frames(subscription, _Right(signed_in), line, hub.look_every)
    response = Response(frames, mimetype="text/event-stream")
    response.headers["X-Accel-Buffering"] = "no"

    def end() -> None:
        subscription.close()
        metrics.streams(hub.streams)

    response.call_on_close(end)
    metrics.streams(hub.streams)
    return response


def typing(actor: Actor, conversation_id: int) -> ResponseReturnValue:
    """Tell the others that `actor` is writing here; stores nothing."""
    limiter.hit("typing", actor.type, actor.id)
    announcements.typing(actor, messaging.get_writer(actor, conversation_id))
    return Response(status=204)


def _note_position() -> None:
    if request.method == "GET" and "HX-Request" not in request.headers:
        g.live_position = current_bus().position()


class _Right:
    """What a stream may pass on, for as long as its session stands."""

    def __init__(self, sign_in: SignIn) -> None:
        actor = sign_in.actor
        self._app = current_app._get_current_object()  # type: ignore[attr-defined] # a proxy is of no use in the stream
        self._token, self._actor = sign_in.token, actor
        self._person = f"{actor.type}:{actor.id}"
        self._meant = ("", f"store:{actor.store_id}", f"session:{sign_in.session_id}")

    def stands(self) -> bool:
        """Whether the session is alive and in the store for which the stream was opened.

        False, too, where the database cannot be asked: the browser comes back.
        """
        with self._app.app_context():
            try:
                found = find_sign_in(policy_of(self._actor), self._token)
            except SQLAlchemyError as error:
                self._app.logger.warning("a stream cannot look at its session: %s", type(error).__name__)
                return False
        if found is None or found.actor.store_id != self._actor.store_id:
            return False
        self._actor = found.actor
        return True

    def concerns(self, wake: Wake) -> bool:
        """Whether a wake-up of the stream's topics is meant for it."""
        return wake.only in self._meant and not (wake.kind == "typing" and wake.by == self._person)

    def is_delicate(self, wake: Wake) -> bool:
        """Whether the session is read first: the event names a person, or an admin may have hidden what it is about."""
        hideable = wake.about == ConversationType.ADMIN_CUSTOMER and self._actor.type == ActorType.CUSTOMER
        return wake.kind == "typing" or hideable

    def sees(self, wake: Wake) -> bool:
        """Whether the conversation that it is about is shown to this person."""
        return wake.about != ConversationType.ADMIN_CUSTOMER or self._actor.sees_platform


def _frames(subscription: Subscription, right: _Right, line: socket.socket | None, look: float) -> Iterator[bytes]:
    said = looked = time.monotonic()
    until = said + random.uniform(*LIFETIME)
    while (moment := time.monotonic()) < until:
        delivered = subscription.next(max(0.0, min(look, min(said, looked) + HEARTBEAT - moment)))
        wake = delivered.wake if delivered else LOOK
        if wake.kind == "closing" or (wake is LOOK and _is_dead(line)):
            return
        passed = delivered if wake is not LOOK and right.concerns(wake) else None
        moment = time.monotonic()
        due = moment - looked >= HEARTBEAT or (passed is not None and right.is_delicate(wake))
        if (passed and wake.kind == "ended") or (due and not right.stands()):
            yield ENDED
            return
        looked = moment if due else looked
        frame = _said_by(passed) if passed and right.sees(wake) else b""
        if frame or moment - said >= HEARTBEAT:
            said = moment
            yield frame or _frame("", "beat")


def _said_by(delivered: Delivered) -> bytes:
    kind = delivered.wake.kind
    if kind == "hello":
        return _frame(delivered.position, "beat")
    return _frame(delivered.position, "wake", '{"kind": "catch-up"}' if kind == "catch-up" else delivered.wake.data)


def _is_dead(line: socket.socket | None) -> bool:
    """Whether the browser hung up. A server that only writes learns it at its second heartbeat after that."""
    if line is None:
        return False
    try:
        # Past gevent's own `recv`, which would wait until there is something to read.
        return not getattr(line, "_sock", line).recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except (BlockingIOError, ValueError):  # nothing to read; a line of TLS, which cannot be looked at
        return False
    except OSError:
        return True


@lru_cache(maxsize=256)
def _frame(position: str, event: str, data: str = "") -> bytes:
    place = f"id: {position}\n" if position else ""
    return f"{place}event: {event}\ndata: {data}\n\n".encode()


ENDED = _frame("", "ended")
