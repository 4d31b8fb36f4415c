"""One line of a conversation: a message, or an event such as closing."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint, bindparam, insert, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from messaging_app.actors import Actor
from messaging_app.db.query import Query
from messaging_app.db.types import Base, table_of
from messaging_app.models.events import FACT, EventKind
from messaging_app.models.position import Taken

IDEMPOTENCY_KEY_MAX = 200
SHOP = "Shop"  # the sender's name of what the shop's program states


class MessageKind(StrEnum):
    """The kind of a line. Events take a `seq`, but are never unread."""

    MESSAGE = "message"
    EVENT = "event"


class Message(Base):
    """A line, numbered by `seq` without gaps within its conversation. Never changed after it is written.

    `sender_name` is the name at the time of writing, so the record of who said what stays provable. `digest` is a
    SHA-256 of recipient, text and files. It is stored with the idempotency key to tell a retry from a different
    message.
    """

    __tablename__ = "messages"
    __table_args__ = (
        UniqueConstraint("conversation_id", "seq"),
        CheckConstraint("kind IN ('message', 'event')", name="kind"),
        Index(
            "uq_messages_idempotency",
            "sender_type",
            "sender_id",
            "idempotency_key",
            unique=True,
            sqlite_where=text("idempotency_key IS NOT NULL"),
            postgresql_where=text("idempotency_key IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    conversation_id: Mapped[int] = mapped_column(ForeignKey("conversations.id"))
    seq: Mapped[int]
    kind: Mapped[str] = mapped_column(String(8), default=MessageKind.MESSAGE)
    event: Mapped[str | None] = mapped_column(String(8))  # a key of `events.EVENT_KINDS`
    sender_type: Mapped[str] = mapped_column(String(8))
    sender_id: Mapped[int]
    sender_name: Mapped[str] = mapped_column(String(200))
    content: Mapped[str] = mapped_column(Text)
    attachment_count: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]
    idempotency_key: Mapped[str | None] = mapped_column(String(IDEMPOTENCY_KEY_MAX))
    digest: Mapped[str | None] = mapped_column(String(64))

    @staticmethod
    def write(
        session: Session,
        actor: Actor,
        line: Taken,
        content: str,
        attachment_count: int = 0,
        idempotency_key: str | None = None,
        digest: str | None = None,
    ) -> int:
        """Write a message at a taken position. Returns its id.

        Raises `IntegrityError` if the sender has used the key before.
        """
        (message_id,) = _WRITE.all(
            session,
            new_conversation_id=line.conversation_id,
            new_seq=line.last_seq,
            new_kind=MessageKind.MESSAGE,
            new_sender_type=actor.type,
            new_sender_id=actor.id,
            new_sender_name=actor.name,
            new_content=content,
            new_attachment_count=attachment_count,
            new_created_at=line.moment,
            new_idempotency_key=idempotency_key,
            new_digest=digest,
        )
        return message_id

    @classmethod
    def note_event(cls, session: Session, actor: Actor, line: Taken, event: EventKind) -> None:
        """Write an event at a taken position."""
        session.execute(
            insert(cls).values(
                conversation_id=line.conversation_id,
                seq=line.last_seq,
                kind=MessageKind.EVENT,
                event=event.name,
                sender_type=actor.type,
                sender_id=actor.id,
                sender_name=actor.name,
                content=event.content_of(actor.name),
                created_at=line.moment,
            )
        )

    @classmethod
    def note_fact(cls, session: Session, actor: Actor, lines: list[Taken], text: str) -> None:
        """Write the shop's fact as an event at each of these positions, in the name of the token's user."""
        said = {"kind": MessageKind.EVENT, "event": FACT.name, "sender_type": actor.type, "sender_id": actor.id}
        said |= {"sender_name": SHOP, "content": FACT.content_of(SHOP, text)}
        places = (
            {"conversation_id": line.conversation_id, "seq": line.last_seq, "created_at": line.moment} for line in lines
        )
        session.execute(insert(cls), [said | place for place in places])


_COLUMNS = (
    *("conversation_id", "seq", "kind", "sender_type", "sender_id", "sender_name", "content", "attachment_count"),
    *("created_at", "idempotency_key", "digest"),
)
_WRITE = Query(
    insert(table_of(Message))
    .values({name: bindparam(f"new_{name}", type_=table_of(Message).c[name].type) for name in _COLUMNS})
    .returning(table_of(Message).c.id),
    int,
)
