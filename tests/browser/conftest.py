"""One server for all browser tests of a process, with the database reset to the cast before each test.

    site    the server: its address, its cast, and what happens on it meanwhile (`site.do(service, ...)`)
    visit   opens a page as somebody of the cast, in a browser window of their own

Every page is watched: an error or a warning in its console, a request that leaves the server or an answer of 500 fails
the test at its end, unless the test has said that it makes such noise on purpose (`visit.noise("503")`).
"""

from __future__ import annotations

import re
import secrets
import shutil
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import pytest
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, Response, Route, expect
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.test import run_wsgi_app

from messaging_app import create_app
from messaging_app.accounts.tokens import digest
from messaging_app.actors import Actor
from messaging_app.db.engine import writing
from messaging_app.extensions import db
from messaging_app.models import SignInSession
from messaging_app.models.context import Named
from messaging_app.policies import ROLES
from messaging_app.services import messaging
from tests import cast
from tests.browser import stories
from tests.conftest import SECRET, empty, role_of

Answer = TypeVar("Answer")
PATIENCE = 10_000  # ms; the machine may be busy, and an expectation that holds does not wait

expect.set_options(timeout=PATIENCE)


@pytest.fixture(scope="session")
def served(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("browser")
    url = f"sqlite:///{shutil.copy(migrated_sqlite, folder / 'messaging.db')}"
    app = create_app(database_url=url, secret_key=SECRET, rate_limits="off", instance=str(folder))
    server = make_server("127.0.0.1", 0, _files_once(app), threaded=True, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    site = Site(app, f"http://127.0.0.1:{server.server_port}")
    yield site
    site.end_streams()
    server.shutdown()
    thread.join()
    with app.app_context():
        db.engine.dispose()


def _files_once(app: Flask) -> Callable[..., Iterable[bytes]]:
    """The application, which is asked for each of its files once: every window asks for sixty, as at a first visit."""
    answers: dict[tuple[str, str], tuple[list[bytes], str, list[tuple[str, str]]]] = {}

    def serve(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] != "GET" or not environ["PATH_INFO"].startswith("/static/"):
            return app(environ, start_response)
        asked = (environ["PATH_INFO"], environ.get("HTTP_ACCEPT_ENCODING", ""))
        if asked not in answers:
            chunks, status, headers = run_wsgi_app(app, environ, buffered=True)
            answers[asked] = (list(chunks), status, headers.to_wsgi_list())
        body, *head = answers[asked]
        start_response(*head)
        return body

    return serve


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:
        """Requests are not worth a line in a test's report; errors are logged by the application."""


@pytest.fixture
def site(served: Site) -> Site:
    """The server, with the cast and nothing else in its database."""
    served.begin_anew()
    return served


class Site:
    """The served application, and actions of other users while a page is open."""

    cast: cast.Cast

    def __init__(self, app: Flask, url: str) -> None:
        self.app = app
        self.url = url

    def begin_anew(self) -> None:
        """Empty the database and bring in the cast."""
        self.end_streams()
        with self.app.app_context():
            empty(db.engine)
            self.cast = cast.bring_in()

    def end_streams(self) -> None:
        """Let go of the event streams of windows that are gone."""
        hub = self.app.extensions["bus"].hub
        hub.close()
        hub.closing = False

    def do(self, act: Callable[..., Answer], *args: Any, **named: Any) -> Answer:
        """Something that happens on the server, such as `site.do(messaging.send_message, actor, 1, "Hello")`."""
        with self.app.app_context():
            return act(*args, **named)

    def begin(
        self,
        sender: Actor,
        recipient: Actor | int,
        subject: str = "Your rye loaf",
        *words: str,
        about: Named | None = None,
    ) -> int:
        """A conversation with a customer, or with the store of a number; `words` are its messages. Answers its id."""
        kind = "store" if isinstance(recipient, int) else "customer"
        words = words or ("It leaves tomorrow.",)
        number = self.do(
            messaging.create_conversation,
            sender,
            conversation_type=f"{sender.type}_{kind}",
            recipient_type=kind,
            recipient_id=recipient if isinstance(recipient, int) else recipient.id,
            subject=subject,
            content=words[0],
            context=about,
        ).conversation_id
        self.say(sender, number, *words[1:])
        return number

    def say(self, sender: Actor, number: int, *words: str) -> None:
        """Send messages into a conversation."""
        for word in words:
            self.do(messaging.send_message, sender, number, word)

    def tell(self, story: stories.Story) -> int:
        """A conversation with a past (see stories.py). Answers its id."""
        return self.do(stories.tell, story, self.cast)

    def cookie(self, role: str, actor: Actor) -> dict[str, str]:
        """The cookie of a new sign-in, without the time that a password costs."""
        token = secrets.token_urlsafe(32)
        with self.app.app_context(), writing(db.session) as session:
            session.add(
                SignInSession(
                    token_hash=digest(token), actor_type=actor.type, person_id=actor.id, store_id=actor.store_id
                )
            )
        serializer = self.app.session_interface.get_signing_serializer(self.app)  # type: ignore[attr-defined]
        value = serializer.dumps({"_user_id": token, "_fresh": True, "_permanent": True})
        return {"name": role, "value": str(value), "url": self.url}

    def end_sessions(self, actor: Actor) -> None:
        """End a user's sessions, as if they signed out elsewhere or were removed."""
        from messaging_app.accounts.sessions import end_sessions_of

        with self.app.app_context(), writing(db.session):
            end_sessions_of(actor.type, actor.id)


@pytest.fixture
def visit(site: Site, browser: Browser) -> Iterator[Visitors]:
    """Open pages as members of the cast. At the end close their windows and check their console messages."""
    visitors = Visitors(site, browser)
    yield visitors
    visitors.leave()
    assert not visitors.heard, "\n".join(visitors.heard)


class Visitors:
    """People at their browsers."""

    def __init__(self, site: Site, browser: Browser) -> None:
        self.site = site
        self.browser = browser
        self.contexts: list[BrowserContext] = []
        self.heard: list[str] = []
        self.expected: list[str] = []

    def __call__(
        self, name: str | None = None, at: str | int | None = None, *, role: str | None = None, live: bool = True,
        **options: Any,
    ) -> Page:  # fmt: skip
        """A page in a window of its own. `at`: an address, or the number of a conversation; else the inbox.

        Without a name nobody is signed in. `live=False` gives no event stream, so that only polls bring news.
        `options` are those of a Playwright context (viewport, locale, java_script_enabled ...).
        """
        context = self.browser.new_context(base_url=self.site.url, **options)
        self.contexts.append(context)
        context.set_default_timeout(PATIENCE)
        self._watch(context)
        if not live:
            context.route("**/events?*", lambda route: route.fulfill(status=204))
        base = "/"
        if name is not None:
            role = role or role_of(name)
            actor: Actor = getattr(self.site.cast, name)
            context.add_cookies([self.site.cookie(role, actor)])
            base = ROLES[role].messages
        page = context.new_page()
        page.goto(at if isinstance(at, str) else f"{base}/{at}" if at else base)
        return page

    def noise(self, *patterns: str) -> None:
        """What this test may hear: regular expressions."""
        self.expected += patterns

    def leave(self) -> None:
        """Close every window."""
        for context in self.contexts:
            context.close()
        self.contexts.clear()
        self.heard = [sound for sound in self.heard if not any(re.search(p, sound) for p in self.expected)]

    def _watch(self, context: BrowserContext) -> None:
        def on_console(message: ConsoleMessage) -> None:
            if message.type in ("error", "warning"):
                self.heard.append(
                    f"console {message.type} at {message.page and message.page.url}: {message.text} {message.location['url']}"
                )

        def on_request(request: Request) -> None:
            if urlsplit(request.url).scheme in ("http", "https") and not request.url.startswith(self.site.url):
                self.heard.append(f"a request left the server: {request.url}")

        def on_response(response: Response) -> None:
            if response.status >= 500:
                self.heard.append(f"answer {response.status} of {response.request.method} {response.url}")

        context.on("console", on_console)
        context.on("request", on_request)
        context.on("response", on_response)
        context.on("weberror", lambda error: self.heard.append(f"error in a script: {error.error}"))


def fail_once(page: Page, pattern: str, status: int = 503, *, deliver: bool = False) -> list[Request]:
    """The next request to `pattern` gets `status`; with `deliver` the server does its work and only the answer is lost.

    Answers the list in which every request to `pattern` is noted.
    """
    seen: list[Request] = []

    def handle(route: Route) -> None:
        seen.append(route.request)
        if len(seen) > 1:
            route.continue_()
            return
        if deliver:
            route.fetch()
        route.fulfill(status=status, body="<p>One moment, please</p>", content_type="text/html")

    page.route(pattern, handle)
    return seen
