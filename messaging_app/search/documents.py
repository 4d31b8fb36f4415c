"""The indexed form of messages and conversations: keys, each prefixed with the scope that may find it.

A key has a scope and a block: `s12.3:cake` is "cake" in block 3, as the staff of store 12 find it. A search therefore
never touches what its actor may not see, and reads the newest block first.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import NamedTuple, Protocol

from messaging_app.actors import ActorType
from messaging_app.models.context import Snapshot
from messaging_app.models.scope import TYPES_OF
from messaging_app.text.words import index_keys

BLOCK_BITS = 18  # a block is 131,072 messages: the most that a search sorts to find the newest
ANY_LINE, WITH_FILE = "#line", "#file"  # cannot collide with words, which never begin with a sign
SENDER, DATE, CONVERSATION, STORE = "@", "^", "=", "$"


class Writer(NamedTuple):
    """A user who has written in a conversation."""

    type: str
    name: str
    email: str


class About(NamedTuple):
    """A conversation's subject, names and parties: the columns of `queries.search.ABOUT`."""

    conversation_id: int
    conversation_type: str
    store_id: int
    customer_id: int | None
    subject: str
    store_name: str
    store_code: str
    customer_name: str | None
    customer_email: str | None
    context: Snapshot | None
    writers: str | None  # JSON: a list of lists, each the fields of a `Writer`

    def fields(self, actor_type: ActorType) -> list[str]:
        """Return the texts by which a role can find the conversation: subject, names, and e-mails it may know.

        Staff may know the e-mails of customers and colleagues, customers only their own, admins all.
        """
        writers = [Writer(*entry) for entry in json.loads(self.writers or "[]")]
        known = {ActorType.ADMIN: (ActorType.ADMIN, ActorType.STORE), ActorType.STORE: (ActorType.STORE,)}
        addressed = known.get(actor_type, ())
        found = [self.subject, self.store_name, self.store_code, self.customer_name, self.customer_email]
        found += [self.context["reference"], self.context["title"]] if self.context else []
        found += [text for who in writers for text in (who.name, who.email if who.type in addressed else None)]
        return list(dict.fromkeys(text for text in found if text))


class Placed(Protocol):
    """The columns of a conversation that decide who sees it."""

    @property
    def conversation_id(self) -> int: ...
    @property
    def conversation_type(self) -> str: ...
    @property
    def store_id(self) -> int: ...
    @property
    def customer_id(self) -> int | None: ...


class Line(NamedTuple):
    """A message as the index sees it: the columns of `queries.search.LINE`."""

    id: int
    conversation_id: int
    sender_name: str
    content: str
    created_at: datetime
    filenames: str | None  # JSON: the names of its files, without removed ones


def scope_of(actor_type: ActorType, store_id: int | None, customer_id: int | None) -> str:
    """Return the scope of what an actor sees. A search never reads keys of other scopes."""
    return {ActorType.ADMIN: "p", ActorType.STORE: f"s{store_id}", ActorType.CUSTOMER: f"c{customer_id}"}[actor_type]


def block_of(document_id: int) -> int:
    """Return the block number of a document."""
    return document_id >> BLOCK_BITS


def line_document(dialect: str, of: Placed, line: Line) -> tuple[int, str]:
    """Return id and keys of a message's document: its words, file names, sender, day and conversation."""
    filenames: list[str] = json.loads(line.filenames or "[]")
    keys = index_keys(line.content).union(*map(index_keys, filenames))
    keys.update(SENDER + key for key in index_keys(line.sender_name))
    keys.update((ANY_LINE, f"{CONVERSATION}{of.conversation_id}", f"{STORE}{of.store_id}"))
    keys.add(f"{DATE}{line.created_at.astimezone(UTC):%Y%m%d}")
    if filenames:
        keys.add(WITH_FILE)
    return 2 * line.id, _words(dialect, 2 * line.id, {scope: keys for scope, _ in _scopes(of)})


def head_document(dialect: str, of: About, first_message_id: int) -> tuple[int, str]:
    """Return id and keys of a conversation's document: its subject, and the names that each scope may know."""
    document_id = 2 * first_message_id - 1
    marks = {f"{CONVERSATION}{of.conversation_id}", f"{STORE}{of.store_id}"}
    keys = {scope: marks.union(*map(index_keys, of.fields(actor_type))) for scope, actor_type in _scopes(of)}
    return document_id, _words(dialect, document_id, keys)


def _scopes(of: Placed) -> list[tuple[str, ActorType]]:
    """Return the two scopes of a conversation with their roles."""
    roles = [role for role, types in TYPES_OF.items() if of.conversation_type in types]
    return [(scope_of(role, of.store_id, of.customer_id), role) for role in roles]


def keys_in(words: str) -> set[str]:
    """Return the keys in a document's words, as either database returns them."""
    return set(words.replace("'", "").split())


def _words(dialect: str, document_id: int, keys: Mapping[str, Iterable[str]]) -> str:
    block = block_of(document_id)
    words = (f"{scope}.{block}:{key}" for scope, of_scope in keys.items() for key in of_scope)
    return " ".join(f"'{word}'" for word in words) if dialect == "postgresql" else " ".join(words)
