"""`bin/dev`, after its set-up: brings the database up to date, says who may sign in, and serves.

One process does all of it, since each further start of Python costs a good part of a second.
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

from messaging_app import create_app
from messaging_app.config import own_port
from messaging_app.extensions import db


def upgrade_if_behind(app: Flask) -> None:
    """Run the migrations that the database lacks. Looking costs little; running Alembic's machinery does not."""
    script = ScriptDirectory.from_config(app.extensions["migrate"].migrate.get_config())
    with db.engine.connect() as connection:
        current = MigrationContext.configure(connection).get_current_heads()
    if set(current) != set(script.get_heads()):
        upgrade()


def command(app: Flask, *words: str) -> None:
    """Run one of the application's own commands here instead of in a new process."""
    app.cli.main(list(words), obj=ScriptInfo(create_app=lambda: app), standalone_mode=False)


def refuse_taken_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise SystemExit(f"Port {port} is taken; choose another: PORT={port + 1} bin/dev") from None


def main() -> None:
    refuse_taken_port(own_port())
    app = create_app()
    app.config["QUIET_MIGRATIONS"] = True
    with app.app_context():
        upgrade_if_behind(app)
        command(app, "demo", "load", "--if-empty")
        command(app, "demo", "show")
        db.engine.dispose()
    print(f"Serving {app.extensions['settings'].public_url} until Ctrl-C.", flush=True)
    serve()


def serve() -> None:
    """Become gunicorn. The worker it forks finds every module imported already, which halves the time of a start."""
    # A browser's idle connection must not keep Ctrl-C waiting, hence the short grace.
    sys.argv = ["gunicorn", "-c", "python:messaging_app.gunicorn_conf", "--graceful-timeout", "3"]
    # Threads even where the settings would ask for gevent: it wants to be first, and here much is imported already.
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
        # Everything is closed. Taking apart what was imported, here and in the worker, was half of the time of Ctrl-C.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(end.code)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
