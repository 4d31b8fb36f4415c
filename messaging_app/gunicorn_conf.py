"""How gunicorn serves the application: `gunicorn -c python:messaging_app.gunicorn_conf wsgi:app`."""

from __future__ import annotations

import os
from typing import Any

from messaging_app.config import load_settings

bind = [f"127.0.0.1:{os.environ.get('PORT', '5000')}"]
worker_class = "gthread"
workers = 1
threads = 64
graceful_timeout = 5
keepalive = 15
control_socket_disable = True
accesslog = None
wsgi_app = "wsgi:app"


def on_starting(_server: Any) -> None:
    """Stop with a sentence before any worker starts, where a setting cannot work."""
    load_settings()
