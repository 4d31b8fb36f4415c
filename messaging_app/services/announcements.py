"""Who is woken by what. Called inside a transaction, heard after its commit, forgotten with its rollback.

A stream listens to what its actor sees: the platform's admins to all conversations of the platform, staff to those of
their store, a customer to their own. So nobody learns of a conversation that they may not see. A wake-up names the
conversation and what kind of thing happened, never what was written or by whom.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import Protocol

from pydantic_core import to_json

from messaging_app.actors import Actor, ActorType
from messaging_app.bus import Wake, current_bus
from messaging_app.db import engine as database
from messaging_app.extensions import db
from messaging_app.models.conversation import Taken
from messaging_app.models.scope import sees_type
from messaging_app.queries.sending import Writer

logger = logging.getLogger(__name__)


class Concerned(Protocol):
    """What must be known of a conversation to tell whom it concerns."""

    @property
    def conversation_id(self) -> int: ...
    @property
    def conversation_type(self) -> str: ...
    @property
    def store_id(self) -> int: ...
    @property
    def customer_id(self) -> int | None: ...


def topics_of(actor: Actor) -> tuple[str, ...]:
    """What the streams of `actor` listen to: what they may see, and what concerns them alone."""
    return (_scope(actor), _own(actor.type, actor.id))


def written(actor: Actor, line: Taken) -> None:
    """A message took its place."""
    _announce(actor, line, _audience(line), "message", seq=line.last_seq)


def turned(actor: Actor, line: Taken) -> None:
    """A conversation was closed or reopened."""
    _announce(actor, line, _audience(line), "status", seq=line.last_seq)


def files_changed(actor: Actor, conversation: Concerned) -> None:
    """A file was removed."""
    _announce(actor, conversation, _audience(conversation), "files")


def read(actor: Actor, conversation: Concerned, has_written: bool) -> None:
    """`actor` has read: their other windows count anew, the others see the mark.

    A customer knows only those of a staff who have written, so nobody else's reading reaches them.
    """
    seat_changed(actor, conversation)
    _announce(actor, conversation, _audience(conversation, customer=has_written or _is_customer(actor)), "marks")


def seat_changed(actor: Actor, conversation: Concerned) -> None:
    """Something that only `actor` sees changed: what is unread, or the switch for mail."""
    only = f"store:{actor.store_id}"
    _announce(actor, conversation, (_own(actor.type, actor.id),), "seat", only=only)


def session_ended(actor_type: str, person_id: int, session_id: int) -> None:
    """A sign-in session was ended, or moved to another store: its streams end."""
    after_commit(Wake((_own(actor_type, person_id),), "ended", only=f"session:{session_id}"))


def sessions_ended(actor_type: ActorType, person_id: int, store_id: int | None = None) -> None:
    """Every session of a person was ended (in one store, if given)."""
    after_commit(Wake((_own(actor_type, person_id),), "ended", only="" if store_id is None else f"store:{store_id}"))


def typing(actor: Actor, conversation: Writer) -> None:
    """`actor` is writing. Heard at once, for there is no transaction; nothing is stored.

    Colleagues hear "is replying". A customer hears a name only of somebody who has written, else the other side's.
    """
    people = f"{actor.type}:{actor.id}"
    for topic in _audience(conversation):
        how = "replying" if topic == _scope(actor) else "writing"
        known = conversation.has_written or not topic.startswith("customer:")
        name = actor.name if known else conversation.side_name
        told = {"kind": "typing", "id": conversation.conversation_id, "how": how, "name": name}
        data = to_json(told).decode()
        current_bus().publish(Wake((topic,), "typing", data, people, conversation.conversation_type))


def _audience(conversation: Concerned, customer: bool = True) -> tuple[str, ...]:
    """The topics of everybody who sees a conversation; without `customer`, of all but the customer."""
    topics = []
    if sees_type(ActorType.ADMIN, conversation.conversation_type, True):
        topics.append("admin")
    if sees_type(ActorType.STORE, conversation.conversation_type, True):
        topics.append(f"store:{conversation.store_id}")
    if customer and conversation.customer_id is not None:
        topics.append(f"customer:{conversation.customer_id}")
    return tuple(topics)


def _scope(actor: Actor) -> str:
    if actor.type == ActorType.ADMIN:
        return "admin"
    return f"store:{actor.store_id}" if actor.type == ActorType.STORE else f"customer:{actor.id}"


def _own(actor_type: str, person_id: int) -> str:
    return f"own:{actor_type}:{person_id}"


def _is_customer(actor: Actor) -> bool:
    return actor.type == ActorType.CUSTOMER


def _announce(
    actor: Actor, conversation: Concerned, topics: tuple[str, ...], kind: str, only: str = "", **more: object
) -> None:
    data = to_json({"kind": kind, "id": conversation.conversation_id, **more}).decode()
    after_commit(Wake(topics, kind, data, f"{actor.type}:{actor.id}", conversation.conversation_type, only))


def after_commit(wake: Wake) -> None:
    """Say this once the transaction is committed; if it is rolled back, never."""
    database.after_commit(db.session, partial(_publish, wake))


def _publish(wake: Wake) -> None:
    try:
        current_bus().publish(wake)
    except Exception:  # what is committed stays so, whatever becomes of its echo; the poll finds it
        logger.exception("a wake-up was lost")
