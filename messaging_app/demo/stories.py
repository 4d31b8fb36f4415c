"""From a story in `data/demo.json` to the rows of a conversation with a past.

The services can only write at the current time, so this module writes the rows by the same rules. Everyone in a
conversation has a seat from its first message on, an admin from their first message. `unread` lists who has not read
the last lines. The tests run the doctor after every load to verify the rules.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import cycle
from typing import Any, NamedTuple, TypeAlias

from sqlalchemy import insert
from sqlalchemy.engine import Connection

from messaging_app.actors import Actor, ActorType
from messaging_app.db.types import Fields
from messaging_app.models import (
    Conversation,
    ConversationParticipant,
    ConversationStatus,
    ConversationType,
    Message,
    MessageKind,
    Note,
    SideLine,
    events,
)
from messaging_app.models.context import Held
from messaging_app.models.events import EventKind
from messaging_app.models.message import SHOP
from messaging_app.models.reason import Reason
from messaging_app.text import preview

EVENTS = {"close": events.CLOSED, "reopen": events.REOPENED}
FACT = "fact"  # in place of who wrote a line: the shop states it
Story: TypeAlias = dict[str, Any]  # an entry of data/demo.json, or a part of one
_UNITS = {"d": "days", "h": "hours", "m": "minutes"}


class Person(NamedTuple):
    """A demo user with their database id."""

    id: int
    name: str


@dataclass(frozen=True, slots=True)
class Cast:
    """All demo users by nickname: the part of their e-mail before the @."""

    stores: dict[str, int]
    admins: dict[str, Person]
    staff: dict[str, dict[str, Person]]  # by store code
    customers: dict[str, tuple[str, Person]]  # with their store code


@dataclass(frozen=True, slots=True)
class _Line:
    sender: Actor
    at: datetime
    content: str
    event: EventKind | None = None


@dataclass(slots=True)
class _Seat:
    last_read_seq: int
    has_written: bool = False
    unread_count: int = 0
    mentions: int = 0
    last_read_at: datetime | None = field(default=None)


def write(
    connection: Connection,
    story: Story,
    cast: Cast,
    moment: datetime,
    about: Held | None = None,
    reason: Reason | None = None,
) -> None:
    """Write one conversation, its lines dated relative to `moment` as `story` says."""
    present = _present(story, cast)
    shop = Actor(ActorType.ADMIN, next(iter(cast.admins.values())).id, SHOP)
    lines = list(_lines(story, present, moment, shop))
    seats = _seats(story, present, lines)
    columns, own_lines = _sides(story, present, moment, len(lines))
    conversation_id = connection.scalar(
        insert(Conversation)
        .values(_head(story, cast, lines) | columns | Conversation.matter(about, reason))
        .returning(Conversation.id)
    )
    for line in own_lines:
        kept = Note if "author_id" in line else SideLine
        connection.execute(insert(kept).values(line | {"conversation_id": conversation_id}))
    store_id = cast.stores[store_of(story, cast)]
    connection.execute(insert(Message), [_row(conversation_id, seq, line) for seq, line in enumerate(lines, 1)])
    connection.execute(
        insert(ConversationParticipant),
        [
            {
                "conversation_id": conversation_id,
                "participant_type": actor.type,
                "participant_id": actor.id,
                "store_id": store_id,
                "unread_count": seat.unread_count,
                "mentions": seat.mentions,
                "last_read_seq": seat.last_read_seq,
                "last_read_at": seat.last_read_at,
                "has_written": seat.has_written,
            }
            for actor, seat in seats.items()
        ],
    )


def ago(words: str) -> timedelta:
    """Return `"3d 2h"` as a timedelta; units d, h, m."""
    return timedelta(**{_UNITS[unit]: int(number) for number, unit in re.findall(r"(\d+)([dhm])", words)})


def store_of(story: Story, cast: Cast) -> str:
    """Return the code of a story's store."""
    return str(story["store"]) if "store" in story else cast.customers[story["customer"]][0]


def _present(story: Story, cast: Cast) -> dict[str, Actor]:
    """Return who may speak in a story of this type."""
    kind, code = story["type"], store_of(story, cast)
    present = {}
    if kind != ConversationType.STORE_CUSTOMER:
        present.update({nick: Actor(ActorType.ADMIN, p.id, p.name) for nick, p in cast.admins.items()})
    if kind != ConversationType.ADMIN_CUSTOMER:
        present.update({nick: Actor(ActorType.STORE, p.id, p.name) for nick, p in cast.staff[code].items()})
    if kind != ConversationType.ADMIN_STORE:
        customer = cast.customers[story["customer"]][1]
        present[story["customer"]] = Actor(ActorType.CUSTOMER, customer.id, customer.name)
    return present


def _lines(story: Story, present: dict[str, Actor], moment: datetime, shop: Actor) -> Iterator[_Line]:
    for nick, before, words in story.get("lines", []):
        if nick in EVENTS:
            event = EVENTS[nick]
            yield _Line(present[words], moment - ago(before), event.content_of(present[words].name), event)
        elif nick == FACT:
            yield _Line(shop, moment - ago(before), words, events.FACT)
        else:
            yield _Line(present[nick], moment - ago(before), words)
    if "rounds" in story:
        yield from _rounds(story["rounds"], present, moment)


def _rounds(plan: Story, present: dict[str, Actor], moment: datetime) -> Iterator[_Line]:
    """A long thread: the same few exchanges repeated with varying words."""
    words = {name: cycle(choices) for name, choices in plan["words"].items()}
    start = moment - ago(plan["first_ago"])
    for number in range(plan["count"]):
        chosen = {name: next(choices) for name, choices in words.items()}
        for place, (nick, sentence) in enumerate(plan["rounds"][number % len(plan["rounds"])]):
            at = start + number * ago(plan["every"]) + place * ago(plan["between"])
            text = sentence.format(**chosen)
            yield _Line(present[nick], at, text[0].upper() + text[1:])


def _seats(story: Story, present: dict[str, Actor], lines: list[_Line]) -> dict[Actor, _Seat]:
    seats: dict[Actor, _Seat] = {}
    members = [actor for actor in present.values() if actor.type != ActorType.ADMIN]
    for seq, line in enumerate(lines, 1):
        if line.event is None:
            for actor in {*members, line.sender}:
                seats.setdefault(actor, _Seat(seq - 1))
            seats[line.sender].has_written = True
    unread = story.get("unread", {})
    for nick, actor in present.items():
        if actor not in seats:
            continue
        seat = seats[actor]
        up_to = len(lines) - unread.get(nick, 0)
        if up_to > seat.last_read_seq:
            seat.last_read_seq, seat.last_read_at = up_to, lines[up_to - 1].at + timedelta(minutes=1)
        later = lines[seat.last_read_seq :]
        seat.mentions = int(nick in story.get("noted", ())[2:])
        seat.unread_count = sum(line.event is None and line.sender != actor for line in later) + seat.mentions
    return seats


def _head(story: Story, cast: Cast, lines: list[_Line]) -> Fields:
    last = next(line for line in reversed(lines) if line.event is None)
    turn = next((line for line in reversed(lines) if line.event is not None and line.event.status), None)
    closed = turn if turn is not None and turn.event == events.CLOSED else None
    return {
        "conversation_type": story["type"],
        "subject": story["subject"],
        "status": ConversationStatus.CLOSED if closed else ConversationStatus.OPEN,
        "store_id": cast.stores[store_of(story, cast)],
        "customer_id": cast.customers[story["customer"]][1].id if "customer" in story else None,
        "last_seq": len(lines),
        "last_message_at": last.at,
        "turn_since": _turn_since(lines),
        "last_message_preview": preview(last.content),
        "last_sender_type": last.sender.type,
        "last_sender_id": last.sender.id,
        "last_sender_name": last.sender.name,
        "created_at": lines[0].at,
        "created_by_type": lines[0].sender.type,
        "created_by_id": lines[0].sender.id,
        "closed_at": closed.at if closed else None,
        "closed_by_type": closed.sender.type if closed else None,
        "closed_by_id": closed.sender.id if closed else None,
    }


def _turn_since(lines: list[_Line]) -> datetime:
    """When the party that wrote last began to, since the other one wrote."""
    said = [line for line in lines if line.event is None]
    others = [number for number, line in enumerate(said) if line.sender.type != said[-1].sender.type]
    return said[others[-1] + 1 if others else 0].at


def _sides(story: Story, present: dict[str, Actor], moment: datetime, last_seq: int) -> tuple[Fields, list[Fields]]:
    """What the conversation is to its sides: columns of its row, and lines and notes that only one side sees.

    `assigned` is [who has it, who gave it]; `snoozed` is [who did it, for how long]; `noted` is [who wrote it, the note, and
    whom it mentions, who has not read it yet].
    """
    columns: Fields = {}
    lines: list[Fields] = []
    for name, (nick, other) in ((name, story[name]) for name in ("assigned", "snoozed") if name in story):
        actor = present[other if name == "assigned" else nick]
        line = {"side": actor.type, "after_seq": last_seq, "actor_id": actor.id, "actor_name": actor.name}
        if name == "snoozed":
            columns[f"{actor.type}_snoozed_until"] = moment + ago(other)
            lines.append(line | {"event": events.SNOOZED.name, "content": "", "user_id": None, "created_at": moment})
        else:
            holder = present[nick]
            columns[f"{actor.type}_assignee_id"] = holder.id
            event, content = (events.TAKEN, "") if holder == actor else (events.GIVEN, holder.name)
            given = {"event": event.name, "content": content, "user_id": holder.id, "created_at": moment}
            lines.append(line | given)
        columns[f"{actor.type}_lines"] = len(lines)
    if "noted" in story:
        nick, content, *named = story["noted"]
        author, mentions = present[nick], [present[name].id for name in named]
        note: Fields = {"author_id": author.id, "author_name": author.name, "content": content, "mentions": mentions}
        lines.append(note | {"side": author.type, "after_seq": last_seq, "created_at": moment})
        columns[f"{author.type}_lines"] = sum(line["side"] == author.type for line in lines)
    return columns, lines


def _row(conversation_id: int | None, seq: int, line: _Line) -> Fields:
    return {
        "conversation_id": conversation_id,
        "seq": seq,
        "kind": MessageKind.EVENT if line.event else MessageKind.MESSAGE,
        "event": line.event.name if line.event else None,
        "sender_type": line.sender.type,
        "sender_id": line.sender.id,
        "sender_name": line.sender.name,
        "content": line.content,
        "created_at": line.at,
    }
