"""A network that is bad on purpose: a proxy that delays what passes and cuts connections in the middle."""

from __future__ import annotations

import random
import socket
import threading
import time
from contextlib import suppress

from tests.services import free_port


class BadNetwork:
    """Passes connections on to `target`; each waits a little now and then, and some are cut while they flow."""

    def __init__(self, target: int, delay: float = 0.3, cut: float = 0.0) -> None:
        self.target, self.delay, self.cut = target, delay, cut
        self.port = free_port()
        self.cuts = 0
        self._random = random.Random(7)
        self._server = socket.create_server(("127.0.0.1", self.port), backlog=200)
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._server.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _address = self._server.accept()
                far = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                return
            for source, sink, is_answer in ((near, far, False), (far, near, True)):
                threading.Thread(target=self._pass_on, args=(source, sink, is_answer), daemon=True).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket, is_answer: bool) -> None:
        try:
            while data := source.recv(16384):
                time.sleep(self._random.random() * self.delay * (self._random.random() < 0.5))
                if is_answer and self._random.random() < self.cut:
                    self.cuts += 1
                    sink.sendall(data[: len(data) // 2])
                    break
                sink.sendall(data)
        except OSError:
            pass
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
