"""The reference for all pages: a bare Flask view with a signed cookie session and one indexed SELECT.

It is written as one would write it first: SQLAlchemy Core, an engine with its pool, `with engine.connect()`, a text
statement. Its answer has 200 bytes. Served by the same gunicorn with the same number of processes and threads.
"""

from __future__ import annotations

import os

from flask import Flask, Response, session
from sqlalchemy import create_engine, text

QUERY = text("SELECT name FROM users WHERE id = :id")


def create_reference() -> Flask:
    """The reference on the database and with the key of the environment."""
    app = Flask(__name__)
    app.secret_key = os.environ["MESSAGING_SECRET_KEY"]
    engine = create_engine(os.environ["MESSAGING_DATABASE_URL"])

    @app.get("/in")
    def sign_in() -> str:
        session["user_id"] = 1
        return "in"

    @app.get("/")
    def reference() -> Response:
        with engine.connect() as connection:
            name = connection.execute(QUERY, {"id": session["user_id"]}).scalar_one()
        return Response(f"<p>{name}</p>".ljust(200), mimetype="text/html")

    return app
