"""A whole send as one statement, which PostgreSQL commits by itself: for what store and customer write to each other.

Who gets a seat there follows from the directory alone; elsewhere it also depends on who has one already, and on SQLite
a statement cannot write to three tables. Those sends are a transaction (`services/sending.py`).

One statement sees the database as it was before it waited for the conversation's lock. Whoever comes back into a store
in that moment has read everything up to the message before (`services/directory/seats.py`), and would miss this one in
their count for good. So people are asked for by a function of the database, `messaging_seats` (migration 0009): it
looks after the lock is held, and sees what is true then.
"""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import String, bindparam, column, func, insert, literal, select, true

from messaging_app.actors import Actor, ActorType
from messaging_app.db.engine import Id
from messaging_app.models.anybody import anybody_like, number
from messaging_app.models.conversation import Conversation, ConversationStatus, ConversationType, take_seq_of
from messaging_app.models.message import Message, MessageKind
from messaging_app.models.participant import Place, raise_seats

SAID = ("content", "idempotency_key", "digest")


def send_at_once(
    actor: Actor, conversation_id: int, at: datetime, said: dict[str, Any], due: datetime | None
) -> tuple[Any, dict[str, Any]]:
    """The statement, with its parameters, that takes the next `seq`, writes the message and counts it for the others.

    `said` holds the message's columns named in SAID, `due` is when its mail is. It returns what `Conversation.take_seq`
    does and `message_id`; no row, and nothing is written, where the conversation is of another type, closed, or not
    this actor's to see.
    """
    head = Conversation.head_of(actor, said["content"])
    statement = _send_at_once(actor.type, actor.sees_platform, tuple(head))
    _take, parameters = Conversation.take_seq(actor, conversation_id, at, ConversationStatus.OPEN, **head)
    return statement, parameters | {f"said_{name}": said[name] for name in SAID} | {"mail_due": due}


@cache
def _send_at_once(actor_type: ActorType, sees_platform: bool, head: tuple[str, ...]) -> Any:
    actor, messages = anybody_like(actor_type, sees_platform), Message.__table__
    taken: Any = (
        take_seq_of(actor_type, sees_platform, ConversationStatus.OPEN, head)
        .where(Conversation.conversation_type == ConversationType.STORE_CUSTOMER)
        .cte("taken")
    )
    line = taken.c
    values: dict[str, Any] = {
        "conversation_id": line.conversation_id,
        "seq": line.last_seq,
        "created_at": line.moment,
        "kind": literal(MessageKind.MESSAGE.value),
        "sender_type": literal(actor_type.value),
        "sender_id": number("actor_id"),
        "sender_name": bindparam("new_last_sender_name", type_=String()),
        "attachment_count": literal(0),
        **{name: bindparam(f"said_{name}", type_=messages.c[name].type) for name in SAID},
    }
    said = (
        insert(messages)  # type: ignore[arg-type]
        .from_select(list(values), select(*values.values()))
        .returning(messages.c.id.label("message_id"))
        .cte("said")
    )
    looked_up = func.messaging_seats(
        line.store_id, line.customer_id, literal(actor.type.value, String(8)), number("actor_id")
    )
    people = looked_up.table_valued(column("type", String(8)), column("id", Id), name="people")
    seats = raise_seats(
        "postgresql", actor, people, Place(line.conversation_id, line.store_id, line.last_seq - 1, taken)
    )
    return select(*line, said.c.message_id).select_from(taken.join(said, true())).add_cte(seats.cte("seats"))
