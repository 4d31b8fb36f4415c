"""The event stream of one browser window: what changed, and who is typing.

A stream holds no database connection. At every heartbeat, and before it forwards an event that names a person, it
checks its sign-in session in one statement. It ends when the session is over, whichever process ended it and with or
without Redis. It also ends after about a quarter of an hour, and the browser reconnects at once.
"""

from __future__ import annotations

import random
import socket
import time
from collections.abc import Iterator
from functools import lru_cache

from flask import Flask, Response, g, request
from flask.globals import app_ctx
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import SQLAlchemyError

from messaging_app.accounts.limits import limiter
from messaging_app.accounts.signed_in import SignIn, find_sign_in
from messaging_app.actors import Actor, ActorType
from messaging_app.bus import LOOK, Delivered, Event, Subscription, current_bus
from messaging_app.models import ConversationType
from messaging_app.ops import metrics
from messaging_app.policies import policy_of
from messaging_app.services import announcements, presence, threads
from messaging_app.web.htmx import signed_in

HEARTBEAT = 15.0  # seconds; the browser reconnects after three missed heartbeats
LIFETIME = (720.0, 1020.0)  # seconds; random in this range, so that not all browsers reconnect at once


def init_app(app: Flask) -> None:
    """Record the bus position before any query, so that a page can request later events."""
    app.before_request(_note_position)


def events(actor: Actor) -> ResponseReturnValue:
    """The stream. Resumes after `Last-Event-ID` (or `from`, the page's position); 204 if there are too many."""
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
    """Announce that `actor` is typing here. Stores nothing."""
    limiter.hit("typing", actor.type, actor.id)
    announcements.typing(actor, threads.get_writer(actor, conversation_id))
    return Response(status=204)


def leave(actor: Actor, conversation_id: int) -> ResponseReturnValue:
    """Note that `actor` has left this conversation. Stores nothing."""
    limiter.hit("typing", actor.type, actor.id)
    presence.leave(actor, threads.get_head(actor, conversation_id).head)
    return Response(status=204)


def _note_position() -> None:
    if request.method == "GET" and "HX-Request" not in request.headers:
        g.live_position = current_bus().position()


class _Right:
    """What a stream may forward while its session is valid."""

    def __init__(self, sign_in: SignIn) -> None:
        actor = sign_in.actor
        self._app = app_ctx.app  # the stream outlives this context, so `current_app` is of no use in it
        self._token, self._actor = sign_in.token, actor
        self._person = f"{actor.type}:{actor.id}"
        self._meant = ("", f"store:{actor.store_id}", f"session:{sign_in.session_id}")

    def stands(self) -> bool:
        """Whether the session is active and in the store for which the stream was opened.

        Also False if the database is unreachable: the browser reconnects.
        """
        with self._app.app_context():
            try:
                found = find_sign_in(policy_of(self._actor), self._token)
            except SQLAlchemyError as error:
                self._app.logger.warning("a stream cannot look at its session: %s", type(error).__name__)
                return False
        if found is None or found.must_enrol or found.actor.store_id != self._actor.store_id:
            return False
        self._actor = found.actor
        return True

    def concerns(self, event: Event) -> bool:
        """Whether an event of the stream's topics is addressed to it."""
        return event.only in self._meant and not (event.kind == "typing" and event.by == self._person)

    def is_delicate(self, event: Event) -> bool:
        """Whether to check the session first: the event names a person, or an admin may have hidden it."""
        hideable = event.about == ConversationType.ADMIN_CUSTOMER and self._actor.type == ActorType.CUSTOMER
        return event.kind == "typing" or hideable

    def sees(self, event: Event) -> bool:
        """Whether this user sees the event's conversation."""
        actor = self._actor
        if actor.sees_all:
            return True
        if actor.type == ActorType.STORE:
            return event.held_by in (None, actor.id)
        return event.about != ConversationType.ADMIN_CUSTOMER


def _frames(subscription: Subscription, right: _Right, line: socket.socket | None, look: float) -> Iterator[bytes]:
    said = looked = time.monotonic()
    until = said + random.uniform(*LIFETIME)
    while (moment := time.monotonic()) < until:
        delivered = subscription.next(max(0.0, min(look, min(said, looked) + HEARTBEAT - moment)))
        event = delivered.event if delivered else LOOK
        if event.kind == "closing" or (event is LOOK and _is_dead(line)):
            return
        passed = delivered if event is not LOOK and right.concerns(event) else None
        moment = time.monotonic()
        due = moment - looked >= HEARTBEAT or (passed is not None and right.is_delicate(event))
        if (passed and event.kind == "ended") or (due and not right.stands()):
            yield ENDED
            return
        looked = moment if due else looked
        frame = _said_by(passed) if passed and right.sees(event) else b""
        if frame or moment - said >= HEARTBEAT:
            said = moment
            yield frame or _frame("", "beat")


def _said_by(delivered: Delivered) -> bytes:
    kind = delivered.event.kind
    if kind == "hello":
        return _frame(delivered.position, "beat")
    return _frame(delivered.position, "wake", '{"kind": "catch-up"}' if kind == "catch-up" else delivered.event.data)


def _is_dead(line: socket.socket | None) -> bool:
    """Whether the browser has disconnected. Writing alone would notice only at the second heartbeat."""
    if line is None:
        return False
    try:
        # Bypass gevent's `recv`, which would wait for data.
        return not getattr(line, "_sock", line).recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except (BlockingIOError, ValueError):  # nothing to read, or a TLS socket, which does not support MSG_PEEK
        return False
    except OSError:
        return True


@lru_cache(maxsize=256)
def _frame(position: str, event: str, data: str = "") -> bytes:
    place = f"id: {position}\n" if position else ""
    return f"{place}event: {event}\ndata: {data}\n\n".encode()


ENDED = _frame("", "ended")
