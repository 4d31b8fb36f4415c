"""Delayed messages: they wait a few seconds before they are sent, so that their sender can undo sending."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import (
    JSON,
    CheckConstraint,
    ForeignKey,
    Index,
    String,
    Text,
    UniqueConstraint,
    delete,
    func,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.orm import Mapped, Session, mapped_column

from messaging_app.actors import Actor, ActorType
from messaging_app.db.types import AnyRow, Base, DbSession, Fields, table_of

WAITING_ONLY = text("state = 'waiting'")


class DelayState(StrEnum):
    """The state of a delayed message. Undone and sent rows are kept for a while, so that a late retry cannot send again."""

    WAITING = "waiting"
    REFUSED = "refused"  # it could not be sent when it was due; its sender still sees it
    UNDONE = "undone"  # its sender has it back
    SENT = "sent"


SHOWN = (DelayState.WAITING, DelayState.REFUSED)


class Order(NamedTuple):
    """The message to send: its text, key and digest, the rows of its files, and the options of the send."""

    content: str
    idempotency_key: str
    digest: str
    files: list[Fields]
    seen: int | None  # the last line that its sender had seen
    reopens: bool
    closes: bool


class DelayedMessage(Base):
    """A message before it is sent. It has no `seq`, and nothing that the other side sees counts it.

    Its files are already in storage; `files` are their future rows. `reason` is the code of the refusal, if any.
    """

    __tablename__ = "delayed_messages"
    __table_args__ = (
        CheckConstraint("state IN ('waiting', 'refused', 'undone', 'sent')", name="state"),
        UniqueConstraint("sender_type", "sender_id", "idempotency_key"),
        Index(None, "conversation_id"),
        Index("ix_delayed_messages_due", "due_at", "id", sqlite_where=WAITING_ONLY, postgresql_where=WAITING_ONLY),
        {"sqlite_autoincrement": True},  # ids are never reused, so an old URL never leads to another message
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    conversation_id: Mapped[int] = mapped_column(ForeignKey("conversations.id"))
    sender_type: Mapped[str] = mapped_column(String(8))
    sender_id: Mapped[int]
    sender_name: Mapped[str] = mapped_column(String(200))
    store_id: Mapped[int | None]  # that of staff
    content: Mapped[str] = mapped_column(Text)
    files: Mapped[list[Fields]] = mapped_column(JSON)
    idempotency_key: Mapped[str] = mapped_column(String(200))
    digest: Mapped[str] = mapped_column(String(64))
    seen: Mapped[int | None]
    reopens: Mapped[bool]
    closes: Mapped[bool]
    state: Mapped[str] = mapped_column(String(8), default=DelayState.WAITING)
    reason: Mapped[str] = mapped_column(String(32), default="")
    due_at: Mapped[datetime]
    created_at: Mapped[datetime]

    @classmethod
    def write(
        cls, session: Session, actor: Actor, conversation_id: int, order: Order, at: datetime, due_at: datetime
    ) -> int:
        """Insert a row and return its id. It is never due before an earlier message of the same person there."""
        own = (cls.sender_type == actor.type, cls.sender_id == actor.id, cls.conversation_id == conversation_id)
        last = session.scalar(select(func.max(cls.due_at)).where(*own, cls.state == DelayState.WAITING))
        new = insert(cls).values(
            **order._asdict(),
            conversation_id=conversation_id,
            sender_type=actor.type,
            sender_id=actor.id,
            sender_name=actor.name,
            store_id=actor.store_id,
            created_at=at,
            due_at=max(due_at, last or due_at),
        )
        return session.execute(new.returning(cls.id)).scalar_one()

    @classmethod
    def find(cls, session: DbSession, delayed_id: int) -> AnyRow | None:
        """Return the row with this id, or None."""
        return session.execute(select(*table_of(cls).c).where(cls.id == delayed_id)).one_or_none()

    @classmethod
    def by_key(cls, session: Session, actor: Actor, key: str) -> AnyRow | None:
        """Return the row that the actor wrote with this key, or None."""
        own = (cls.sender_type == actor.type, cls.sender_id == actor.id, cls.idempotency_key == key)
        return session.execute(select(*table_of(cls).c).where(*own)).one_or_none()

    @classmethod
    def shown_to(cls, session: DbSession, side: ActorType, conversation_id: int) -> list[AnyRow]:
        """Return one side's waiting and refused messages in a conversation, in the order of writing."""
        own = (cls.conversation_id == conversation_id, cls.sender_type == side, cls.state.in_(SHOWN))
        return list(session.execute(select(*table_of(cls).c).where(*own).order_by(cls.id)))

    @classmethod
    def due(cls, session: DbSession, at: datetime) -> list[int]:
        """Return the ids of messages due at `at`, in the order in which they became due."""
        due = select(cls.id).where(WAITING_ONLY, cls.due_at <= at).order_by(cls.due_at, cls.id)
        return list(session.scalars(due))

    @classmethod
    def next_due(cls, session: DbSession) -> datetime | None:
        """Return when the next message is due, or None."""
        return session.scalar(select(func.min(cls.due_at)).where(WAITING_ONLY))

    @classmethod
    def mark_sent(cls, session: Session, delayed_id: int) -> bool:
        """Mark a message as sent. Returns False if it is no longer waiting."""
        gone: Fields = {"state": DelayState.SENT, "content": "", "files": []}
        return cls._change(session, delayed_id, (DelayState.WAITING,), gone)

    @classmethod
    def mark_refused(cls, session: Session, delayed_id: int, reason: str) -> bool:
        """Mark a message as refused, with the code. Returns False if it is no longer waiting."""
        return cls._change(session, delayed_id, (DelayState.WAITING,), {"state": DelayState.REFUSED, "reason": reason})

    @classmethod
    def mark_undone(cls, session: Session, delayed_id: int) -> bool:
        """Mark a message as undone. Returns False if it was already undone or sent."""
        return cls._change(session, delayed_id, SHOWN, {"state": DelayState.UNDONE})

    @classmethod
    def forget(cls, session: Session, before: datetime) -> list[Fields]:
        """Delete undone and sent rows older than `before`, and return the rows of files that are no longer needed."""
        over = (cls.state.not_in(SHOWN), cls.due_at < before)
        return [file for files in session.scalars(delete(cls).where(*over).returning(cls.files)) for file in files]

    @classmethod
    def _change(cls, session: Session, delayed_id: int, states: tuple[DelayState, ...], values: Fields) -> bool:
        changed = update(table_of(cls)).where(cls.id == delayed_id, cls.state.in_(states)).values(values)
        return session.execute(changed.returning(cls.id)).one_or_none() is not None
