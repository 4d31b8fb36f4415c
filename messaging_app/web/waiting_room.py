"""Threads only for complete requests: gunicorn's threaded worker with a waiting room in front of its pool.

A thread that reads from a slow client is lost for as long as the client likes, and 256 such clients would stop the
process. Here one thread watches all connections with an incomplete head or short body. It passes a request to the pool
once it is complete and closes connections that take too long. The pool itself only reads the bodies of uploads, which
`bodies.py` limits. Built on gunicorn's public hook `get_thread_pool`.
"""

from __future__ import annotations

import queue
import re
import select
import selectors
import socket
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

from gunicorn.workers.gthread import ThreadWorker

from messaging_app.config import load_settings
from messaging_app.web.bodies import SMALL

HEAD_MAX = 32 * 1024  # bytes; a browser's head has one or two thousand
PATIENCE = 10.0  # seconds for head and short body together
# maximum waiting connections, in all and per address; a new one replaces the oldest
WAITING, FROM_ONE_ADDRESS = 256, 64
# maximum connections still sending after the response, for how long, and how long without a byte
LEAVING, LINGER, QUIET = 128, 30.0, 2.0
SHORTEST, LONGEST = 0.02, 1.0  # seconds between checks for arrived data
END_OF_HEAD = b"\r\n\r\n"
LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,9})[ \t]*\r\n", re.IGNORECASE)
EXPECTS = re.compile(rb"\r\nexpect:[ \t]*100-continue[ \t]*\r\n", re.IGNORECASE)
# other systems than Linux report it only once both sides have closed
HUNG_UP: int = getattr(select, "POLLRDHUP", select.POLLHUP)
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
TOO_SLOW = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class Worker(ThreadWorker):
    """gunicorn's threaded worker with a waiting room. Keeps fewer idle connections to leave room for new ones."""

    max_keepalived: int

    def __init__(self, *arguments: object, **named: object) -> None:
        super().__init__(*arguments, **named)
        self.max_keepalived = max(0, self.max_keepalived - WAITING - LEAVING)

    def get_thread_pool(self) -> WaitingRoom:
        return WaitingRoom(self.cfg.threads, by_address=load_settings().proxies == 0)

    def handle_request(self, req: Any, conn: Any) -> Any:
        """Close a connection with a long body after its response: a thread would otherwise wait for the rest."""
        sizes = {name: value for name, value in req.headers if name in ("CONTENT-LENGTH", "TRANSFER-ENCODING")}
        if "TRANSFER-ENCODING" in sizes or int(sizes.get("CONTENT-LENGTH", 0)) > SMALL:
            req.force_close()
        return super().handle_request(req, conn)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        super().handle_exit(sig, frame)
        self.tpool.close_soon()


@dataclass(slots=True, eq=False)
class Client:
    """A connection that waits for the rest of its request, or is closing while its client still sends."""

    handle: Callable[[object], object]
    conn: Any
    done: Future[object] = field(default_factory=Future)
    since: float = field(default_factory=time.monotonic)
    check_at: float = 0.0  # when to check again for data; 0 until some has arrived
    last_data_at: float = 0.0  # when closing: time of the last byte
    encouraged: bool = False

    @property
    def address(self) -> str:
        """The client's address; empty for a Unix socket."""
        return str(self.conn.client[0]) if isinstance(self.conn.client, tuple) else ""


class WaitingRoom(ThreadPoolExecutor):
    """A thread pool that handles a connection once its request has arrived.

    `by_address`: whether connections from one address belong to one client, which is not so behind a proxy.
    """

    def __init__(self, threads: int, *, by_address: bool) -> None:
        super().__init__(threads)
        self._by_address = by_address
        self._ending = False
        self._changes: queue.SimpleQueue[Client] = queue.SimpleQueue()
        self._selector = selectors.DefaultSelector()
        self._wakeups, waker = socket.socketpair()
        self._waker = waker
        for end in (self._wakeups, waker):
            end.setblocking(False)
        self._selector.register(self._wakeups, selectors.EVENT_READ)
        self._waiting: dict[Client, None] = {}  # in order of arrival
        self._leaving: dict[Client, None] = {}
        self._from: defaultdict[str, dict[Client, None]] = defaultdict(dict)
        threading.Thread(target=self._run, name="waiting-room", daemon=True).start()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Let `fn` handle a connection. The future says whether gunicorn keeps the connection, once that is known."""
        (conn,) = args
        client = Client(fn, conn)
        if has_arrived(client) is True:
            self._begin(client)
        else:
            self._hand_over(client)
        return client.done

    def close_soon(self) -> None:
        """Accept no new connections and close those without data. Called by a signal handler."""
        self._ending = True
        self._wake()

    def _begin(self, client: Client) -> None:
        client.conn.data_ready = True
        try:
            super().submit(self._work, client)
        except RuntimeError:  # the pool has ended
            self._close(client)

    def _work(self, client: Client) -> None:
        """Handle the request in a thread of the pool."""
        try:
            keep = client.handle(client.conn)
        except BaseException as error:
            client.done.set_exception(error)
            return
        if keep:
            client.done.set_result(keep)
            return
        try:
            client.conn.sock.shutdown(socket.SHUT_WR)
        except OSError:
            client.done.set_result(False)
            return
        client.since = client.last_data_at = time.monotonic()
        self._hand_over(client)

    def _hand_over(self, client: Client) -> None:
        self._changes.put(client)
        self._wake()

    def _wake(self) -> None:
        with suppress(OSError):
            self._waker.send(b".")

    def _run(self) -> None:
        while True:
            for key, _events in self._selector.select(self._pause()):
                if key.data is None:
                    self._take_changes()
                elif key.data in self._leaving:
                    self._drain(key.data)
                elif key.data in self._waiting:  # and has not just been closed
                    self._selector.unregister(key.fileobj)
                    self._check(key.data)
            self._check_all()

    def _pause(self) -> float:
        """Return the seconds until the next connection needs a check or has to be closed."""
        now = time.monotonic()
        return max(0.0, min((client.check_at - now for client in self._waiting if client.check_at), default=LONGEST))

    def _take_changes(self) -> None:
        with suppress(BlockingIOError):
            while self._wakeups.recv(4096):
                pass
        with suppress(queue.Empty):
            while True:
                client = self._changes.get_nowait()
                if client.last_data_at:
                    self._leaving[client] = None
                    if len(self._leaving) > LEAVING:
                        self._close(next(iter(self._leaving)))
                    self._watch(client)
                else:
                    self._add(client)

    def _add(self, client: Client) -> None:
        self._waiting[client] = None
        neighbours = self._from[client.address] if self._by_address and client.address else {}
        neighbours[client] = None
        if len(neighbours) > FROM_ONE_ADDRESS:
            self._refuse(next(iter(neighbours)))
        if len(self._waiting) > WAITING:
            self._refuse(next(iter(self._waiting)))
        self._watch(client)

    def _watch(self, client: Client) -> None:
        try:
            self._selector.register(client.conn.sock, selectors.EVENT_READ, client)
        except (OSError, ValueError, KeyError):  # closed meanwhile
            self._close(client)

    def _check(self, client: Client) -> None:
        """Check the data that has arrived. If incomplete, check again after half of the time it has taken so far."""
        arrived = has_arrived(client)
        if arrived is True:
            self._remove(client)
            self._begin(client)
        elif arrived is None:
            self._refuse(client, TOO_LARGE)
        else:
            now = time.monotonic()
            client.check_at = now + min(LONGEST, max(SHORTEST, (now - client.since) / 2))

    def _check_all(self) -> None:
        now = time.monotonic()
        for client in list(self._waiting):
            if now - client.since > PATIENCE or (self._ending and not client.check_at):
                self._refuse(client)
            elif 0 < client.check_at <= now:
                self._check(client)
        for client in list(self._leaving):
            if now - client.last_data_at > QUIET or now - client.since > LINGER:
                self._close(client)

    def _drain(self, client: Client) -> None:
        """Read what the client still sends after its response: closing earlier would lose the response."""
        with suppress(OSError):
            if client.conn.sock.recv(64 * 1024, socket.MSG_DONTWAIT):
                client.last_data_at = time.monotonic()
                return
        self._close(client)

    def _refuse(self, client: Client, words: bytes = TOO_SLOW) -> None:
        if client.check_at:  # send nothing to clients that sent nothing: browsers open spare connections
            with suppress(OSError):
                client.conn.sock.send(words, socket.MSG_DONTWAIT)
        self._close(client)

    def _close(self, client: Client) -> None:
        """Let gunicorn close the connection in its main thread, after reading has stopped."""
        self._remove(client)
        with suppress(OSError):
            client.conn.sock.shutdown(socket.SHUT_RDWR)
        if not client.done.done():
            client.done.set_result(False)

    def _remove(self, client: Client) -> None:
        with suppress(OSError, ValueError, KeyError):
            self._selector.unregister(client.conn.sock)
        self._waiting.pop(client, None)
        self._leaving.pop(client, None)
        neighbours = self._from.get(client.address, {})
        neighbours.pop(client, None)
        if not neighbours:
            self._from.pop(client.address, None)


def has_arrived(client: Client) -> bool | None:
    """Whether the next request's head and short body have arrived; None if the head has no end.

    Peeks without consuming data. Cannot look into an encrypted connection: the proxy handles TLS.
    """
    conn = client.conn
    if conn.cfg.is_ssl:
        return True
    held = b""
    if conn.initialized:
        held = conn.parser.unreader.take_buffered()  # data that came with the previous request
        conn.parser.unreader.unread(held)
    try:
        seen = conn.sock.recv(HEAD_MAX + SMALL, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except BlockingIOError:
        if not held:
            return False
        seen = b""
    except OSError:
        return True
    else:
        if not seen:
            return True  # the client has finished sending
    text = held + seen
    end = text.find(END_OF_HEAD)
    if end < 0:
        return None if len(text) >= HEAD_MAX else has_ended(conn.sock)
    head = text[: end + len(END_OF_HEAD)]
    length = LENGTH.search(head)
    size = int(length[1]) if length else 0
    if size > SMALL or len(text) >= len(head) + size:
        return True
    if EXPECTS.search(head) and not client.encouraged:
        client.encouraged = True
        with suppress(OSError):
            conn.sock.send(CONTINUE, socket.MSG_DONTWAIT)
    return has_ended(conn.sock)


def has_ended(link: socket.socket) -> bool:
    """Whether the client has finished sending, so gunicorn sees what is missing without waiting."""
    poll = select.poll()
    poll.register(link, HUNG_UP)
    return bool(poll.poll(0))
