"""The queries behind the console's lists: each page is one range of one index, however many rows there are."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple, TypeAlias

from sqlalchemy import ColumnElement, Select, case, func, literal, select, tuple_
from sqlalchemy.orm import Session
from sqlalchemy.sql.expression import SQLColumnExpression

from messaging_app.actors import Actor
from messaging_app.models import (
    Conversation,
    ConversationStatus,
    Customer,
    RecipientTerm,
    SignInSession,
    Store,
    StoreMembership,
    User,
)
from messaging_app.models.platform import OWNER
from messaging_app.models.scope import word
from messaging_app.queries import cursors
from messaging_app.queries.second_factor import has_factor
from messaging_app.queries.words import (
    are_seldom_together,
    first_range,
    having_words,
    term_range,
    together,
    words_of,
)

STATUSES = ("active", "inactive")
SORTS = ("name", "-name", "newest")
COUNT_UP_TO = 1_000  # beyond that a list says "more than 1,000"
OPEN_UP_TO = 100  # the same for the open conversations of a store in a list
FEW = 2_000  # with up to this many inactive rows, a search filters those instead of everything that matches

Listed: TypeAlias = type[Store] | type[Customer]
Rows: TypeAlias = Select[*tuple[object, ...]]
Keys: TypeAlias = tuple[SQLColumnExpression[object], SQLColumnExpression[int]]


class Asked(NamedTuple):
    """The filter of a list. `status` is "" for all.

    `sort` is ignored in a search, which has its own order. "newest" is available only without a store.
    """

    q: str = ""
    status: str = ""
    sort: str = "name"
    cursor: str = ""
    store_id: int | None = None

    def as_facts(self) -> dict[str, str]:
        """Return the filters in use, as the audit trail records them for an export."""
        told = {"q": self.q, "status": self.status, "store_id": self.store_id and str(self.store_id)}
        return {name: value for name, value in told.items() if value}


class StoreRow(NamedTuple):
    """A store in the console's list. Open conversations are those the admin can see, counted up to OPEN_UP_TO."""

    id: int
    code: str
    name: str
    active: bool
    accent: str | None
    logo: str | None
    created_at: datetime
    staff: int
    open: int
    last_open_at: datetime | None
    last_closed_at: datetime | None

    @property
    def last_activity(self) -> datetime | None:
        """The time of the last message that the admin can see, or None."""
        return max(filter(None, (self.last_open_at, self.last_closed_at)), default=None)


class CustomerRow(NamedTuple):
    """A customer in the console's list, and whether their store is active."""

    id: int
    name: str
    active: bool
    email: str
    external_id: str | None
    created_at: datetime
    store_id: int
    store_code: str
    store_name: str
    store_active: bool


class MemberRow(NamedTuple):
    """A current or former member of a store's staff. `seen_at` is the last use of a session there."""

    user_id: int
    name: str
    email: str
    role: str
    active: bool
    seen_at: datetime | None
    has_factor: bool

    @property
    def is_owner(self) -> bool:
        """Whether they own the store."""
        return self.role == OWNER


class AdminRow(NamedTuple):
    """An admin of the platform."""

    user_id: int
    name: str
    email: str
    active: bool
    created_at: datetime
    seen_at: datetime | None
    has_factor: bool


def store_rows(actor: Actor) -> Rows:
    """The columns of `StoreRow`."""
    conversation = Conversation
    seen = (conversation.store_id == Store.id, conversation.visible_to(actor))
    some_open = select(literal(1)).where(*seen, conversation.status == word(ConversationStatus.OPEN)).limit(OPEN_UP_TO)
    staff = select(func.count()).where(StoreMembership.store_id == Store.id, StoreMembership.active)
    newest = (
        select(conversation.last_message_at)
        .where(*seen, conversation.status == word(status))
        .order_by(conversation.last_message_at.desc())
        .limit(1)
        .scalar_subquery()
        for status in ConversationStatus
    )
    return select(
        Store.id,
        Store.code,
        Store.name,
        Store.active,
        Store.accent,
        Store.logo,
        Store.created_at,
        staff.correlate(Store).scalar_subquery(),
        select(func.count()).select_from(some_open.correlate(Store).subquery()).scalar_subquery(),
        *newest,
    )


def customer_rows() -> Rows:
    """The columns of `CustomerRow`."""
    # Not a join: for a few customers PostgreSQL would walk along all stores.
    of_store = (
        select(column).where(Store.id == Customer.store_id).correlate(Customer).scalar_subquery()
        for column in (Store.code, Store.name, Store.active)
    )
    return select(
        Customer.id,
        Customer.name,
        Customer.active,
        Customer.email,
        Customer.external_id,
        Customer.created_at,
        Customer.store_id,
        *of_store,
    )


def page_of(session: Session, table: Listed, rows: Rows, asked: Asked, limit: int) -> tuple[list[Any], str]:
    """Return a page of `rows` of `table`, and the cursor of the next page, "" on the last."""
    query, keys, descends = _range(session, table, rows, asked)
    if asked.cursor:
        place = _place(asked.cursor, keys)
        query = query.where(place < tuple_(*keys) if not descends else tuple_(*keys) < place)
    ordered = (key.desc() if descends else key for key in keys)
    found = session.execute(query.add_columns(keys[0]).order_by(*ordered).limit(limit + 1)).all()
    more, found = len(found) > limit, found[:limit]
    last = found[-1] if more else None
    return [row[:-1] for row in found], cursors.encode_name(str(last[-1]), last[0]) if last else ""


def count_of(session: Session, table: Listed, status: str, store_id: int | None = None) -> int:
    """Count the rows, up to COUNT_UP_TO + 1."""
    # In the order of an index, so that no database reads the whole table before it reaches the limit.
    order = (table.id,) if store_id is None else (table.sort_name, table.id)
    some = select(table.id).where(*_having(table, status), *_at_store(table, store_id)).order_by(*order)
    some = some.limit(COUNT_UP_TO + 1)
    return session.scalar(select(func.count()).select_from(some.subquery())) or 0


def owners_of(session: Session, store_ids: list[int]) -> dict[int, list[str]]:
    """Return the owners' names of each of these stores. One statement."""
    member = StoreMembership
    query = (
        select(member.store_id, User.name)
        .join(User, User.id == member.user_id)
        .where(member.store_id.in_(store_ids), member.role == OWNER, member.active, User.active)
    )
    found: dict[int, list[str]] = {}
    for store_id, name in sorted((row.store_id, row.name) for row in session.execute(query)):
        found.setdefault(store_id, []).append(name)
    return found


def members_of(session: Session, store_id: int) -> list[MemberRow]:
    """Return the current and former staff of a store, by name. One statement."""
    member, row = StoreMembership, SignInSession
    seen = select(func.max(row.last_used_at)).where(
        row.actor_type == "store", row.person_id == member.user_id, row.store_id == member.store_id
    )
    query = (
        select(User.id, User.name, User.email, member.role, member.active & User.active)
        .add_columns(seen.scalar_subquery(), has_factor(User.id))
        .join(User, User.id == member.user_id)
        .where(member.store_id == store_id)
    )
    return [MemberRow(*found) for found in session.execute(query)]


def admins(session: Session) -> list[AdminRow]:
    """Return every admin. One statement."""
    row = SignInSession
    seen = select(func.max(row.last_used_at)).where(row.actor_type == "admin", row.person_id == User.id)
    person = select(User.id, User.name, User.email, User.active, User.created_at)
    query = person.add_columns(seen.scalar_subquery(), has_factor(User.id))
    return [AdminRow(*found) for found in session.execute(query.where(User.is_admin))]


def _range(session: Session, table: Listed, rows: Rows, asked: Asked) -> tuple[Rows, Keys, bool]:
    """Return `rows` filtered, the columns they are ordered by, and whether descending."""
    words, kind = words_of(asked.q), "store" if table is Store else "customer"
    query = rows.where(*_having(table, asked.status))
    if words and not (asked.status == "inactive" and _are_few(session, table)):
        term, keys = RecipientTerm, (RecipientTerm.term, RecipientTerm.recipient_id)
        query = query.join(term, term.recipient_id == table.id)
        if len(words) > 1 and are_seldom_together(session, kind, words, asked.store_id):
            both = term.recipient_id.in_(together(kind, words, asked.store_id))
            return query.where(*first_range(kind, words[0], asked.store_id), both), keys, False
        return query.where(*term_range(kind, words, asked.store_id)), keys, False
    query = query.where(*_at_store(table, asked.store_id), *having_words(kind, words, table.id))
    if asked.sort == "newest" and not words and asked.store_id is None:
        return query, (table.id, table.id), True
    return query, (table.sort_name, table.id), asked.sort == "-name" and not words


def _having(table: Listed, status: str) -> list[ColumnElement[bool]]:
    if not status:
        return []
    return [table.active.is_(True) if status == "active" else ~table.active]


def _at_store(table: Listed, store_id: int | None) -> list[ColumnElement[bool]]:
    return [Customer.store_id == store_id] if table is Customer and store_id is not None else []


def _are_few(session: Session, table: Listed) -> bool:
    """Whether so few rows are inactive that filtering them is cheaper than filtering everything that matches."""
    some = select(table.id).where(~table.active).order_by(table.id).limit(FEW + 1).subquery()
    return bool(session.scalar(select(case((func.count() <= FEW, 1), else_=0)).select_from(some)))


def _place(cursor: str, keys: Keys) -> ColumnElement[Any]:
    first, number = cursors.decode_name(cursor)
    return tuple_(literal(number if keys[0] is keys[1] else first), literal(number))
