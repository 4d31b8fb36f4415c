"""An application that sends mail to a real mail server, and a clock that the tests turn: `post.sweep(minutes)`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from flask import Flask

from messaging_app.actors import Actor
from messaging_app.db.engine import now
from messaging_app.extensions import db
from messaging_app.mail import outbox
from messaging_app.services import messaging
from tests import cast
from tests.conftest import empty, new_app
from tests.services import MailServer

MAIL = {"mail_from": "Marketplace <no-reply@messages.example>", "base_url": "https://messages.example"}
TYPES = {"store": "admin_store", "customer": "admin_customer"}


class Post:
    """The worker's rounds at chosen moments, and what arrived."""

    def __init__(self, app: Flask, server: MailServer, people: cast.Cast) -> None:
        self.app, self.server, self.cast = app, server, people

    def sweep(self, minutes: float) -> int:
        """The worker's round so many minutes from now; answers how many mails went out."""
        return outbox.sweep(now() + timedelta(minutes=minutes))

    def take(self) -> list[EmailMessage]:
        """What arrived since this was asked last."""
        arrived, self.server.messages[:] = list(self.server.messages), []
        return arrived

    def receivers(self, minutes: float = 2.1) -> list[str]:
        """Who gets mail in a round after so many minutes: names of the cast, sorted."""
        self.sweep(minutes)
        names = {email: name for name, email in cast.EMAILS.items()}
        return sorted(names[mail["To"].addresses[0].addr_spec] for mail in self.take())

    def begin(self, sender: Actor, recipient: Actor | int, content: str = "Hello", subject: str = "Subject") -> int:
        """Begin a conversation with a customer or a store (its number)."""
        to_store = isinstance(recipient, int)
        kind = "store" if to_store else "customer"
        number = recipient if isinstance(recipient, int) else recipient.id
        chosen = "store_customer" if sender.type == "store" else TYPES[kind]
        return messaging.create_conversation(
            sender, conversation_type=chosen, recipient_type=kind, recipient_id=number, subject=subject, content=content
        ).conversation_id


@contextmanager
def mailing_app(url: str, folder: Path, **settings: Any) -> Iterator[tuple[Flask, MailServer]]:
    """An application and its mail server, for as long as the block lasts."""
    server = MailServer()
    app = new_app(url, folder, **({"mail_url": server.url} | MAIL | settings))
    yield app, server
    with app.app_context():
        db.engine.dispose()
    server.controller.stop()


@contextmanager
def emptied(app: Flask, server: MailServer) -> Iterator[Post]:
    """The same on an empty database with nothing in the post, inside the application's context."""
    server.messages, server.refuse = [], None
    with app.app_context():
        empty(db.engine)
        yield Post(app, server, cast.bring_in())
        db.session.rollback()
