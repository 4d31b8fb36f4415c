"""What a conversation is to each side that has a team: whether it waits, who takes care of it, until when it sleeps.

Customers have no team, so there are two sides: `admin` (the platform) and `store`. Each has columns of its own, and
nobody reads those of the other side. Whether a conversation waits for a side follows from its status, its last sender
and that side's mark "no reply needed", so that nothing has to be kept in step.
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
WAITING_MOST = 100  # as far as what waits is counted
TEAMS = (ActorType.ADMIN, ActorType.STORE)


class Sides:
    """The columns. `turn_since`: when the party that is to answer was first written to since it last wrote itself."""

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
        """The other side wrote last, and no answer has been ruled out. Repeats the condition of an index."""
        mine = word(self.name)
        return and_(self.status == literal_column("'open'"), self.last_sender_type != mine, self.no_reply_at.is_(None))

    def waits_for_them(self) -> ColumnElement[bool]:
        """This side wrote last. Repeats the condition of an index."""
        return and_(self.status == literal_column("'open'"), self.last_sender_type == word(self.name))

    def is_ruled_out(self) -> ColumnElement[bool]:
        """Open, and marked as "no reply needed"."""
        return and_(self.status == literal_column("'open'"), self.no_reply_at.is_not(None))

    def is_awake(self) -> ColumnElement[bool]:
        """Not asleep at parameter `moment`."""
        return or_(self.snoozed_until.is_(None), self.snoozed_until <= MOMENT)

    def shown(self) -> tuple[Column, ...]:
        """Whom it waits for and since when, the turn, who has it, until when it sleeps, how many lines are its own.

        As of parameter `moment`. For customers, `HIDDEN` stands in the same places.
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
