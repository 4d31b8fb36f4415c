"""The arguments and results of a conversation's verbs: its beginning, a position in it, or a locked row."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from messaging_app.models.context import Held, Snapshot
from messaging_app.models.reason import Reason


class NewConversation(NamedTuple):
    """The initial values of a conversation. `preview` is its first message's, `conversation_id` a reserved id."""

    conversation_type: str
    store_id: int
    customer_id: int | None
    subject: str
    preview: str
    at: datetime
    conversation_id: int | None = None
    about: Held | None = None
    follows_id: int | None = None
    reason: Reason | None = None


class Names(NamedTuple):
    """The texts by which search finds a new conversation: its subject and the names in it."""

    subject: str
    store_name: str
    store_code: str
    customer_name: str | None
    customer_email: str | None
    context: Snapshot | None
    beginner_email: str | None  # None: the customer


class Taken(NamedTuple):
    """A reserved position in a conversation: its `last_seq`, and the values that the line there needs.

    `moment` is the line's time. It is never earlier than the previous message, even if the clock went backwards.
    """

    conversation_id: int
    last_seq: int
    moment: datetime
    conversation_type: str
    store_id: int
    customer_id: int | None
    store_name: str | None = None
    store_assignee_id: int | None = None
    names: Names | None = None  # of the first line only


class Locked(NamedTuple):
    """A conversation that is locked until the transaction ends."""

    conversation_id: int
    conversation_type: str
    store_id: int
    customer_id: int | None
    last_seq: int
    store_assignee_id: int | None
    status: str
