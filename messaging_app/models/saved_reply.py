"""Saved replies: texts that a team uses often."""

from __future__ import annotations

from typing import Literal

from sqlalchemy import ColumnElement, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from messaging_app.actors import Actor, ActorType
from messaging_app.db.types import Base

NAME_MAX = 100


class SavedReply(Base):
    """A saved reply of one store, or of the platform if `store_id` is None. `used` counts how often it was inserted."""

    __tablename__ = "saved_replies"
    __table_args__ = (Index(None, "store_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    store_id: Mapped[int | None] = mapped_column(ForeignKey("stores.id"))
    name: Mapped[str] = mapped_column(String(NAME_MAX))
    text: Mapped[str] = mapped_column(Text)
    used: Mapped[int] = mapped_column(default=0)

    @property
    def scope(self) -> Literal["platform", "store"]:
        """Who owns it: `platform` or `store`."""
        return "platform" if self.store_id is None else "store"

    def belongs_to(self, actor: Actor) -> bool:
        """Whether the actor's own team owns it."""
        return self.store_id == (None if actor.type == ActorType.ADMIN else actor.store_id)

    @classmethod
    def visible_to(cls, actor: Actor) -> ColumnElement[bool]:
        """Return the condition for replies that `actor` may use: the platform's and those of the current store."""
        platform = cls.store_id.is_(None)
        return platform if actor.type == ActorType.ADMIN else platform | (cls.store_id == actor.store_id)
