"""The application as it is served: gunicorn in processes of its own, embedded or scaled, and people who use it by HTTP."""

from __future__ import annotations

import html
import http.client
import json
import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from messaging_app import create_app
from messaging_app.extensions import db
from messaging_app.policies import ROLES
from tests import cast, starter
from tests.conftest import SECRET, TOKEN, role_of
from tests.services import free_port, wait_for

MAIL_FROM = "Marketplace <no-reply@messages.example>"


class Installation:
    """A running installation. `settings` are names of variables without their prefix."""

    application = "wsgi:app"

    def __init__(self, folder: Path, database_url: str, redis_url: str | None, **settings: Any) -> None:
        self.folder, self.port = folder, free_port()
        values = {"env": "development", "secret_key": SECRET, "rate_limits": "off", "database_url": database_url}
        values |= {"instance": folder / "instance", "redis_url": redis_url or ""} | settings
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("MESSAGING_", "FLASK_"))}
        self.environment = clean | {f"MESSAGING_{name.upper()}": str(value) for name, value in values.items()}
        self.environment |= {"PORT": str(self.port), "WEB_CONCURRENCY": "2"}
        self.scaled = redis_url is not None
        self.app = create_app(
            database_url=database_url, secret_key=SECRET, instance=str(folder / "instance"), redis_url=redis_url
        )
        with self.app.app_context():
            self.cast = cast.bring_in()
            db.engine.dispose()
        self.web: starter.Started | subprocess.Popen[bytes] | None = None
        self.worker: starter.Started | subprocess.Popen[bytes] | None = None
        self.people: list[Person] = []

    def start(self) -> Installation:
        """Serve, and where it is scaled run the worker beside. Its processes hear each other when this returns."""
        self.web = self._run("gunicorn", "-c", "python:messaging_app.gunicorn_conf", self.application)
        if self.scaled and "MESSAGING_MAIL_URL" in self.environment:
            self.start_worker()
        wait_for(self._answers, 30, what="the server to answer")
        if self.scaled:
            wait_for(self._all_listen, 30, what="the processes to listen to Redis")
            time.sleep(0.1)  # until they know where the order stands
        return self

    def _all_listen(self) -> bool:
        import redis

        with redis.Redis.from_url(self.environment["MESSAGING_REDIS_URL"]) as client:
            listeners = client.pubsub_numsub(*client.pubsub_channels("messaging:*"))
        return sum(number for _channel, number in listeners) >= int(self.environment["WEB_CONCURRENCY"])

    def start_worker(self) -> None:
        self.worker = self._run("flask", "--app", "wsgi", "worker")

    def kill(self, number: int = signal.SIGKILL) -> None:
        """End every process at once, and wait until they are gone."""
        processes = [process for process in (self.web, self.worker) if process is not None]
        for process in processes:
            if number == signal.SIGKILL:
                os.killpg(process.pid, number)
            else:
                process.send_signal(number)
        for process in processes:
            process.wait(15)
        self.web = self.worker = None

    def leave(self) -> None:
        """Everybody closes their windows: a server that stops waits for connections that are still open."""
        for person in self.people:
            for stream in person.streams:
                stream.close()
        self.people.clear()

    def stop(self) -> None:
        self.leave()
        self.kill(signal.SIGTERM)

    def said(self) -> str:
        """What the processes wrote to their log."""
        return (self.folder / "log").read_text()

    def _run(self, module: str, *arguments: str) -> starter.Started | subprocess.Popen[bytes]:
        # gevent wants to be first, and the starter has loaded the application already.
        begin = starter.begin if self.scaled and module == "gunicorn" else starter.start
        return begin(module, *arguments, environment=self.environment, log=self.folder / "log")

    def _answers(self) -> bool:
        try:
            return Person(self.port).get("/", htmx=False)[0] == 200
        except OSError:
            return False

    def signed_in(self, name: str, role: str | None = None) -> Person:
        """Somebody of the cast at a browser of their own, signed in."""
        person = Person(self.port)
        self.people.append(person)
        person.sign_in(role or role_of(name), name)
        return person

    def ready(self) -> dict[str, str]:
        """What /readyz says of each part."""
        time.sleep(1.1)  # an answer serves everybody for a second
        parts: dict[str, str] = json.loads(Person(self.port).get("/readyz")[1])
        return parts

    def figure(self, name: str) -> float:
        """What /metrics says."""
        text = Person(self.port).get("/metrics")[1]
        return float(re.search(rf"^{name} (\S+)$", text, re.MULTILINE).group(1))  # type: ignore[union-attr]

    @contextmanager
    def database(self) -> Iterator[Any]:
        """The database's session, for looking at what is stored."""
        with self.app.app_context():
            yield db.session
            db.session.rollback()
            db.engine.dispose()


class Person:
    """Somebody at a browser: cookies, a CSRF token, requests one at a time, and streams."""

    def __init__(self, port: int) -> None:
        self.port, self.cookies, self.token = port, {}, ""
        self.base, self.patience = "", 20.0
        self.streams: list[Stream] = []

    def sign_in(self, role: str, name: str) -> None:
        store = {"jun": "cycles"}.get(name, "bakery")
        address = f"/{role}/login" + (f"?store={store}" if role == "storefront" else "")
        self.get(address, htmx=False)
        status, _text = self.post(address, email=cast.EMAILS[name], password=cast.PASSWORD)
        assert status == 303, (role, name, status)
        self.base = ROLES[role].messages
        self.get(ROLES[role].home, htmx=False)

    def get(self, path: str, *, htmx: bool = True) -> tuple[int, str]:
        return self._ask("GET", path, None, {"HX-Request": "true"} if htmx else {})

    def post(self, path: str, *, htmx: bool = False, **fields: Any) -> tuple[int, str]:
        body = urlencode({"csrf_token": self.token} | fields)
        headers = {"Content-Type": "application/x-www-form-urlencoded"} | ({"HX-Request": "true"} if htmx else {})
        return self._ask("POST", path, body, headers)

    def begin(self, recipient: cast.Actor, content: str, subject: str = "Subject") -> int:
        """Begin a conversation with a customer of the own store; answers its number."""
        values = {"conversation_type": "store_customer", "recipient_type": "customer", "recipient_id": recipient.id}
        status, _text = self.post(self.base, subject=subject, content=content, **values)
        assert status == 303
        return int(re.search(r"/(\d+)", self.location.removeprefix(self.base)).group(1))  # type: ignore[union-attr]

    def send(self, number: int, content: str, **fields: Any) -> int:
        return self.post(f"{self.base}/{number}/messages", content=content, **fields)[0]

    def stream(self, **headers: str) -> Stream:
        """Open the event stream; events are gathered until it ends."""
        self.streams.append(Stream(self, headers))
        return self.streams[-1]

    def _ask(self, method: str, path: str, body: str | None, headers: dict[str, str]) -> tuple[int, str]:
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=self.patience)
        try:
            link.request(method, path, body, headers | self._cookie())
            answer = link.getresponse()
            text = answer.read().decode()
        finally:
            link.close()
        for line in answer.headers.get_all("Set-Cookie") or ():
            name, _, value = line.partition(";")[0].partition("=")
            self.cookies[name] = value
        if found := TOKEN.search(text):
            self.token = html.unescape(found.group(1) or found.group(2))
        self.location = answer.headers.get("Location", "")
        return answer.status, text

    def _cookie(self) -> dict[str, str]:
        return {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())} if self.cookies else {}


class Stream:
    """An open event stream: `events` are (time of arrival, id, event, data)."""

    def __init__(self, person: Person, headers: dict[str, str], port: int | None = None) -> None:
        self.events: list[tuple[float, str, str, Any]] = []
        self.ended = threading.Event()
        self._link = http.client.HTTPConnection("127.0.0.1", port or person.port, timeout=60)
        self._link.request("GET", f"{person.base}/events", headers=person._cookie() | headers)
        self.answer = self._link.getresponse()
        self.status = self.answer.status
        if self.status == 200:
            threading.Thread(target=self._read, daemon=True).start()
            wait_for(lambda: self.events or self.ended.is_set(), what="the stream to begin")

    def wakes(self) -> list[Any]:
        """What the wake-ups said."""
        return [data for _at, _id, event, data in list(self.events) if event == "wake"]

    def wait(self, test: Callable[[Any], bool], seconds: float = 5) -> Any:
        """The first wake-up that passes `test`."""
        return wait_for(lambda: next((wake for wake in self.wakes() if test(wake)), None), seconds)

    def last_id(self) -> str:
        return next(place for _at, place, _event, _data in reversed(self.events) if place)

    def close(self) -> None:
        if self._link.sock is not None:
            self._link.sock.shutdown(2)
        self._link.close()

    def _read(self) -> None:
        fields: dict[str, str] = {}
        try:
            for raw in self.answer:
                line = raw.decode().rstrip("\n")
                if line:
                    name, _, value = line.partition(":")
                    fields[name] = value.removeprefix(" ")
                elif fields:
                    data = fields.get("data", "")
                    self.events.append(
                        (
                            time.monotonic(),
                            fields.get("id", ""),
                            fields.get("event", ""),
                            json.loads(data) if data else None,
                        )
                    )
                    fields = {}
        except (OSError, ValueError, http.client.HTTPException, AttributeError):
            pass
        self.ended.set()
