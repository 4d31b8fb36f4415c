"""A conversation: what it is, who sees it, and the verbs that change its head."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    ForeignKey,
    Index,
    String,
    and_,
    bindparam,
    case,
    literal_column,
    select,
    text,
    update,
)
from sqlalchemy import cast as sql_cast
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.sql.dml import ReturningUpdate

from messaging_app.actors import Actor, ActorType
from messaging_app.db.engine import Base, UtcDateTime
from messaging_app.models.anybody import anybody_like, number, numbers_of
from messaging_app.models.message import Message
from messaging_app.models.platform import Store
from messaging_app.text import preview


class ConversationType(StrEnum):
    """Who talks with whom."""

    ADMIN_STORE = "admin_store"
    STORE_CUSTOMER = "store_customer"
    ADMIN_CUSTOMER = "admin_customer"


class ConversationStatus(StrEnum):
    """Whether it may be written to."""

    OPEN = "open"
    CLOSED = "closed"


# Literals, not parameters: a partial index serves a query only if both say the very same condition.
NOT_BETWEEN_STORE_AND_CUSTOMER = "conversation_type != 'store_customer'"
NOT_BETWEEN_PLATFORM_AND_CUSTOMER = "conversation_type != 'admin_customer'"


def _inbox_index(name: str, *columns: str, where: str) -> Index:
    """An index that holds one audience's conversations in the order of its inbox (read backwards: newest first)."""
    condition = text(where)
    return Index(name, *columns, "last_message_at", "id", sqlite_where=condition, postgresql_where=condition)


class Conversation(Base):
    """The whole exchange. Its head carries all that a list shows, so that no list looks at messages.

    `last_seq` numbers messages and events alike; `last_message_*` and `last_sender_*` speak of messages only.
    """

    __tablename__ = "conversations"
    __table_args__ = (
        CheckConstraint("conversation_type IN ('admin_store', 'store_customer', 'admin_customer')", name="type"),
        CheckConstraint("status IN ('open', 'closed')", name="status"),
        CheckConstraint("(conversation_type = 'admin_store') = (customer_id IS NULL)", name="customer"),
        _inbox_index("ix_conversations_platform", where=NOT_BETWEEN_STORE_AND_CUSTOMER),
        _inbox_index("ix_conversations_platform_status", "status", where=NOT_BETWEEN_STORE_AND_CUSTOMER),
        _inbox_index(
            "ix_conversations_platform_type", "conversation_type", "status", where=NOT_BETWEEN_STORE_AND_CUSTOMER
        ),
        _inbox_index("ix_conversations_store", "store_id", where=NOT_BETWEEN_PLATFORM_AND_CUSTOMER),
        _inbox_index("ix_conversations_store_status", "store_id", "status", where=NOT_BETWEEN_PLATFORM_AND_CUSTOMER),
        _inbox_index(
            "ix_conversations_store_type",
            "store_id",
            "conversation_type",
            "status",
            where=NOT_BETWEEN_PLATFORM_AND_CUSTOMER,
        ),
        _inbox_index("ix_conversations_customer", "customer_id", where="customer_id IS NOT NULL"),
        _inbox_index("ix_conversations_customer_status", "customer_id", "status", where="customer_id IS NOT NULL"),
        # No number is used twice, and one can be reserved before its row is written (see `reserve_id`).
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    conversation_type: Mapped[str] = mapped_column(String(16))
    subject: Mapped[str] = mapped_column(String(200))
    status: Mapped[str] = mapped_column(String(8), default=ConversationStatus.OPEN)
    store_id: Mapped[int] = mapped_column(ForeignKey("stores.id"))
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customers.id"))
    last_seq: Mapped[int] = mapped_column(default=0)
    last_message_at: Mapped[datetime]
    last_message_preview: Mapped[str] = mapped_column(String(120))
    last_sender_type: Mapped[str] = mapped_column(String(8))
    last_sender_id: Mapped[int]
    last_sender_name: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime]
    created_by_type: Mapped[str] = mapped_column(String(8))
    created_by_id: Mapped[int]
    closed_at: Mapped[datetime | None]
    closed_by_type: Mapped[str | None] = mapped_column(String(8))
    closed_by_id: Mapped[int | None]
    removed_files: Mapped[int] = mapped_column(default=0)  # how often a file was removed: part of what a poll compares

    @classmethod
    def visible_to(cls, actor: Actor) -> ColumnElement[bool]:
        """The one scope: the condition for every row that `actor` may see. Everything a person reaches starts here."""
        if actor.type == ActorType.ADMIN:
            return cls.conversation_type != _literal(ConversationType.STORE_CUSTOMER)
        if actor.type == ActorType.STORE:
            return and_(
                cls.store_id == actor.store_id, cls.conversation_type != _literal(ConversationType.ADMIN_CUSTOMER)
            )
        own = cls.customer_id == actor.id
        return own if actor.sees_platform else and_(own, cls.conversation_type == ConversationType.STORE_CUSTOMER)

    @classmethod
    def take_seq(
        cls, actor: Actor, conversation_id: int, at: datetime, while_: ConversationStatus, **head: Any
    ) -> tuple[ReturningUpdate[*tuple[Any, ...]], dict[str, Any]]:
        """The statement, with its parameters, that locks a conversation and takes its next `seq`: nobody else gets it.

        It matches `while_` the conversation has that status and `actor` sees it; `head` names further columns to set,
        and where they tell of a last message its time is set as well. It returns `conversation_id, last_seq, moment,
        conversation_type, store_id, customer_id, store_name`; `moment` is `at`, or the last message's time where the
        clock ran back: the times of messages never run against their `seq`. Of the line before it tells `before_at`
        and `before_by`, "kind sender_type sender_id".
        """
        statement = take_seq_of(actor.type, actor.sees_platform, while_, tuple(head))
        parameters = {f"new_{name}": value for name, value in head.items()}
        return statement, numbers_of(actor) | parameters | {"taken_id": conversation_id, "at": at}

    @classmethod
    def not_before(cls, at: ColumnElement[datetime]) -> ColumnElement[datetime]:
        """`at`, but never earlier than the conversation's last message."""
        return case((cls.last_message_at > at, cls.last_message_at), else_=at)

    @staticmethod
    def head_of(actor: Actor, content: str) -> dict[str, Any]:
        """The columns of a conversation's head that its last message sets, but for the time."""
        return {
            "last_message_preview": preview(content),
            "last_sender_type": actor.type,
            "last_sender_id": actor.id,
            "last_sender_name": actor.name,
        }


def _literal(word: ConversationType | ActorType) -> ColumnElement[str]:
    return literal_column(f"'{word.value}'")


@cache
def take_seq_of(
    actor_type: ActorType, sees_platform: bool, while_: ConversationStatus, columns: tuple[str, ...]
) -> ReturningUpdate[*tuple[Any, ...]]:
    """The statement of `Conversation.take_seq` for every actor of a kind, setting `columns` of the head."""
    table: Any = Conversation.__table__
    moment = Conversation.not_before(bindparam("at", type_=UtcDateTime()))
    values: dict[str, Any] = {name: bindparam(f"new_{name}", type_=table.c[name].type) for name in columns}
    if "last_message_preview" in columns:
        values["last_message_at"] = moment
    if "last_sender_type" in columns:  # who acts is a parameter anyway
        values |= {"last_sender_type": _literal(actor_type), "last_sender_id": number("actor_id")}
    return (
        update(table)
        .where(
            table.c.id == number("taken_id"),
            Conversation.visible_to(anybody_like(actor_type, sees_platform)),
            table.c.status == while_,
        )
        .values(last_seq=table.c.last_seq + 1, **values)
        .returning(
            table.c.id.label("conversation_id"),
            table.c.last_seq,
            moment.label("moment"),
            table.c.conversation_type,
            table.c.store_id,
            table.c.customer_id,
            select(Store.name).where(Store.id == table.c.store_id).scalar_subquery().label("store_name"),
            *(_of_line_before(column).label(name) for name, column in BEFORE.items()),
        )
    )


BEFORE: dict[str, Any] = {
    "before_at": Message.created_at,
    "before_by": Message.kind + " " + Message.sender_type + " " + sql_cast(Message.sender_id, String),
}


def _of_line_before(column: Any) -> Any:
    """`column` of the line before the one whose `seq` was just taken.

    In words, since SQLAlchemy leaves out the tables' names in what SQLite returns, and both have an `id`.
    """
    is_before = text("messages.conversation_id = conversations.id AND messages.seq = conversations.last_seq - 1")
    return select(column).where(is_before).scalar_subquery()
