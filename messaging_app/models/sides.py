"""The state of a conversation for each side that has a team: waiting, assignee and snooze.

Customers have no team, so there are two sides: `admin` (the platform) and `store`. Each has its own columns, which the
other side never sees. Whether a conversation waits for a side is derived from its status, its last sender and that
side's mark "no reply needed", so nothing has to be kept in sync.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, and_, bindparam, case, func, literal_column, null, or_, select
from sqlalchemy.orm import Mapped, mapped_column

from messaging_app.actors import ActorType
from messaging_app.db.types import Column, UtcDateTime, table_of
from messaging_app.models.platform import User
from messaging_app.models.scope import word

MOMENT = bindparam("moment", type_=UtcDateTime)
US, THEM, NOBODY = "us", "them", "nobody"
WAITING_MOST = 100  # the count of waiting conversations stops here
TEAMS = (ActorType.ADMIN, ActorType.STORE)


class Sides:
    """The columns. `turn_since`: since when the party whose turn it is has had an unanswered message."""

    turn_since: Mapped[datetime | None]
    admin_no_reply_at: Mapped[datetime | None]
    admin_assignee_id: Mapped[int | None]
    admin_snoozed_until: Mapped[datetime | None]
    admin_lines: Mapped[int] = mapped_column(server_default="0")  # how many lines and notes only this side sees
    store_no_reply_at: Mapped[datetime | None]
    store_assignee_id: Mapped[int | None]
    store_snoozed_until: Mapped[datetime | None]
    store_lines: Mapped[int] = mapped_column(server_default="0")


class Side(NamedTuple):
    """The columns of one side, for statements."""

    name: ActorType
    last_sender_type: Column
    status: Column
    last_message_at: Column
    turn_since: Column
    no_reply_at: Column
    assignee_id: Column
    snoozed_until: Column
    lines: Column

    def waits_for_us(self) -> ColumnElement[bool]:
        """Return the condition: the other side wrote last, no mark "no reply needed". Repeats an index's condition."""
        mine = word(self.name)
        return and_(self.status == literal_column("'open'"), self.last_sender_type != mine, self.no_reply_at.is_(None))

    def waits_for_them(self) -> ColumnElement[bool]:
        """Return the condition: this side wrote last. Repeats an index's condition."""
        return and_(self.status == literal_column("'open'"), self.last_sender_type == word(self.name))

    def is_ruled_out(self) -> ColumnElement[bool]:
        """Return the condition: open, and marked "no reply needed"."""
        return and_(self.status == literal_column("'open'"), self.no_reply_at.is_not(None))

    def is_awake(self) -> ColumnElement[bool]:
        """Return the condition: not snoozed at parameter `moment`."""
        return or_(self.snoozed_until.is_(None), self.snoozed_until <= MOMENT)

    def shown(self) -> tuple[Column, ...]:
        """Return the columns: whom it waits for, since when, the turn, assignee, end of the snooze, count of own lines.

        As of parameter `moment`. For customers `HIDDEN` has as many columns.
        """
        waiting = case(
            (self.waits_for_us(), literal_column(f"'{US}'")),
            (self.waits_for_them(), literal_column(f"'{THEM}'")),
            else_=literal_column(f"'{NOBODY}'"),
        )
        began = func.coalesce(self.turn_since, self.last_message_at)  # not filled yet, in the middle of an upgrade
        since = case((or_(self.waits_for_us(), self.waits_for_them()), began))
        asleep = case((self.snoozed_until > MOMENT, self.snoozed_until))
        holder = table_of(User).alias("holder")  # the statement around may read users as well
        name = select(holder.c.name).where(holder.c.id == self.assignee_id).scalar_subquery()
        return waiting, since, self.turn_since, self.assignee_id, name, asleep, self.lines


HIDDEN: tuple[Column, ...] = (literal_column(f"'{NOBODY}'"), *(null() for _ in range(5)), literal_column("0"))
