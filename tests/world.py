"""The four conversations of the cast, one for each relation that there is, and a web that is kept for a whole module."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from messaging_app.actors import Actor
from messaging_app.extensions import db
from messaging_app.services import messaging
from tests.cast import Cast
from tests.conftest import Web, new_app

NAMES = ("bakery-cleo", "cycles-jun", "admin-bakery", "admin-cleo")


def four_conversations(cast: Cast) -> dict[str, int]:
    """Sam writes to Cleo, Tomas to Jun, Ada to the bakery and to Cleo; their numbers by name. Needs an app context."""
    begun = (
        (cast.sam, "store_customer", "customer", cast.cleo.id, "Your rye loaf"),
        (cast.tomas, "store_customer", "customer", cast.jun.id, "Your bicycle"),
        (cast.ada, "admin_store", "store", cast.bakery, "Opening hours"),
        (cast.ada, "admin_customer", "customer", cast.cleo.id, "Your account"),
    )
    return {name: begin(*who) for name, who in zip(NAMES, begun, strict=True)}


def begin(actor: Actor, kind: str, recipient_type: str, recipient_id: int, subject: str, content: str = "Hello") -> int:
    """Begin a conversation. Needs an app context."""
    return messaging.create_conversation(
        actor,
        conversation_type=kind,
        recipient_type=recipient_type,
        recipient_id=recipient_id,
        subject=subject,
        content=content,
    ).conversation_id


@contextmanager
def kept_web(template: Path, folder: Path, **settings: Any) -> Iterator[tuple[Web, dict[str, int]]]:
    """A `Web` with the four conversations for many tests that leave it as it is. `template`: a migrated SQLite file."""
    url = f"sqlite:///{shutil.copy(template, folder / 'messaging.db')}"
    app = new_app(url, folder, **settings)
    web = Web(app)
    with app.app_context():
        numbers = four_conversations(web.cast)
    yield web, numbers
    with app.app_context():
        db.engine.dispose()
