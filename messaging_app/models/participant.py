"""A seat in a conversation: whose unread messages are counted, how far they have read, whether mail is wanted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, cast

from sqlalchemy import (
    CompoundSelect,
    ForeignKey,
    Index,
    String,
    bindparam,
    case,
    func,
    literal,
    select,
    text,
    true,
    union_all,
    update,
)
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Mapped, mapped_column

from messaging_app.actors import Actor, ActorType
from messaging_app.db.engine import Base, Rows, UtcDateTime
from messaging_app.models.anybody import anybody_like, number, numbers_of
from messaging_app.models.conversation import ConversationType
from messaging_app.models.message import Message, MessageKind
from messaging_app.models.platform import Customer, Store, StoreMembership, User


class ConversationParticipant(Base):
    """A seat. Its `unread_count` is always the messages of others (not events) with `seq` > `last_read_seq`.

    `participant_type` says which table `participant_id` numbers: `users` for admin and store, `customers` otherwise.
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
    mail_due_at: Mapped[datetime | None]  # when a mail is due, unless they read before
    mail_not_before: Mapped[datetime | None]  # after a mail: when its window ends
    mailed_seq: Mapped[int] = mapped_column(default=0, server_default="0")  # the last line that a mail told of

    @classmethod
    def belongs_to(cls, actor: Actor) -> Any:
        """The condition for the seats of `actor`."""
        return (cls.participant_type == actor.type) & (cls.participant_id == actor.id)

    @classmethod
    def raise_for(
        cls, dialect: str, actor: Actor, line: Any, mail_due_at: datetime | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """The one statement, with its parameters, that counts a new message for everybody else and seats newcomers.

        `line` is what `Conversation.take_seq` returned: conversation_id aside, its last_seq, type, store and customer.
        Every active member of the store, the customer, the admins who have a seat, and the sender get or keep one; all
        but the sender's rise by one. A new seat has read everything before this message. Seats of the other side that
        want mail are due one at `mail_due_at` (None: nobody is), or later where they had one lately; colleagues are
        not mailed each other's words, nor is the sender in another of their seats.
        """
        statement = _raise_for(dialect, actor.type, line.conversation_type)
        return statement, numbers_of(actor) | {
            "of_conversation": line.conversation_id,
            "of_store": line.store_id,
            "of_customer": line.customer_id,
            "read_before": line.last_seq - 1,
            "mail_due": mail_due_at,
        }

    @classmethod
    def switch_mail(
        cls, dialect: str, actor: Actor, conversation_id: int, store_id: int, last_seq: int, wanted: bool
    ) -> Any:
        """The statement that sets the mail switch of `actor`'s seat, and makes the seat where there is none."""
        insert = sqlite_insert(cls) if dialect == "sqlite" else postgresql_insert(cls)
        return insert.values(
            conversation_id=conversation_id,
            participant_type=actor.type,
            participant_id=actor.id,
            store_id=store_id,
            last_read_seq=last_seq,
            email_notifications=wanted,
        ).on_conflict_do_update(
            index_elements=["conversation_id", "participant_type", "participant_id"],
            set_={"email_notifications": wanted},
        )

    @classmethod
    def mark_read(
        cls, actor: Actor, conversation_id: int, up_to: int, at: datetime, mail_due_at: datetime | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """The statement, with its parameters, that moves the seat of `actor` forward to `up_to` and recounts what is left.

        It returns `unread_count, has_written`; no row where the seat had read as far, or is none. The caller holds the
        conversation's lock, so that no message comes between the count and the write.
        """
        parameters = {"of_conversation": conversation_id, "up_to": up_to, "at": at, "mail_due": mail_due_at}
        return _mark_read(actor.type), numbers_of(actor) | parameters


@cache
def _mark_read(actor_type: ActorType) -> Any:
    actor, seat, up_to = anybody_like(actor_type), ConversationParticipant, number("up_to")
    left = (
        select(func.count())
        .where(
            Message.conversation_id == number("of_conversation"),
            Message.seq > up_to,
            Message.kind == MessageKind.MESSAGE,
            ~((Message.sender_type == actor.type) & (Message.sender_id == actor.id)),
        )
        .scalar_subquery()
    )
    # Who has just read is here: what is left unread is mailed a full delay from now, if at all.
    due = bindparam("mail_due", type_=UtcDateTime())
    later = case((seat.mail_not_before > due, seat.mail_not_before), else_=due)
    return (
        update(seat.__table__)  # type: ignore[arg-type]
        .where(seat.conversation_id == number("of_conversation"), seat.belongs_to(actor), seat.last_read_seq < up_to)
        .values(
            last_read_seq=up_to,
            last_read_at=bindparam("at", type_=UtcDateTime()),
            unread_count=left,
            mail_due_at=case((seat.mail_due_at.is_not(None) & (left > 0), later)),
        )
        .returning(seat.unread_count, seat.has_written)
    )


@dataclass(frozen=True, slots=True)
class Place:
    """Where a message stands, for the statement that counts it: parameters, or columns of `taken`, which found it."""

    conversation: Any
    store: Any
    seq_before: Any
    taken: Any = None


@cache
def _raise_for(dialect: str, actor_type: ActorType, conversation_type: str) -> Any:
    actor = anybody_like(actor_type)
    place = Place(number("of_conversation"), number("of_store"), number("read_before"))
    return raise_seats(dialect, actor, _people_of(actor, conversation_type).subquery(), place)


def raise_seats(dialect: str, actor: Actor, people: Any, place: Place) -> Any:
    """The statement behind `raise_for`, for `people`, a table of (type, id) which the sender is one of."""
    seat = ConversationParticipant
    is_sender = (people.c.type == actor.type) & (people.c.id == actor.id)
    gets_mail = people.c.type != actor.type
    if actor.type != ActorType.CUSTOMER:
        gets_mail &= (people.c.type == ActorType.CUSTOMER) | (people.c.id != actor.id)
    values = select(
        place.conversation,
        people.c.type,
        people.c.id,
        place.store,
        case((is_sender, 0), else_=1),
        place.seq_before,
        is_sender,
        true(),
        case((gets_mail, bindparam("mail_due", type_=UtcDateTime()))),
        literal(0),
    ).where(true())  # SQLite needs a WHERE here, or ON CONFLICT reads as a join's ON
    if place.taken is not None:
        values = values.select_from(place.taken.join(people, true()))
    values = values.order_by(people.c.type, people.c.id)  # totals of unread are locked in one order by everybody
    table: Any = seat.__table__
    insert = sqlite_insert(table) if dialect == "sqlite" else postgresql_insert(table)
    columns = ["conversation_id", "participant_type", "participant_id", "store_id", "unread_count"]
    columns += ["last_read_seq", "has_written", "email_notifications", "mail_due_at", "mailed_seq"]
    insert = insert.from_select(columns, values)
    due, held = insert.excluded.mail_due_at, seat.mail_not_before > insert.excluded.mail_due_at
    return insert.on_conflict_do_update(
        index_elements=["conversation_id", "participant_type", "participant_id"],
        set_={
            "unread_count": seat.unread_count + insert.excluded.unread_count,
            "has_written": seat.has_written | insert.excluded.has_written,
            "mail_due_at": case(
                (seat.mail_due_at.is_not(None), seat.mail_due_at),
                (seat.email_notifications, case((held, seat.mail_not_before), else_=due)),
            ),
        },
        where=(insert.excluded.unread_count > 0) | ~seat.has_written,  # else it is the sender's, and nothing changes
    )


def _people_of(actor: Actor, conversation_type: str) -> CompoundSelect[*tuple[Any, ...]]:
    """Who has or gets a seat with this message: everybody else who is active, and the sender: (type, id).

    The sender comes as they are. Whoever was deactivated a moment after they were let in has written all the same.
    """
    seat, actor_id = ConversationParticipant, cast(Any, actor.id)
    people: list[Rows] = [select(literal(actor.type.value, String(8)).label("type"), actor_id.label("id"))]
    if conversation_type != ConversationType.ADMIN_CUSTOMER:
        staff = (
            _kind(ActorType.STORE, StoreMembership.user_id)
            .join(User, User.id == StoreMembership.user_id)
            .join(Store, Store.id == StoreMembership.store_id)
            .where(StoreMembership.store_id == number("of_store"), StoreMembership.active, User.active, Store.active)
        )
        is_mine = actor.type == ActorType.STORE
        people.append(staff.where(StoreMembership.user_id != actor_id) if is_mine else staff)
    if conversation_type != ConversationType.ADMIN_STORE and actor.type != ActorType.CUSTOMER:
        people.append(
            _kind(ActorType.CUSTOMER, Customer.id)
            .join(Store, Store.id == Customer.store_id)
            .where(Customer.id == number("of_customer"), Customer.active, Store.active)
        )
    if conversation_type != ConversationType.STORE_CUSTOMER:
        admins = (
            _kind(ActorType.ADMIN, seat.participant_id)
            .join(User, User.id == seat.participant_id)
            .where(
                seat.conversation_id == number("of_conversation"),
                seat.participant_type == ActorType.ADMIN,
                User.active,
                User.is_admin,
            )
        )
        is_mine = actor.type == ActorType.ADMIN
        people.append(admins.where(seat.participant_id != actor_id) if is_mine else admins)
    return union_all(*people)


def _kind(kind: ActorType, person: Any) -> Rows:
    return select(literal(kind.value, String(8)).label("type"), person.label("id")).select_from(person.class_)
