"""A message that waits a few seconds before it is sent, so that its writer can take it back."""

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
    """What has become of it. Rows of the last two are kept for a while: a late repetition must not send once more."""

    WAITING = "waiting"
    REFUSED = "refused"  # it could not be sent when it was due; its writer still sees it
    UNDONE = "undone"  # its writer has it back
    SENT = "sent"


SHOWN = (DelayState.WAITING, DelayState.REFUSED)


class Order(NamedTuple):
    """What is to be sent: the words, the key and digest that make it one message, the rows of its files, and how."""

    content: str
    idempotency_key: str
    digest: str
    files: list[Fields]
    seen: int | None  # the last line that its writer was shown
    reopens: bool
    closes: bool


class DelayedMessage(Base):
    """A message before it is sent. It has no `seq`, and nothing that the other side reads counts it.

    Its files are in storage; `files` are their rows to be. `reason` is the code of the refusal that it met.
    """

    __tablename__ = "delayed_messages"
    __table_args__ = (
        CheckConstraint("state IN ('waiting', 'refused', 'undone', 'sent')", name="state"),
        UniqueConstraint("sender_type", "sender_id", "idempotency_key"),
        Index(None, "conversation_id"),
        Index("ix_delayed_messages_due", "due_at", "id", sqlite_where=WAITING_ONLY, postgresql_where=WAITING_ONLY),
        {"sqlite_autoincrement": True},  # an old address never leads to another message
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
        """Write it down, and return its id. Never due before what the same person has waiting there already."""
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
        """Return one of them."""
        return session.execute(select(*table_of(cls).c).where(cls.id == delayed_id)).one_or_none()

    @classmethod
    def by_key(cls, session: Session, actor: Actor, key: str) -> AnyRow | None:
        """Return what the actor's key has written."""
        own = (cls.sender_type == actor.type, cls.sender_id == actor.id, cls.idempotency_key == key)
        return session.execute(select(*table_of(cls).c).where(*own)).one_or_none()

    @classmethod
    def shown_to(cls, session: DbSession, side: ActorType, conversation_id: int) -> list[AnyRow]:
        """Return what one side has waiting in a conversation, and what could not be sent, in the order of writing."""
        own = (cls.conversation_id == conversation_id, cls.sender_type == side, cls.state.in_(SHOWN))
        return list(session.execute(select(*table_of(cls).c).where(*own).order_by(cls.id)))

    @classmethod
    def due(cls, session: DbSession, at: datetime) -> list[int]:
        """Return the ids of what is due at `at`, in the order in which it became due."""
        due = select(cls.id).where(WAITING_ONLY, cls.due_at <= at).order_by(cls.due_at, cls.id)
        return list(session.scalars(due))

    @classmethod
    def next_due(cls, session: DbSession) -> datetime | None:
        """Return when the next one is due."""
        return session.scalar(select(func.min(cls.due_at)).where(WAITING_ONLY))

    @classmethod
    def mark_sent(cls, session: Session, delayed_id: int) -> bool:
        """Note that it is sent: message and files have it now. False where it no longer waits."""
        gone: Fields = {"state": DelayState.SENT, "content": "", "files": []}
        return cls._change(session, delayed_id, (DelayState.WAITING,), gone)

    @classmethod
    def mark_refused(cls, session: Session, delayed_id: int, reason: str) -> bool:
        """Note why it cannot be sent. False where it no longer waits."""
        return cls._change(session, delayed_id, (DelayState.WAITING,), {"state": DelayState.REFUSED, "reason": reason})

    @classmethod
    def mark_undone(cls, session: Session, delayed_id: int) -> bool:
        """Note that its writer has it back. False where they have, or it was sent."""
        return cls._change(session, delayed_id, SHOWN, {"state": DelayState.UNDONE})

    @classmethod
    def forget(cls, session: Session, before: datetime) -> list[Fields]:
        """Delete what was settled and is older, and return the rows of the files that nobody needs any more."""
        over = (cls.state.not_in(SHOWN), cls.due_at < before)
        return [file for files in session.scalars(delete(cls).where(*over).returning(cls.files)) for file in files]

    @classmethod
    def _change(cls, session: Session, delayed_id: int, states: tuple[DelayState, ...], values: Fields) -> bool:
        changed = update(table_of(cls)).where(cls.id == delayed_id, cls.state.in_(states)).values(values)
        return session.execute(changed.returning(cls.id)).one_or_none() is not None
