"""A thread as one actor sees it: its head, its seats, a window of its lines, and other conversations beside it.

Every function takes the actor first and runs outside a transaction. `NotFound` is raised for what does not exist or
is not visible.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from messaging_app.actors import Actor, ActorType
from messaging_app.db.engine import now
from messaging_app.errors import ConversationClosed, NotFound
from messaging_app.extensions import db
from messaging_app.models import ConversationStatus
from messaging_app.models.scope import actor_params
from messaging_app.policies import policy_of
from messaging_app.queries import sending as lookups
from messaging_app.queries import thread
from messaging_app.queries.inbox import InboxRow
from messaging_app.services.inboxes import list_conversations
from messaging_app.services.sending import Sent

THREAD_PAGE = 50
OTHERS = 5


@dataclass(frozen=True, slots=True)
class Thread:
    """A conversation as one actor sees it: head, seats, a window of lines (oldest first).

    `side` is that of the actor where it has lines of its own, which come with the lines that they follow.
    """

    head: thread.SeatRow
    seats: list[thread.SeatRow]
    mine: thread.SeatRow | None
    lines: list[thread.LineRow]
    has_older: bool
    side: ActorType | None = None


@dataclass(slots=True)
class Others:
    """Other conversations that staff may want beside one: with its customer, and about the same matter."""

    conversation_id: int
    customer_name: str
    of_customer: list[InboxRow] = field(default_factory=list)
    about: list[InboxRow] = field(default_factory=list)
    kind: str = ""
    reference: str = ""


def get_conversation(
    actor: Actor, conversation_id: int, *, before: int | None = None, after: int | None = None, limit: int = THREAD_PAGE
) -> Thread:
    """Return a thread: its newest `limit` lines, those before a seq, or the first after `after`. Two statements."""
    return read_lines(get_head(actor, conversation_id), before=before, after=after, limit=limit)


def get_head(actor: Actor, conversation_id: int) -> Thread:
    """Return a thread without its lines: enough to detect a change. One statement."""
    query = thread.head_and_seats(actor.type, actor.sees_all)
    seats = query.all(db.session(), **actor_params(actor), conversation_id=conversation_id, moment=now())
    if not seats:
        raise NotFound
    mine = next((s for s in seats if s.participant_type == actor.type and s.participant_id == actor.id), None)
    side = actor.type if seats[0].own_lines else None
    return Thread(seats[0], [s for s in seats if s.participant_id is not None], mine, [], False, side)


def read_lines(found: Thread, *, before: int | None = None, after: int | None = None, limit: int) -> Thread:
    """Return `found` with a window of its lines. One statement."""
    lines = _lines(found.head.id, before, after, limit + 1, found.side)
    more = len(lines) > limit
    lines = lines[:limit]
    if after is None:
        lines.reverse()
    has_older = bool(lines and lines[0].seq > 1) if after is not None else more
    return replace(found, lines=lines, has_older=has_older)


def list_others(actor: Actor, conversation_id: int) -> Others:
    """Return the newest other conversations with the same customer, and about the same matter, that `actor` sees."""
    head = get_head(actor, conversation_id).head
    most = OTHERS + 1  # one of them is this one

    def rest(rows: list[InboxRow], known: Sequence[int] = ()) -> list[InboxRow]:
        return [row for row in rows if row.id != head.id and row.id not in known][:OTHERS]

    found = Others(conversation_id, head.counterpart_name)
    if head.customer_id is not None:
        page = list_conversations(actor, status="all", customer_id=head.customer_id, limit=most)
        found.of_customer = rest(page.rows)
    if head.context is not None:
        found.kind, found.reference = head.context["kind"], head.context["reference"]
        page = list_conversations(
            actor,
            status="all",
            store_id=head.store_id,
            context_kind=found.kind,
            context_reference=found.reference,
            limit=most + OTHERS,
        )
        found.about = rest(page.rows, [row.id for row in found.of_customer])
    return found


def read_sent(sent: Sent, after: int, limit: int) -> list[thread.LineRow]:
    """Return the lines since `after` to the sender of a message, whose access the send has checked. One statement."""
    return _lines(sent.conversation_id, None, after, limit)


def read_newer(actor: Actor, conversation_id: int, seen: int, limit: int = THREAD_PAGE) -> list[thread.LineRow]:
    """Return the first `limit` messages that others wrote after `seen`. Two statements. Raises `NotFound`."""
    lines = read_lines(get_head(actor, conversation_id), after=seen, limit=limit).lines
    return [
        line
        for line in lines
        if line.kind == "message" and (line.sender_type, line.sender_id) != (actor.type, actor.id)
    ]


def find_status(actor: Actor, conversation_id: int) -> str | None:
    """Return whether a conversation is open or closed, None where the actor does not see it. One statement."""
    return lookups.status_of(db.session(), actor, conversation_id)


def get_writer(actor: Actor, conversation_id: int) -> lookups.Writer:
    """Return the audience and displayed name for `actor` typing in an open conversation. One statement."""
    found = lookups.writer(db.session(), actor, conversation_id)
    if found is None:
        raise NotFound
    if found.status == ConversationStatus.CLOSED:
        raise ConversationClosed(may_reopen=policy_of(actor).may_close)
    return found


def _lines(
    conversation_id: int, before: int | None, after: int | None, limit: int, side: ActorType | None = None
) -> list[thread.LineRow]:
    session = db.session()
    query = thread.lines_of(session.get_bind().dialect.name, before is not None, after is not None, limit, side)
    return query.all(session, conversation_id=conversation_id, before=before, after=after)
