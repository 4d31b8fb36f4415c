"""When users leave a side or are deactivated: their conversations become unassigned."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import and_, exists, insert, literal, select, update
from sqlalchemy.engine import Connection

from messaging_app.db.engine import now
from messaging_app.db.types import UtcDateTime, table_of
from messaging_app.directory.bulk import chunks
from messaging_app.models import Conversation, SideLine, User
from messaging_app.models.events import LEFT
from messaging_app.models.scope import has_place
from messaging_app.models.sides import TEAMS

_LINE = ("conversation_id", "side", "after_seq", "event", "actor_id", "actor_name", "content", "created_at")


def give_back(connection: Connection, user_ids: Collection[int]) -> None:
    """Unassign these users' conversations on sides where they are no longer active, and add a line for the side.

    Joins the transaction that ends their membership, so a concurrent assignment is either undone here or refused.
    """
    for team in TEAMS:
        for part in chunks(sorted(user_ids)):
            side, head = Conversation.side(team), Conversation
            assert side is not None
            stays = exists().where(has_place(team, side.assignee_id, head.store_id)).correlate(head)
            gone = and_(side.assignee_id.in_(part), ~stays)
            connection.execute(select(head.id).where(gone).order_by(head.id).with_for_update()).all()
            name = select(User.name).where(User.id == side.assignee_id).scalar_subquery()
            event, at = literal(LEFT.name), literal(now(), UtcDateTime)
            values = (head.id, literal(team.value), head.last_seq, event, side.assignee_id, name, literal(""), at)
            connection.execute(insert(SideLine).from_select(_LINE, select(*values).where(gone)))
            own = {f"{team.value}_assignee_id": None, f"{team.value}_lines": side.lines + 1}
            connection.execute(update(table_of(head)).where(gone).values(own))
