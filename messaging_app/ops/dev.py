"""`bin/dev` after its set-up: migrates the database, prints who may sign in, and serves.

Runs in one process, because each further start of Python takes a noticeable fraction of a second.
"""

from __future__ import annotations

import os
import socket
import sys

from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Flask
from flask.cli import ScriptInfo
from flask_migrate import upgrade
from gunicorn.app.wsgiapp import WSGIApplication

from messaging_app import create_app, demo
from messaging_app.config import own_port
from messaging_app.extensions import db


def upgrade_if_behind(app: Flask) -> None:
    """Run missing migrations. Checking first is cheap; starting Alembic is not."""
    script = ScriptDirectory.from_config(app.extensions["migrate"].migrate.get_config())
    with db.engine.connect() as connection:
        current = MigrationContext.configure(connection).get_current_heads()
    if set(current) != set(script.get_heads()):
        upgrade()


def command(app: Flask, *words: str) -> None:
    """Run one of the application's commands in this process."""
    app.cli.main(list(words), obj=ScriptInfo(create_app=lambda: app), standalone_mode=False)


def refuse_taken_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise SystemExit(f"Port {port} is taken; choose another: PORT={port + 1} bin/dev") from None


def main() -> None:
    wants_empty = sys.argv[1:] == ["--empty"]
    if sys.argv[1:] and not wants_empty:
        raise SystemExit("Usage: bin/dev [--empty]")
    refuse_taken_port(own_port())
    if wants_empty:  # beside the demo's database, which stays
        os.environ.setdefault("MESSAGING_INSTANCE", "instance/empty")
    app = create_app()
    app.config["QUIET_MIGRATIONS"] = True
    with app.app_context():
        upgrade_if_behind(app)
        if not wants_empty:
            command(app, "demo", "load", "--if-empty")
            command(app, "demo", "show")
        elif demo.is_empty():
            command(app, "setup-code")
        db.engine.dispose()
    print(f"Serving {app.extensions['settings'].public_url} until Ctrl-C.", flush=True)
    serve()


def serve() -> None:
    """Turn this process into gunicorn. Its forked worker has every module imported, which halves the start time."""
    # A browser's idle connection must not keep Ctrl-C waiting, hence the short grace.
    sys.argv = ["gunicorn", "-c", "python:messaging_app.gunicorn_conf", "--graceful-timeout", "3"]
    # Threads, even if the settings ask for gevent: gevent must be first, and much is imported already.
    sys.argv += [
        "--worker-class",
        "messaging_app.web.waiting_room.Worker",
        "--workers",
        "1",
        "--threads",
        "256",
        "wsgi:app",
    ]
    try:
        WSGIApplication("%(prog)s [OPTIONS] [APP_MODULE]").run()
    except SystemExit as end:
        if not isinstance(end.code, int):
            raise
        # Everything is closed. Normal interpreter shutdown, here and in the worker, took half the time of Ctrl-C.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(end.code)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
