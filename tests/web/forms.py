"""Helpers for tests of forms: data to send, and parsing of the responses."""

from __future__ import annotations

import html
import re

import pytest
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from messaging_app.extensions import db
from messaging_app.models import Conversation, ConversationParticipant, Message
from tests.conftest import Web

HOW = pytest.mark.parametrize("htmx", [False, True], ids=["plain", "htmx"])


def count(web: Web) -> tuple[int, ...]:
    with web.app.app_context():
        tables = (Message, Conversation, ConversationParticipant)
        return tuple(db.session.scalar(select(func.count()).select_from(table)) or 0 for table in tables)


def field(page: str, name: str) -> str:
    """Return the value of a form's text field `name`."""
    page = page[max(page.find('id="composer"'), 0) :]  # the reply, not the note before it
    area = re.search(rf'<textarea[^>]*name="{name}"[^>]*>\r?\n?(.*?)</textarea>', page, re.DOTALL)
    if area:
        return html.unescape(area.group(1))
    found = re.search(rf'<input[^>]*name="{name}"[^>]*?value="([^"]*)"', page)
    assert found, f"no field {name}"
    return html.unescape(found.group(1))


def alerts(page: str) -> str:
    """The sentences that are announced."""
    return " ".join(
        html.unescape(re.sub("<[^>]+>", " ", found)) for found in re.findall(r'role="alert">(.*?)</p>', page, re.DOTALL)
    )


def check_shape(answer: TestResponse, htmx: bool) -> None:
    assert answer.text.lstrip().startswith("<!doctype html>") is not htmx


def beginning(web: Web, **changes: str) -> dict[str, str]:
    """Sam's form for a new conversation with Omar."""
    form = {
        "conversation_type": "store_customer",
        "recipient_type": "customer",
        "recipient_id": str(web.cast.omar.id),
        "subject": "About bread",
        "content": "Hello Omar",
    }
    return form | changes


def chosen(page: str) -> list[str]:
    """The recipients that are ticked."""
    return re.findall(r'name="recipient_id" value="(\d+)" checked', page)
