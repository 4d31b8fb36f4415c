"""A conversation: what it is, who sees it, and the verbs that change its head row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from functools import cache

from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    ForeignKey,
    String,
    and_,
    bindparam,
    case,
    insert,
    literal,
    null,
    or_,
    select,
    update,
)
from sqlalchemy.orm import InstrumentedAttribute, Mapped, Session, mapped_column

from messaging_app.actors import Actor, ActorType
from messaging_app.db.query import Query
from messaging_app.db.types import Base, Column, Id, UtcDateTime, table_of
from messaging_app.models.context import KIND_MAX, Context, Held, Snapshot, SnapshotType
from messaging_app.models.conversation_indexes import INDEXES
from messaging_app.models.platform import Customer, Store, User
from messaging_app.models.position import Locked, Names, NewConversation, Taken
from messaging_app.models.reason import CODE_MAX, NAME_MAX, Reason
from messaging_app.models.scope import (
    ACTOR_ID,
    ACTOR_STORE_ID,
    ConversationType,
    Number,
    actor_params,
    type_without,
    word,
)
from messaging_app.models.sides import TEAMS, Side, Sides


class ConversationStatus(StrEnum):
    """Whether a conversation accepts messages."""

    OPEN = "open"
    CLOSED = "closed"


@dataclass(slots=True)
class Head:
    """What lists, threads, API and mail show of a conversation: columns of the same names, the parent of their rows."""

    id: int
    conversation_type: str
    subject: str
    status: str
    store_id: int
    customer_id: int | None
    last_seq: int
    last_message_at: datetime
    last_message_preview: str
    last_sender_type: str
    last_sender_id: int
    last_sender_name: str
    created_at: datetime
    closed_at: datetime | None
    removed_files: int
    context_id: int | None
    context: Snapshot | None
    reason_code: str | None
    reason_name: str | None

    @property
    def reason(self) -> dict[str, str | None] | None:
        """Why it was begun, if anybody said so."""
        return {"code": self.reason_code, "name": self.reason_name} if self.reason_code is not None else None

    @classmethod
    def columns(cls) -> tuple[Column, ...]:
        """Return the columns of a head, in the order of its fields."""
        return tuple(getattr(Conversation, field.name) for field in fields(Head))


class Conversation(Sides, Base):
    """The whole exchange. The row holds everything that a list shows, so lists do not read messages.

    `last_seq` counts messages and events; `last_message_*` and `last_sender_*` concern messages only.
    """

    __tablename__ = "conversations"
    __table_args__ = (
        CheckConstraint("conversation_type IN ('admin_store', 'store_customer', 'admin_customer')", name="type"),
        CheckConstraint("status IN ('open', 'closed')", name="status"),
        CheckConstraint("(conversation_type = 'admin_store') = (customer_id IS NULL)", name="customer"),
        *INDEXES,
        # Ids are never reused, and one can be reserved before its row is written (see `reserve_conversation_id`).
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
    removed_files: Mapped[int] = mapped_column(default=0)  # how many files were removed; part of the poll state
    context_id: Mapped[int | None]  # contexts are never deleted; the doctor checks the reference
    context_kind: Mapped[str | None] = mapped_column(String(KIND_MAX))
    context: Mapped[Snapshot | None] = mapped_column(SnapshotType)  # as it was at the beginning
    follows_id: Mapped[int | None]  # the closed one that this continues; the doctor checks the reference
    reason_code: Mapped[str | None] = mapped_column(String(CODE_MAX))
    reason_name: Mapped[str | None] = mapped_column(String(NAME_MAX))  # as it was at the beginning

    @classmethod
    def visible_to(cls, actor: Actor) -> ColumnElement[bool]:
        """The condition for every row that `actor` may see. Every look-up for an actor starts here."""
        return cls.seen_by(actor.type, actor.sees_all, actor.id, actor.store_id)

    @classmethod
    def seen_by(
        cls,
        actor_type: ActorType,
        sees_all: bool,
        actor_id: Number = ACTOR_ID,
        store_id: Number = ACTOR_STORE_ID,
    ) -> ColumnElement[bool]:
        """`visible_to` for any actor of a role, identified by the parameters that `actor_params` returns."""
        if actor_type == ActorType.CUSTOMER:
            own = cls.customer_id == actor_id
            return own if sees_all else and_(own, cls.conversation_type == word(ConversationType.STORE_CUSTOMER))
        seen = cls.conversation_type != word(type_without(actor_type))
        if actor_type == ActorType.ADMIN:
            return seen
        of_store = and_(cls.store_id == store_id, seen)
        theirs = or_(cls.store_assignee_id.is_(None), cls.store_assignee_id == actor_id)
        return of_store if sees_all else and_(of_store, theirs)

    @classmethod
    def side(cls, actor_type: ActorType) -> Side | None:
        """The columns of the actor's own side. None for customers, who have no team."""
        if actor_type == ActorType.CUSTOMER:
            return None
        names = ("no_reply_at", "assignee_id", "snoozed_until", "lines")
        own = (getattr(cls, f"{actor_type.value}_{name}") for name in names)
        return Side(actor_type, cls.last_sender_type, cls.status, cls.last_message_at, cls.turn_since, *own)

    @classmethod
    def not_before(cls, at: ColumnElement[datetime]) -> ColumnElement[datetime]:
        """`at`, or the time of the conversation's last message if that is later."""
        return case((cls.last_message_at > at, cls.last_message_at), else_=at)

    @classmethod
    def begin(cls, session: Session, actor: Actor, new: NewConversation) -> Taken:
        """Begin a conversation, under a reserved id if one is given. Returns its first position."""
        user_id = None if actor.type == ActorType.CUSTOMER else actor.id
        reserved = {} if new.conversation_id is None else {"id": new.conversation_id}
        number, *found = session.execute(
            insert(cls)
            .values(
                **reserved,
                **cls.matter(new.about, new.reason),
                follows_id=new.follows_id,
                conversation_type=new.conversation_type,
                subject=new.subject,
                status=ConversationStatus.OPEN,
                store_id=new.store_id,
                customer_id=new.customer_id,
                last_seq=1,
                last_message_at=new.at,
                turn_since=new.at,
                last_message_preview=new.preview,
                last_sender_type=actor.type,
                last_sender_id=actor.id,
                last_sender_name=actor.name,
                created_at=new.at,
                created_by_type=actor.type,
                created_by_id=actor.id,
            )
            .returning(cls.id, *_names(new.store_id, new.customer_id, user_id))
        ).one()
        store_name, store_code, name, email, own_email = found
        context = new.about.snapshot if new.about else None
        names = Names(new.subject, store_name, store_code, name, email, context, own_email)
        return Taken(number, 1, new.at, new.conversation_type, new.store_id, new.customer_id, names=names)

    @staticmethod
    def matter(about: Held | None, reason: Reason | None = None) -> dict[str, object]:
        """Return the columns that say what a conversation is about and why it begins, as of now."""
        why = {"reason_code": reason.code, "reason_name": reason.name} if reason else {}
        if about is None:
            return dict(why)
        return {"context_id": about.id, "context_kind": about.snapshot["kind"], "context": about.snapshot, **why}

    @classmethod
    def take_seq(cls, session: Session, actor: Actor, conversation_id: int, at: datetime, preview: str) -> Taken | None:
        """Lock an open conversation that `actor` sees, take its next `seq` and update its preview.

        Returns None and changes nothing if it is closed or not visible.
        """
        taken = _take_seq(actor.type, actor.sees_all).all(
            session,
            **actor_params(actor),
            of_conversation=conversation_id,
            at=at,
            preview=preview,
            actor_name=actor.name,
        )
        return taken[0] if taken else None

    @classmethod
    def turn(
        cls, session: Session, actor: Actor, conversation_id: int, at: datetime, to: ConversationStatus
    ) -> Taken | None:
        """Close or reopen a conversation that `actor` sees, and take the next `seq` for the event.

        Returns None and changes nothing if it already has that status or is not visible.
        """
        closing = to == ConversationStatus.CLOSED
        found = session.execute(
            update(table_of(cls))
            .where(cls.id == conversation_id, cls.visible_to(actor), cls.status != to)
            .values(
                status=to,
                last_seq=cls.last_seq + 1,
                closed_at=at if closing else None,
                closed_by_type=actor.type if closing else None,
                closed_by_id=actor.id if closing else None,
                admin_no_reply_at=None,
                store_no_reply_at=None,
            )
            .returning(*_taken(cls.not_before(literal(at, UtcDateTime))))
        ).one_or_none()
        return Taken(*tuple(found)) if found else None

    @classmethod
    def open_about(
        cls, session: Session, conversation_type: str, customer_id: int | None, context_id: int
    ) -> int | None:
        """Return the open conversation of these parties about a context, of which there is at most one."""
        customer = cls.customer_id.is_(None) if customer_id is None else cls.customer_id == customer_id
        is_open = cls.status == word(ConversationStatus.OPEN)
        about = and_(cls.context_id == context_id, cls.conversation_type == conversation_type, customer, is_open)
        return session.scalar(select(cls.id).where(about))

    @classmethod
    def open_instead(cls, session: Session, actor: Actor, conversation_id: int) -> int | None:
        """Return the open conversation that stands in the way of reopening this one, and lock their context."""
        own = session.execute(
            select(cls.conversation_type, cls.customer_id, Context.id)
            .join(Context, Context.id == cls.context_id)
            .where(cls.id == conversation_id, cls.visible_to(actor))
            .with_for_update(of=Context, key_share=True)
        ).one_or_none()
        found = cls.open_about(session, *own) if own else None
        return None if found == conversation_id else found

    @classmethod
    def continued_in(cls, session: Session, conversation_id: int) -> int | None:
        """Return the conversation that continues a closed one, of which there is at most one."""
        return session.scalar(select(cls.id).where(cls.follows_id == conversation_id))

    @classmethod
    def about(cls, session: Session, held: Held) -> list[Locked]:
        """Return the conversations about a context, without locking them."""
        query = select(*cls._locked_columns()).where(cls._is_about(held))
        return [Locked(*row) for row in session.execute(query).all()]

    @classmethod
    def _is_about(cls, held: Held) -> ColumnElement[bool]:
        """Never those of another customer: whose a context is may be found out only after somebody typed its number."""
        own = cls.customer_id == held.customer_id
        return and_(cls.context_id == held.id, or_(cls.customer_id.is_(None), own))

    @classmethod
    def take_seqs_about(cls, session: Session, held: Held, at: datetime) -> list[Taken]:
        """Lock every conversation about a context and take the next `seq` in each, for an event."""
        # Locked in one order by everybody, so that nobody waits in a ring.
        locked = select(cls.id).where(cls._is_about(held)).order_by(cls.id).with_for_update(key_share=True)
        ids = session.scalars(locked).all()
        moment = cls.not_before(literal(at, UtcDateTime))
        taken = update(table_of(cls)).where(cls.id.in_(ids)).values(last_seq=cls.last_seq + 1)
        return [Taken(*tuple(row)) for row in session.execute(taken.returning(*_taken(moment)))] if ids else []

    @classmethod
    def lock(cls, session: Session, actor: Actor, conversation_id: int) -> Locked | None:
        """Lock a conversation that `actor` sees until the transaction ends."""
        found = session.execute(
            select(*cls._locked_columns())
            .where(cls.id == conversation_id, cls.visible_to(actor))
            .with_for_update(key_share=True)
        ).one_or_none()
        return Locked(*found) if found else None

    @classmethod
    def at(cls, session: Session, conversation_id: int) -> Locked:
        """Return a conversation without locking it or asking who sees it."""
        return Locked(*session.execute(select(*cls._locked_columns()).where(cls.id == conversation_id)).one())

    @classmethod
    def count_removed_file(cls, session: Session, conversation_id: int) -> Locked:
        """Count a removed file, so that polls see the change."""
        head = update(cls).where(cls.id == conversation_id).values(removed_files=cls.removed_files + 1)
        return Locked(*session.execute(head.returning(*cls._locked_columns())).one())

    @classmethod
    def change_side(
        cls,
        session: Session,
        actor: Actor,
        conversation_id: int,
        condition: Callable[[Side], ColumnElement[bool]],
        **values: object,
    ) -> Locked | None:
        """Set columns of the actor's own side, named without its prefix, and count a line that only this side sees.

        Returns None and changes nothing unless `actor` sees the conversation and `condition` holds.
        """
        side = cls.side(actor.type)
        assert side is not None, "customers have no team"
        own = {f"{actor.type.value}_{name}": value for name, value in values.items()}
        own[f"{actor.type.value}_lines"] = side.lines + 1
        found = session.execute(
            update(table_of(cls))
            .where(cls.id == conversation_id, cls.visible_to(actor), condition(side))
            .values(own)
            .returning(*cls._locked_columns())
        ).one_or_none()
        return Locked(*found) if found else None

    @classmethod
    def _locked_columns(
        cls,
    ) -> tuple[
        InstrumentedAttribute[int],
        InstrumentedAttribute[str],
        InstrumentedAttribute[int],
        InstrumentedAttribute[int | None],
        InstrumentedAttribute[int],
        InstrumentedAttribute[int | None],
        InstrumentedAttribute[str],
    ]:
        whose = (cls.conversation_type, cls.store_id, cls.customer_id)
        return cls.id, *whose, cls.last_seq, cls.store_assignee_id, cls.status


def _names(store_id: int, customer_id: int | None, user_id: int | None) -> tuple[Column, ...]:
    """The names and addresses of `Names`."""
    of_store, of_customer, of_user = Store.id == store_id, Customer.id == customer_id, User.id == user_id
    whose = (
        (Store.name, of_store),
        (Store.code, of_store),
        (Customer.name, of_customer),
        (Customer.email, of_customer),
    )
    found = (select(column).where(of).scalar_subquery() for column, of in (*whose, (User.email, of_user)))
    return tuple(found)


def _taken(moment: ColumnElement[datetime]) -> tuple[Column, ...]:
    """The columns of `Taken`."""
    head = table_of(Conversation).c
    store_name = select(Store.name).where(Store.id == head.store_id).scalar_subquery()
    audience = (head.conversation_type, head.store_id, head.customer_id, store_name, head.store_assignee_id)
    return head.id, head.last_seq, moment, *audience


@cache
def _take_seq(actor_type: ActorType, sees_all: bool) -> Query[Taken]:
    mine = and_(Conversation.last_sender_type == word(actor_type), Conversation.turn_since.is_not(None))
    moment = Conversation.not_before(bindparam("at", type_=UtcDateTime))
    return Query(
        update(table_of(Conversation))
        .where(
            Conversation.id == bindparam("of_conversation", type_=Id),
            Conversation.seen_by(actor_type, sees_all),
            Conversation.status == word(ConversationStatus.OPEN),
        )
        .values(
            last_seq=Conversation.last_seq + 1,
            last_message_at=moment,
            turn_since=case((mine, Conversation.turn_since), else_=moment),
            admin_no_reply_at=null(),
            store_no_reply_at=null(),
            # The other side wakes up what sleeps.
            **{f"{team.value}_snoozed_until": null() for team in TEAMS if team != actor_type},
            last_message_preview=bindparam("preview", type_=String()),
            last_sender_type=word(actor_type),
            last_sender_id=ACTOR_ID,
            last_sender_name=bindparam("actor_name", type_=String()),
        )
        .returning(*_taken(moment)),
        Taken,
    )
