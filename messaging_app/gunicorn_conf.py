"""The gunicorn configuration: `gunicorn -c python:messaging_app.gunicorn_conf wsgi:app`.

Embedded: one process with threads, which also sends e-mail. Scaled (if both PostgreSQL and Redis are configured): one
gevent process per processor (`WEB_CONCURRENCY` overrides), with `flask --app wsgi worker` as a separate process.

gevent replaces threads and sockets in each worker after this file is read. psycopg chooses how to wait when it is
imported, so no import at the top of this file may load it.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
import warnings
from collections.abc import Iterable
from types import FrameType
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from messaging_app.config import ConfigurationError, load_settings, own_port

# Caused by an asyncio module of the Redis library that is not used here.
warnings.filterwarnings("ignore", message="Monkey-patching ssl after ssl has already been imported")

_settings = load_settings()
_scaled = bool(_settings.redis_url) and (_settings.database_url or "").startswith("postgresql")

bind = [f"127.0.0.1:{own_port()}"]
worker_class = "gevent" if _scaled else "messaging_app.web.waiting_room.Worker"
workers = int(os.environ.get("WEB_CONCURRENCY") or (os.cpu_count() or 1)) if _scaled else 1
threads = 1 if _scaled else 256
worker_connections = 10_000 if _scaled else 1_000
graceful_timeout = 5
keepalive = 15
control_socket_disable = True
accesslog = None
wsgi_app = "wsgi:app"
# MESSAGING_PROXIES alone says which proxies to trust (see factory.py); gunicorn would trust this machine.
forwarded_allow_ips = ""
forwarder_headers = ""
secure_scheme_headers: dict[str, str] = {}
CHOOSE_AT_IMPORT = (
    "messaging_app.factory",
    "prometheus_client",
    "psycopg",
    "redis",
    "urllib3",
)  # how they wait or lock


def on_starting(server: Any) -> None:
    """Stop with a sentence before any worker starts if settings conflict."""
    settings = load_settings()
    database = settings.database_url or "sqlite:"
    kind = str(server.cfg.worker_class_str)
    if "gevent" in kind and database.startswith("sqlite"):
        raise ConfigurationError(
            "gevent cannot serve SQLite: one greenlet that waits for the database stops all of them. "
            "Use the gthread worker, or PostgreSQL by MESSAGING_DATABASE_URL."
        )
    if "gevent" in kind:
        refuse_what_blocks()
    if server.cfg.workers > 1 and settings.redis_url is None:
        server.log.warning(
            "Several processes without MESSAGING_REDIS_URL: what happens in one is seen in the others at the next poll, "
            "and each counts its own rate limits."
        )
    if server.cfg.workers > 1 and "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        # The processes share their metrics, so that any of them can return all at /metrics.
        server.figures = os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="messaging-metrics-")
    if settings.mail_url is None:
        server.log.warning("Mail is off: MESSAGING_MAIL_URL is not set.")


def refuse_what_blocks() -> None:
    """Raise `ConfigurationError` if an imported module would block all greenlets whenever one waits."""
    if early := [name for name in CHOOSE_AT_IMPORT if name in sys.modules]:
        raise ConfigurationError(
            f"{', '.join(early)} was imported before gevent: one request that waits for the database would stop all of "
            "them. Start without --preload and without anything that loads the application first, or use the gthread worker."
        )


def post_worker_init(worker: Any) -> None:
    """Prepare each worker: its stream limit, closing streams at exit, and the jobs if it is the only one."""
    from messaging_app.db.engine import give_up_on_silence
    from messaging_app.extensions import db
    from messaging_app.mail.worker import start_beside

    app = worker.wsgi
    with app.app_context():
        give_up_on_silence(db.engine)
    hub = worker.hub = app.extensions["bus"].hub
    app.extensions["bus"].position()  # subscribes now, so that no stream begins by catching up
    green = "gevent" in str(worker.cfg.worker_class_str)
    # A stream occupies a thread; a quarter stays free for pages, whatever the number of tabs.
    hub.capacity = worker.cfg.worker_connections * 9 // 10 if green else worker.cfg.threads * 3 // 4
    if green:
        hub.look_every = 15.0  # thousands of checks cost more than an occupied place

    def end(number: int, frame: FrameType | None) -> None:
        hub.close()
        worker.handle_exit(number, frame)

    signal.signal(signal.SIGTERM, end)
    if green:
        worker.wsgi = begin_streams_aside(worker.wsgi)
    if app.extensions["settings"].redis_url is None:
        worker.jobs = start_beside(app)


def begin_streams_aside(app: WSGIApplication) -> WSGIApplication:
    """Wrap `app` so that each event stream begins in its own greenlet, which ends before streaming starts.

    A greenlet keeps the memory of its deepest stack: a request goes about sixty calls deep, a running stream five.
    Objects that only the request needed are freed too.
    """
    import gevent

    def serve(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if not environ["PATH_INFO"].endswith("/events"):
            return app(environ, start_response)
        answer: Iterable[bytes] = gevent.spawn(app, environ.copy(), start_response).get()
        for name in [name for name in environ if name.startswith("HTTP_")]:
            del environ[name]
        return answer

    return serve


def worker_int(worker: object) -> None:
    """On Ctrl-C, close the streams, whose threads would keep the process alive. May run during loading."""
    if hub := getattr(worker, "hub", None):
        hub.close()


def worker_exit(_server: object, worker: object) -> None:
    """Let an e-mail in progress finish."""
    running = getattr(worker, "jobs", None)
    if running is not None:
        running.stop(graceful=True)


def child_exit(_server: Any, worker: Any) -> None:
    """Reset the stream count of an ended process."""
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        from prometheus_client import multiprocess  # only after the variable is set

        multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]


def on_exit(server: object) -> None:
    """Delete the metrics of these processes."""
    if folder := getattr(server, "figures", None):
        shutil.rmtree(folder, ignore_errors=True)
