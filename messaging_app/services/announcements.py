"""Which event goes to whom. Functions are called inside a transaction; events are sent after its commit.

A stream listens to what its actor sees: admins to all conversations of the platform, staff to those of their store, a
customer to their own. No one learns of a conversation that they may not see. An event names the conversation and the
kind of change, never the content or its author.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from functools import partial
from typing import Protocol

from pydantic_core import to_json

from messaging_app.actors import Actor, ActorType
from messaging_app.bus import Event, current_bus
from messaging_app.bus.presence import HERE, Place, Present, encode
from messaging_app.db import engine as database
from messaging_app.extensions import db
from messaging_app.models.position import Taken
from messaging_app.models.scope import sees_type
from messaging_app.queries.sending import Writer
from messaging_app.queries.thread import SeatRow

logger = logging.getLogger(__name__)


class Concerned(Protocol):
    """The columns of a conversation that determine its audience."""

    @property
    def conversation_id(self) -> int: ...
    @property
    def conversation_type(self) -> str: ...
    @property
    def store_id(self) -> int: ...
    @property
    def customer_id(self) -> int | None: ...
    @property
    def store_assignee_id(self) -> int | None: ...


def topics_of(actor: Actor) -> tuple[str, ...]:
    """The topics that the streams of `actor` subscribe to: those of visible conversations, and the actor's own."""
    return (_scope(actor), _own(actor.type, actor.id))


def written(actor: Actor, line: Taken) -> None:
    """Announce a new message."""
    _announce(actor, line, _audience(line), "message", seq=line.last_seq)


def turned(actor: Actor, line: Taken) -> None:
    """Announce that a conversation was closed or reopened."""
    _announce(actor, line, _audience(line), "status", seq=line.last_seq)


def files_changed(actor: Actor, conversation: Concerned) -> None:
    """Announce that a file was removed."""
    _announce(actor, conversation, _audience(conversation), "files")


def context_changed(actor: Actor, conversation: Concerned) -> None:
    """Announce that the shop has changed the context of a conversation."""
    _announce(actor, conversation, _audience(conversation), "context")


def continued(actor: Actor, conversation: Concerned) -> None:
    """Announce that another conversation continues a closed one."""
    _announce(actor, conversation, _audience(conversation), "marks")


def read(actor: Actor, conversation: Concerned, has_written: bool) -> None:
    """Announce that `actor` has read: their other windows update their count, the others update "Read by".

    A customer knows only those staff who have written, so reads by other staff are not sent to customers.
    """
    seat_changed(actor, conversation)
    _announce(actor, conversation, _audience(conversation, customer=has_written or _is_customer(actor)), "marks")


def side_changed(actor: Actor, conversation: Concerned) -> None:
    """Announce a change that only the own side sees: waiting state, assignee, or snooze."""
    _announce(actor, conversation, (_scope(actor),), "turn")


def shared_out(actor: Actor, conversation: Concerned, before: int | None, user_id: int | None) -> None:
    """Announce to the own side that the assignee changed, and notify the new one.

    `before` is the previous assignee. Colleagues who can no longer see the conversation learn only that a list changed.
    """
    side_changed(actor, conversation)
    if actor.type == ActorType.STORE:
        data = to_json({"kind": "turn"}).decode()
        about = conversation.conversation_type
        after_commit(Event((_scope(actor),), "turn", data, f"{actor.type}:{actor.id}", about, held_by=before))
    if user_id is not None and user_id != actor.id:
        only = "" if actor.store_id is None else f"store:{actor.store_id}"
        _announce(actor, conversation, (_own(actor.type, user_id),), "given", only=only)


def mentioned(actor: Actor, conversation: Concerned, user_ids: Iterable[int]) -> None:
    """Announce to colleagues of `actor` that a note mentions them."""
    topics = tuple(_own(actor.type, user_id) for user_id in user_ids)
    if topics:
        _announce(actor, conversation, topics, "seat", only="" if actor.store_id is None else f"store:{actor.store_id}")


def seat_changed(actor: Actor, conversation: Concerned) -> None:
    """Announce a change that only `actor` sees: the unread count or the e-mail switch."""
    only = f"store:{actor.store_id}"
    _announce(actor, conversation, (_own(actor.type, actor.id),), "seat", only=only)


def session_ended(actor_type: str, person_id: int, session_id: int) -> None:
    """Announce that a session ended or moved to another store, which ends its streams."""
    after_commit(Event((_own(actor_type, person_id),), "ended", only=f"session:{session_id}"))


def sessions_ended(actor_type: ActorType, person_id: int, store_id: int | None = None) -> None:
    """Announce that every session of a person ended (in one store, if given)."""
    after_commit(Event((_own(actor_type, person_id),), "ended", only="" if store_id is None else f"store:{store_id}"))


def typing(actor: Actor, conversation: Writer) -> None:
    """Announce that `actor` is typing. Sent immediately, without a transaction; nothing is stored.

    Colleagues see "is replying". A customer sees the name only of someone who has written, otherwise the store's or
    platform's name.
    """
    people = f"{actor.type}:{actor.id}"
    for topic in _audience(conversation):
        how = "replying" if topic == _scope(actor) else "writing"
        known = conversation.has_written or not topic.startswith("customer:")
        name = actor.name if known else conversation.side_name
        payload = {"kind": "typing", "id": conversation.conversation_id, "how": how, "name": name}
        data = to_json(payload).decode()
        held_by = conversation.store_assignee_id
        current_bus().publish(Event((topic,), "typing", data, people, conversation.conversation_type, held_by=held_by))


def present(actor: Actor, head: SeatRow, *, here: bool, is_new: bool) -> None:
    """Tell every process that `actor` has opened or left a conversation; notify their own side if that is new.

    Nothing is stored. Streams learn only that something about the conversation has changed.
    """
    who = Present(actor.id, actor.name)
    current_bus().publish(Event((), HERE, encode(place_of(actor, head.id), who, here)))
    if is_new:
        data = to_json({"kind": "present", "id": head.id}).decode()
        held_by = head.assignee_id if actor.type == ActorType.STORE else None
        about = head.conversation_type
        current_bus().publish(Event((_scope(actor),), "present", data, about=about, held_by=held_by))


def place_of(actor: Actor, conversation_id: int) -> Place:
    """Return the key under which presence in a conversation is shared on the actor's side."""
    return _scope(actor), conversation_id


def _audience(conversation: Concerned, customer: bool = True) -> tuple[str, ...]:
    """The topics of everyone who sees a conversation. `customer=False` leaves out the customer."""
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
    by, about = f"{actor.type}:{actor.id}", conversation.conversation_type
    after_commit(Event(topics, kind, data, by, about, only, conversation.store_assignee_id))


def after_commit(event: Event) -> None:
    """Publish an event after the commit, never after a rollback."""
    database.after_commit(db.session, partial(_publish, event))


def _publish(event: Event) -> None:
    try:
        current_bus().publish(event)
    except Exception:  # the commit is done even if its event is lost; the next poll finds the change
        logger.exception("an event was lost")
