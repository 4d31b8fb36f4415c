"""The event stream: wake-ups for one browser window, and the notes that somebody is writing.

A stream holds no database connection and makes no statement while nothing happens. It ends with its sign-in session,
and in any case after a quarter of an hour: the browser comes back at once and shows that it is still signed in.
"""

from __future__ import annotations

import random
import socket
import time
from collections.abc import Callable, Iterator
from functools import lru_cache

from flask import Flask, Response, current_app, g, request
from flask.typing import ResponseReturnValue

from messaging_app.accounts.limits import limiter
from messaging_app.actors import Actor, ActorType
from messaging_app.bus import Delivered, Subscription, Wake, current_bus
from messaging_app.models import ConversationType
from messaging_app.ops import metrics
from messaging_app.policies import policy_of
from messaging_app.services import announcements, messaging
from messaging_app.services.settings import CUSTOMERS_SEE_PLATFORM, get_setting
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
    idle = (signed_in.last_used_at + policy_of(actor).idle).timestamp() - time.time()
    until = time.monotonic() + min(random.uniform(*LIFETIME), idle)
    hub, line = current_bus().hub, request.environ.get("gunicorn.socket")
    frames = _frames(subscription, until, _filter(actor, signed_in.session_id), line, hub.look_every)
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


def _filter(actor: Actor, session_id: int) -> Callable[[Wake], bool]:
    """Which of the wake-ups of its topics a stream passes on."""
    person, meant = f"{actor.type}:{actor.id}", ("", f"store:{actor.store_id}", f"session:{session_id}")
    if actor.type != ActorType.CUSTOMER:
        return lambda wake: wake.only in meant and not (wake.kind == "typing" and wake.by == person)
    app = current_app._get_current_object()  # type: ignore[attr-defined] # a proxy would be of no use in the stream

    def passes(wake: Wake) -> bool:
        if wake.only not in meant or (wake.kind == "typing" and wake.by == person):
            return False
        if wake.about != ConversationType.ADMIN_CUSTOMER:
            return True
        with app.app_context():  # an admin may have hidden these meanwhile
            return bool(get_setting(CUSTOMERS_SEE_PLATFORM))

    return passes


def _frames(
    subscription: Subscription, until: float, passes: Callable[[Wake], bool], line: socket.socket | None, look: float
) -> Iterator[bytes]:
    said = time.monotonic()
    while time.monotonic() < until:
        delivered = subscription.next(look)
        kind = delivered.wake.kind if delivered else "look"
        if kind == "closing" or (kind == "look" and _is_dead(line)):
            return
        frame = _said_by(delivered, passes) if delivered and kind != "look" else b""
        if frame or time.monotonic() - said >= HEARTBEAT:
            said = time.monotonic()
            yield frame or _frame("", "beat")
        if frame == ENDED:
            return


def _said_by(delivered: Delivered, passes: Callable[[Wake], bool]) -> bytes:
    """What a stream passes on of a wake-up; nothing of those that concern others."""
    kind = delivered.wake.kind
    if kind == "hello":
        return _frame(delivered.position, "beat")
    if kind == "catch-up":
        return _frame(delivered.position, "wake", '{"kind": "catch-up"}')
    if not passes(delivered.wake):
        return b""
    return ENDED if kind == "ended" else _frame(delivered.position, "wake", delivered.wake.data)


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
