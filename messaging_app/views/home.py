"""The pages around the inbox: where each role arrives, and the front door with the three sign-ins."""

from __future__ import annotations

from flask import render_template
from flask.typing import ResponseReturnValue

from messaging_app.actors import Actor
from messaging_app.errors import NotFound
from messaging_app.policies import policy_of
from messaging_app.services import messaging


def index() -> ResponseReturnValue:
    """The three sign-ins."""
    return render_template("home/index.html")


def home(actor: Actor) -> ResponseReturnValue:
    """The role's first page, with the newest conversation as a foretaste."""
    page = messaging.list_conversations(actor, limit=1)
    template = {"admin": "home/admin.html", "store": "home/store.html"}.get(policy_of(actor).name, "home/account.html")
    return render_template(template, preview=page.rows[0] if page.rows else None)


def logo(code: str, digest: str) -> ResponseReturnValue:
    """A store's logo, public and immutable: its address changes with its bytes."""
    raise NotFound
