"""A seat in a conversation: its unread count, how far its user has read, and whether they want e-mail."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import cache
from typing import NamedTuple

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    ForeignKey,
    Index,
    String,
    and_,
    bindparam,
    case,
    false,
    func,
    literal_column,
    null,
    or_,
    select,
    text,
    true,
    union_all,
    update,
)
from sqlalchemy.orm import Mapped, Session, mapped_column

from messaging_app.actors import Actor, ActorType
from messaging_app.db.query import Query
from messaging_app.db.types import Base, Column, Fields, Id, UtcDateTime, table_of
from messaging_app.db.upsert import insert_for
from messaging_app.models.message import Message, MessageKind
from messaging_app.models.platform import Customer, StoreMembership, User
from messaging_app.models.position import Locked, Taken
from messaging_app.models.scope import ACTOR_ID, TYPES_OF, ConversationType, Number, active_person, actor_params, word

OF_CONVERSATION = bindparam("of_conversation", type_=Id)
MAIL_DUE = bindparam("mail_due", type_=UtcDateTime)
ZERO, ONE = literal_column("0", Id), literal_column("1", Id)


class Moved(NamedTuple):
    """A seat that has just been read. `is_seen`: the other side may see it, and its read position has moved."""

    unread_count: int
    has_written: bool
    is_seen: bool


class ConversationParticipant(Base):
    """A seat. `unread_count` always equals the number of others' messages (not events) with `seq` > `last_read_seq`,
    and of unread `mentions` in notes of the own side.

    A seat `by_mention` would not be there without one: the other side does not see it until its user writes.
    `participant_type` says what `participant_id` refers to: `users` for admin and store, otherwise `customers`.
    """

    __tablename__ = "conversation_participants"
    __table_args__ = (
        Index(
            "ix_conversation_participants_unread",
            "participant_type",
            "participant_id",
            "store_id",
            "unread_count",
            sqlite_where=text("unread_count > 0"),
            postgresql_where=text("unread_count > 0"),
        ),
        Index(
            "ix_conversation_participants_mail",
            "mail_due_at",
            sqlite_where=text("mail_due_at IS NOT NULL"),
            postgresql_where=text("mail_due_at IS NOT NULL"),
        ),
    )

    conversation_id: Mapped[int] = mapped_column(ForeignKey("conversations.id"), primary_key=True, autoincrement=False)
    participant_type: Mapped[str] = mapped_column(String(8), primary_key=True)
    participant_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    store_id: Mapped[int] = mapped_column(ForeignKey("stores.id"))
    unread_count: Mapped[int] = mapped_column(default=0)
    last_read_seq: Mapped[int] = mapped_column(default=0)
    last_read_at: Mapped[datetime | None]
    has_written: Mapped[bool] = mapped_column(default=False)
    email_notifications: Mapped[bool] = mapped_column(default=True)
    mail_due_at: Mapped[datetime | None]  # when an e-mail is due, unless the seat is read first
    mail_not_before: Mapped[datetime | None]  # after an e-mail: when the next one is allowed
    mailed_seq: Mapped[int] = mapped_column(default=0, server_default="0")  # the last line that an e-mail covered
    mentions: Mapped[int] = mapped_column(server_default="0")
    mailed_note_id: Mapped[int] = mapped_column(server_default="0")  # the last mention that one covered
    given_by: Mapped[str | None] = mapped_column(String(200))  # who assigned it to this person, until read or mailed
    by_mention: Mapped[bool] = mapped_column(server_default=false())

    @classmethod
    def belongs_to(cls, actor: Actor) -> ColumnElement[bool]:
        """The condition for the seats of `actor`."""
        return cls.of_actor(actor.type, actor.id)

    @classmethod
    def of_actor(cls, actor_type: ActorType, actor_id: Number = ACTOR_ID) -> ColumnElement[bool]:
        """`belongs_to` for any actor of a role, identified by the parameters that `actor_params` returns."""
        return (cls.participant_type == word(actor_type)) & (cls.participant_id == actor_id)

    @classmethod
    def raise_for(cls, session: Session, actor: Actor, line: Taken, mail_due_at: datetime | None) -> bool:
        """Count a new message for everyone else and add missing seats, in one statement.

        Returns whether it is the first that the sender wrote in this conversation.

        Every active member of the store, the customer, admins with a seat, and the sender keep or get a seat. All
        counts but the sender's rise by one. In a new seat everything before this message is read. Seats on the other
        side with e-mail on become due at `mail_due_at` (None: no e-mail), or later if they had one recently. Neither
        colleagues nor the sender's other seats get e-mail.
        """
        dialect = session.get_bind().dialect.name
        changed = _raise_for(dialect, actor.type, ConversationType(line.conversation_type)).all(
            session,
            **actor_params(actor),
            of_conversation=line.conversation_id,
            of_store=line.store_id,
            of_customer=line.customer_id,
            read_before=line.last_seq - 1,
            mail_due=mail_due_at,
        )
        return any(changed)

    @classmethod
    def switch_mail(
        cls, session: Session, actor: Actor, conversation_id: int, store_id: int, last_seq: int, wanted: bool
    ) -> None:
        """Turn e-mail on or off for the seat of `actor`. Without a seat, adds one in which everything is read."""
        insert = insert_for(session.get_bind().dialect.name, table_of(cls)).values(
            conversation_id=conversation_id,
            participant_type=actor.type,
            participant_id=actor.id,
            store_id=store_id,
            last_read_seq=last_seq,
            email_notifications=wanted,
        )
        session.execute(
            insert.on_conflict_do_update(
                index_elements=["conversation_id", "participant_type", "participant_id"],
                set_={"email_notifications": wanted},
            )
        )

    @classmethod
    def mark_unread(cls, session: Session, actor: Actor, head: Locked, from_seq: int) -> None:
        """Move the seat of `actor` back to before `from_seq`, and recount; never forward. Adds a missing seat.

        The caller holds the conversation's lock.
        """
        place = {
            "conversation_id": head.conversation_id,
            "participant_type": actor.type,
            "participant_id": actor.id,
            "store_id": head.store_id,
        }
        read = from_seq - 1
        insert = insert_for(session.get_bind().dialect.name, table_of(cls)).values(**place, last_read_seq=read)
        back = case((cls.last_read_seq > read, read), else_=cls.last_read_seq)
        session.execute(insert.on_conflict_do_update(index_elements=list(place)[:3], set_={"last_read_seq": back}))
        unread = (
            select(func.count())
            .where(
                Message.conversation_id == cls.conversation_id,
                Message.seq > cls.last_read_seq,
                Message.kind == word(MessageKind.MESSAGE),
                ~((Message.sender_type == cls.participant_type) & (Message.sender_id == cls.participant_id)),
            )
            .scalar_subquery()
        )
        own = (cls.conversation_id == head.conversation_id) & cls.belongs_to(actor)
        session.execute(update(table_of(cls)).where(own).values(unread_count=unread + cls.mentions))

    @classmethod
    def mention(
        cls, session: Session, actor: Actor, head: Locked, user_ids: Iterable[int], mail_due_at: datetime | None
    ) -> None:
        """Count a mention as unread for these colleagues of `actor`, who get e-mail at `mail_due_at` (None: none).

        Adds missing seats, which only their side sees. The caller holds the conversation's lock. All writers lock
        seats in the same order.
        """
        raised: Fields = {"unread_count": cls.unread_count + 1, "mentions": cls.mentions + 1}
        for user_id in sorted(user_ids):
            new: Fields = {"unread_count": 1, "mentions": 1}
            cls._notify_colleague(session, actor, head, user_id, mail_due_at, new, raised)

    @classmethod
    def give(cls, session: Session, actor: Actor, head: Locked, user_id: int, mail_due_at: datetime | None) -> None:
        """Note for a colleague that `actor` assigned a conversation to them, as `mention` does. Nothing is unread."""
        given: Fields = {"given_by": actor.name}
        cls._notify_colleague(session, actor, head, user_id, mail_due_at, given, given)

    @classmethod
    def _notify_colleague(
        cls,
        session: Session,
        actor: Actor,
        head: Locked,
        user_id: int,
        mail_due_at: datetime | None,
        new: Fields,
        changed: Fields,
    ) -> None:
        """Set `new` in the seat that is added for a colleague, `changed` in the one that they have."""
        place = {
            "conversation_id": head.conversation_id,
            "participant_type": actor.type,
            "participant_id": user_id,
            "store_id": head.store_id,
        }
        insert = insert_for(session.get_bind().dialect.name, table_of(cls)).values(
            **place, **new, last_read_seq=head.last_seq, by_mention=True, mail_due_at=mail_due_at
        )
        due = {"mail_due_at": _due(insert.excluded.mail_due_at)}
        session.execute(insert.on_conflict_do_update(index_elements=list(place)[:3], set_=changed | due))

    @classmethod
    def mark_read(
        cls,
        session: Session,
        actor: Actor,
        conversation_id: int,
        up_to: int,
        at: datetime,
        mail_due_at: datetime | None,
    ) -> Moved | None:
        """Move the seat of `actor` forward to `up_to` and recount; mentions are read. Returns None if nothing changed.

        The caller holds the conversation's lock, so no message arrives between the count and the write.
        """
        moved = _mark_read(actor.type).all(
            session, **actor_params(actor), of_conversation=conversation_id, up_to=up_to, at=at, mail_due=mail_due_at
        )
        return moved[0] if moved else None


@cache
def _mark_read(actor_type: ActorType) -> Query[Moved]:
    seat, up_to = ConversationParticipant, bindparam("up_to", type_=Id)
    left = (
        select(func.count())
        .where(
            Message.conversation_id == OF_CONVERSATION,
            Message.seq > up_to,
            Message.kind == word(MessageKind.MESSAGE),
            ~((Message.sender_type == word(actor_type)) & (Message.sender_id == ACTOR_ID)),
        )
        .scalar_subquery()
    )
    # The user is active right now, so what is left unread is e-mailed a full delay from now at the earliest.
    at = bindparam("at", type_=UtcDateTime)
    later = case((seat.mail_not_before > MAIL_DUE, seat.mail_not_before), else_=MAIL_DUE)
    return Query(
        update(table_of(seat))
        .where(
            seat.conversation_id == OF_CONVERSATION,
            seat.of_actor(actor_type),
            or_(
                seat.last_read_seq < up_to,
                (seat.last_read_seq == up_to) & or_(seat.mentions > ZERO, seat.given_by.is_not(None)),
            ),
        )
        .values(
            last_read_seq=up_to,
            # Only a mention was read, which the other side never learns of.
            last_read_at=case((seat.last_read_seq < up_to, at), else_=seat.last_read_at),
            unread_count=left,
            mentions=ZERO,
            given_by=null(),
            mail_due_at=case((seat.mail_due_at.is_not(None) & (left > 0), later)),
        )
        .returning(
            seat.unread_count,
            seat.has_written,
            and_(seat.last_read_at.is_not_distinct_from(at), or_(seat.has_written, ~seat.by_mention)),
        ),
        Moved,
    )


def _due(wanted: Column) -> ColumnElement[datetime | None]:
    """When a seat that is there gets e-mail that is due at `wanted`: then, or as soon as its last one allows."""
    seat = ConversationParticipant
    return case(
        (seat.mail_due_at.is_not(None), seat.mail_due_at),
        (seat.email_notifications, case((seat.mail_not_before > wanted, seat.mail_not_before), else_=wanted)),
    )


@cache
def _raise_for(dialect: str, actor_type: ActorType, conversation_type: ConversationType) -> Query[int]:
    """Return the query behind `raise_for`. It returns for each changed seat 1 if it is the sender's, otherwise 0."""
    seat, people = ConversationParticipant, _people_of(actor_type, conversation_type).subquery("people")
    is_sender = (people.c.type == word(actor_type)) & (people.c.id == ACTOR_ID)
    gets_mail = people.c.type != word(actor_type)
    if actor_type != ActorType.CUSTOMER:  # an admin may also sit there as staff
        gets_mail &= (people.c.type == word(ActorType.CUSTOMER)) | (people.c.id != ACTOR_ID)
    values = {
        "conversation_id": OF_CONVERSATION,
        "participant_type": people.c.type,
        "participant_id": people.c.id,
        "store_id": bindparam("of_store", type_=Id),
        "unread_count": case((is_sender, ZERO), else_=ONE),
        "last_read_seq": bindparam("read_before", type_=Id),
        "has_written": is_sender,
        "email_notifications": true(),
        "mail_due_at": case((gets_mail, MAIL_DUE)),
        "mailed_seq": ZERO,
    }
    # SQLite needs a WHERE here, or it parses ON CONFLICT as a join's ON. All writers lock seats in the same order.
    rows = select(*values.values()).where(true()).order_by(people.c.type, people.c.id)
    insert = insert_for(dialect, table_of(seat)).from_select(list(values), rows)
    return Query(
        insert.on_conflict_do_update(
            index_elements=["conversation_id", "participant_type", "participant_id"],
            set_={
                "unread_count": seat.unread_count + insert.excluded.unread_count,
                "has_written": seat.has_written | insert.excluded.has_written,
                "mail_due_at": _due(insert.excluded.mail_due_at),
            },
            where=(insert.excluded.unread_count > 0)
            | ~seat.has_written,  # otherwise it is the sender's, and nothing changes
        ).returning(case((seat.of_actor(actor_type), ONE), else_=ZERO)),
        int,
    )


def _people_of(actor_type: ActorType, conversation_type: ConversationType) -> CompoundSelect[tuple[str, int]]:
    """Return (type, id) of everyone who keeps or gets a seat with a message: all active others, and the sender.

    The sender is included even if deactivated a moment after their request was authorised.
    """
    seat, of_store = ConversationParticipant, bindparam("of_store", type_=Id)
    staff = select(word(ActorType.STORE).label("type"), StoreMembership.user_id.label("id")).where(
        StoreMembership.store_id == of_store, active_person(ActorType.STORE, StoreMembership.user_id, of_store)
    )
    customer = select(word(ActorType.CUSTOMER).label("type"), Customer.id.label("id")).where(
        active_person(ActorType.CUSTOMER, bindparam("of_customer", type_=Id), of_store)
    )
    admins = select(word(ActorType.ADMIN).label("type"), User.id.label("id")).where(
        seat.conversation_id == OF_CONVERSATION,
        seat.participant_type == word(ActorType.ADMIN),
        active_person(ActorType.ADMIN, seat.participant_id),
    )
    people = {ActorType.STORE: staff, ActorType.CUSTOMER: customer, ActorType.ADMIN: admins}
    columns = {ActorType.STORE: StoreMembership.user_id, ActorType.CUSTOMER: Customer.id, ActorType.ADMIN: User.id}
    others = [
        query.where(columns[kind] != ACTOR_ID) if kind == actor_type else query
        for kind, query in people.items()
        if conversation_type in TYPES_OF[kind]
    ]
    return union_all(select(word(actor_type).label("type"), ACTOR_ID.label("id")), *others)
