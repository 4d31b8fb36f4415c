"""The messaging centre of a marketplace; `factory.py` is the map of the application.

Nothing is imported here. gunicorn reads `messaging_app.gunicorn_conf` before gevent replaces threads and sockets, and
modules imported before that keep blocking (see `gunicorn_conf.refuse_what_blocks`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask


def create_app(**overrides: object) -> Flask:
    """Return the application, ready to serve. `overrides` are fields of `Settings` that take precedence.

    Raises `ConfigurationError` with a sentence for an invalid setting.
    """
    from messaging_app import factory

    return factory.create_app(**overrides)
