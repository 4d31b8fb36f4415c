"""Saved views: named filters and searches."""

from __future__ import annotations

from sqlalchemy import ColumnElement, ForeignKey, Index, String, Text, or_
from sqlalchemy.orm import Mapped, mapped_column

from messaging_app.actors import Actor, ActorType
from messaging_app.db.types import Base

VIEW_NAME_MAX = 100


class SavedView(Base):
    """A view of one person in one store (or on the platform, where `store_id` is None), or of the whole team.

    It belongs to the team if `user_id` is None. It stores the query, never its results.
    """

    __tablename__ = "saved_views"
    __table_args__ = (Index(None, "store_id", "user_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    store_id: Mapped[int | None] = mapped_column(ForeignKey("stores.id"))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    name: Mapped[str] = mapped_column(String(VIEW_NAME_MAX))
    query: Mapped[str] = mapped_column(Text)

    @property
    def shared(self) -> bool:
        """Whether the whole team has it."""
        return self.user_id is None

    @classmethod
    def of_team(cls, actor: Actor) -> ColumnElement[bool]:
        """The condition for the team of `actor`: the staff of the current store, or the admins."""
        return cls.store_id.is_not_distinct_from(None if actor.type == ActorType.ADMIN else actor.store_id)

    @classmethod
    def visible_to(cls, actor: Actor) -> ColumnElement[bool]:
        """The condition for the actor's own views in the current store, and those of the team."""
        return cls.of_team(actor) & or_(cls.user_id.is_(None), cls.user_id == actor.id)
