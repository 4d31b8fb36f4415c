"""The messaging centre of a marketplace; `factory.py` is the map of the application.

Nothing is imported here: gunicorn reads `messaging_app.gunicorn_conf` before gevent has taken the place of threads and
sockets, and what is imported before that waits as it did then (see `gunicorn_conf.refuse_what_blocks`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flask import Flask


def create_app(**overrides: Any) -> Flask:
    """The application, ready to serve. `overrides` are fields of `Settings` that win over the environment.

    Raises `ConfigurationError` with a sentence where a setting cannot work.
    """
    from messaging_app import factory

    return factory.create_app(**overrides)
