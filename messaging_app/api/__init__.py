"""The JSON API: the same services for the same actors, for programs.

`endpoints` is the table, `serving` creates routes from it, `openapi` the document, `docs` the pages.
"""

from __future__ import annotations

from flask import Flask

from messaging_app.api import commands, docs, serving


def init_app(app: Flask) -> None:
    """Mount the API, its documentation and its command."""
    serving.init_app(app)
    docs.init_app(app)
    commands.init_app(app)
