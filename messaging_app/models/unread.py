"""How much somebody has unread in all, kept beside the seats so that no badge must add up a thousand of them."""

from __future__ import annotations

from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import String

from messaging_app.db.engine import Base


class UnreadTotal(Base):
    """A part of the sum of `unread_count` over the seats of one person.

    Triggers on `conversation_participants` (migration 0005) keep it, so whoever changes a seat changes its total in the
    same transaction. The sum is split over several rows, on PostgreSQL by the connection that writes (migration 0008):
    people who write in different conversations of one store at once would otherwise wait for each other's commit at the
    totals of its staff. So a single row may be below zero. `store_id` is 0 for admins and customers; `platform` tells
    whether the part comes from conversations of a customer with the platform.
    """

    __tablename__ = "unread_totals"

    participant_type: Mapped[str] = mapped_column(String(8), primary_key=True)
    participant_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    store_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    platform: Mapped[bool] = mapped_column(primary_key=True)
    shard: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    unread: Mapped[int]
