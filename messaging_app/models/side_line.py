"""A line of a thread that only one side sees: who took a conversation, gave it away or put it to sleep."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from messaging_app.actors import Actor
from messaging_app.db.types import Base
from messaging_app.models.events import EventKind
from messaging_app.models.position import Locked


class SideLine(Base):
    """One line. It has no `seq`: it is shown after line `after_seq`, in the order of ids.

    Nothing that the other side reads counts it. `event` is a key of `events.EVENT_KINDS`; `content` is what its
    sentence names besides the actor.
    """

    __tablename__ = "side_lines"
    __table_args__ = (Index(None, "conversation_id", "side", "after_seq"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    conversation_id: Mapped[int] = mapped_column(ForeignKey("conversations.id"))
    side: Mapped[str] = mapped_column(String(8))
    after_seq: Mapped[int]
    event: Mapped[str] = mapped_column(String(16))
    actor_id: Mapped[int]
    actor_name: Mapped[str] = mapped_column(String(200))
    content: Mapped[str] = mapped_column(String(200))
    user_id: Mapped[int | None]  # the other user involved, such as the assignee
    created_at: Mapped[datetime]

    @classmethod
    def write(
        cls,
        session: Session,
        actor: Actor,
        head: Locked,
        event: EventKind,
        at: datetime,
        content: str = "",
        user_id: int | None = None,
    ) -> None:
        """Write a line at the end, for the side of `actor`. `Conversation.change_side` has locked and counted it."""
        session.execute(
            insert(cls).values(
                conversation_id=head.conversation_id,
                side=actor.type,
                after_seq=head.last_seq,
                event=event.name,
                actor_id=actor.id,
                actor_name=actor.name,
                content=content,
                user_id=user_id,
                created_at=at,
            )
        )
