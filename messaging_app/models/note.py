"""Notes in a thread, which only one side sees, and their mentions."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import JSON, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from messaging_app.actors import Actor
from messaging_app.db.types import Base
from messaging_app.models.message import IDEMPOTENCY_KEY_MAX
from messaging_app.models.position import Locked


class Written(NamedTuple):
    """A note's text, the ids of mentioned colleagues, and the key and digest that identify a retry."""

    content: str
    mentions: list[int]
    attachment_count: int = 0
    idempotency_key: str | None = None
    digest: str | None = None


class Note(Base):
    """A note. It has no `seq`: it is shown after line `after_seq`, in the order of ids.

    Nothing that the other side sees counts it. It is never changed and never deleted.
    """

    __tablename__ = "notes"
    __table_args__ = (
        Index(None, "conversation_id", "side", "after_seq"),
        Index(
            "uq_notes_idempotency",
            "side",
            "author_id",
            "idempotency_key",
            unique=True,
            sqlite_where=text("idempotency_key IS NOT NULL"),
            postgresql_where=text("idempotency_key IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    conversation_id: Mapped[int] = mapped_column(ForeignKey("conversations.id"))
    side: Mapped[str] = mapped_column(String(8))
    after_seq: Mapped[int]
    author_id: Mapped[int]
    author_name: Mapped[str] = mapped_column(String(200))
    content: Mapped[str] = mapped_column(Text)
    mentions: Mapped[list[int]] = mapped_column(JSON)
    attachment_count: Mapped[int] = mapped_column(server_default="0")
    created_at: Mapped[datetime]
    idempotency_key: Mapped[str | None] = mapped_column(String(IDEMPOTENCY_KEY_MAX))
    digest: Mapped[str | None] = mapped_column(String(64))

    @classmethod
    def write(cls, session: Session, actor: Actor, head: Locked, written: Written, at: datetime) -> Note:
        """Write a note at the end, for the side of `actor`. `Conversation.change_side` has locked and counted it.

        Raises `IntegrityError` if the author has used the key before.
        """
        note = cls(
            conversation_id=head.conversation_id,
            side=actor.type,
            after_seq=head.last_seq,
            author_id=actor.id,
            author_name=actor.name,
            **written._asdict(),
            created_at=at,
        )
        session.add(note)
        session.flush()
        return note
