"""Lists of conversations and what is counted of them: inboxes, the unread badge, how many wait.

Every function takes the actor first, reads only what `Conversation.visible_to(actor)` allows, and runs outside a
transaction.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypedDict, Unpack

from messaging_app.actors import Actor
from messaging_app.db.engine import now
from messaging_app.extensions import db
from messaging_app.models import ConversationStatus, ConversationType
from messaging_app.models.scope import actor_params
from messaging_app.policies import policy_of
from messaging_app.queries import cursors, inbox, people

PAGE = 25


class Asked(TypedDict, total=False):
    """What a list shows: of what the actor sees, all that is open, or what is said here.

    `status` is open, closed or all, `waiting` us, them or nobody, `assignee` me, nobody or a user's id, `order` newest
    or waiting (the longest first).
    """

    status: str
    conversation_type: str | None
    unread: bool
    store_id: int | None
    customer_id: int | None
    context_kind: str | None
    context_reference: str | None
    reason: str | None
    waiting: str | None
    assignee: int | str | None
    snoozed: bool
    order: str


@dataclass(frozen=True, slots=True)
class ConversationPage:
    """A page of an inbox. `next_cursor` is None on the last page. `total` is None unless requested."""

    rows: list[inbox.InboxRow]
    next_cursor: str | None
    total: int | None = None


def list_conversations(
    actor: Actor, *, cursor: str | None = None, limit: int = PAGE, include_total: bool = False, **asked: Unpack[Asked]
) -> ConversationPage:
    """Return a page of what `actor` sees and asks for, newest or longest waiting first.

    A client that follows the cursors to the end gets every conversation that was listed at the start. By newest
    message, the last pages contain those that received messages meanwhile, oldest first. One statement, on the last
    page two.
    """
    shape, values = _shape_of(asked)
    walk = cursors.decode_walk(cursor) if cursor else None
    began = walk.top.at if walk and walk.top else None

    def page(place: cursors.Place | None, beyond: inbox.Beyond | None, most: int) -> list[inbox.InboxRow]:
        query = inbox.page_of(actor.type, actor.sees_all, shape, beyond, most)
        at, row_id = place or (None, None)
        place_values = {"after_at": at, "after_id": row_id, "began": began}
        return query.all(db.session(), **actor_params(actor), **values, **place_values)

    rising = walk is not None and walk.rising
    rows = page(walk.last, "newer" if rising else "older", limit + 1) if walk else page(None, None, limit + 1)
    more, rows = len(rows) > limit, rows[:limit]
    following = None
    if more:
        first, last = (inbox.place_of(row, shape) for row in (rows[0], rows[-1]))
        top = walk.top if walk else None if shape.longest else first
        following = cursors.Walk(last, top, rising)
    elif walk and walk.top and not rising and not shape.longest and page(walk.top, "newer", 1):
        following = cursors.Walk(walk.top, walk.top, rising=True)
    total = inbox.total(db.session(), actor, shape, dict(values)) if include_total else None
    return ConversationPage(rows, following.encoded() if following else None, total)


def get_unread_count(actor: Actor) -> int:
    """Return the number of unread messages in everything that `actor` sees now. One statement."""
    (unread,) = people.unread_total(actor.type, actor.sees_all).all(db.session(), **actor_params(actor))
    return unread


def count_conversations(actor: Actor, most: int, **asked: Unpack[Asked]) -> int:
    """Count what a list holds, up to `most`. One statement."""
    shape, values = _shape_of(asked)
    query = inbox.count_of(actor.type, actor.sees_all, shape, most)
    (count,) = query.all(db.session(), **actor_params(actor), **values)
    return count


def count_waiting(actor: Actor) -> int:
    """Return how many conversations wait for the actor's side, 0 for customers. One statement."""
    if not policy_of(actor).has_team:
        return 0
    return inbox.total(db.session(), actor, inbox.Shape(waiting="us"), {"moment": now()})


def _shape_of(asked: Asked) -> tuple[inbox.Shape, dict[str, object]]:
    """Return the query of a filtered list, with its parameters."""
    status, kind, assignee = asked.get("status", "open"), asked.get("conversation_type"), asked.get("assignee")
    chosen = {"of_store": asked.get("store_id"), "of_customer": asked.get("customer_id")}
    about = {name: asked.get(name) for name in ("context_kind", "context_reference", "reason")}
    shape = inbox.Shape(
        status=None if status == "all" else ConversationStatus(status),
        kind=ConversationType(kind) if kind else None,
        unread=asked.get("unread", False),
        of_store=chosen["of_store"] is not None,
        of_customer=chosen["of_customer"] is not None,
        of_kind=about["context_kind"] is not None,
        of_reference=about["context_reference"] is not None,
        of_reason=about["reason"] is not None,
        waiting=asked.get("waiting"),
        assignee="somebody" if isinstance(assignee, int) else assignee,
        snoozed=asked.get("snoozed", False),
        longest=asked.get("order") == "waiting",
    )
    return shape, {**chosen, **about, "of_assignee": assignee, "moment": now()}
