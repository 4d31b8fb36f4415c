"""The actor of a request: the active session or token behind a secret, with its user and their unread total.

Everything that must hold for a user to act is a condition of these statements. Deactivating a user or removing them
from a store therefore takes effect at their next request.
"""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import Literal, NamedTuple, TypeAlias

from sqlalchemy import (
    ColumnElement,
    Select,
    String,
    Text,
    and_,
    bindparam,
    case,
    cast,
    exists,
    false,
    func,
    literal_column,
    null,
    or_,
    select,
    true,
)

from messaging_app.actors import ActorType
from messaging_app.db.query import Query
from messaging_app.db.types import Column, Columns, Id, UtcDateTime
from messaging_app.models import (
    ApiToken,
    Conversation,
    ConversationParticipant,
    ConversationType,
    Customer,
    SignInSession,
    Store,
    StoreMembership,
    User,
)
from messaging_app.models.platform import CUSTOMERS_MAY_HAVE_TOKENS, CUSTOMERS_SEE_PLATFORM, OWNER
from messaging_app.models.scope import (
    ACTOR_ID,
    ACTOR_STORE_ID,
    Number,
    active_person,
    staff_see_all,
    stored,
    word,
)
from messaging_app.models.sides import WAITING_MOST
from messaging_app.queries import second_factor

Needed: TypeAlias = Literal["page", "badge", "fragment"]
Seat = ConversationParticipant
TOKEN_HASH = bindparam("token_hash", type_=String())
# The tables in the sign-in statement that decide what its actor sees.
_SETTLED = {
    ActorType.ADMIN: (),
    ActorType.STORE: (Store, StoreMembership),
    ActorType.CUSTOMER: (),
}


class SignInRow(NamedTuple):
    """An active sign-in. `stores` are those of a staff member, as a JSON list of [id, code, name].

    `factor_needed_since` is None for users who have a second factor or need none. `sees_all` is "false" if a setting
    hides conversations from this actor; `may_have_tokens` is a setting as stored, "" if it is not set. Values that the
    request does not need are None.
    """

    session_id: int
    last_used_at: datetime
    person_id: int
    name: str
    email: str
    sees_all: str | None
    may_have_tokens: str | None
    unread: int | None
    waiting: int | None
    opens_with: str | None
    opens_next: bool | None
    undo_send_seconds: int | None
    stores: str | None
    factor_needed_since: datetime | None
    store_id: int | None
    store_code: str | None
    store_name: str | None
    store_accent: str | None
    store_logo: str | None
    store_opening_line: str | None
    store_hours: str | None
    is_owner: bool
    locale: str | None
    time_zone: str | None


class BearerRow(NamedTuple):
    """An active token and its user or customer."""

    token_id: int
    last_used_at: datetime | None
    store_id: int | None
    person_id: int
    name: str
    sees_all: str | None
    is_owner: bool


class ActingRow(NamedTuple):
    """An active user or customer."""

    name: str
    sees_all: str | None
    is_owner: bool


@cache
def sign_in(dialect: str, actor_type: ActorType, needed: Needed) -> Query[SignInRow]:
    """Build the query of the sign-in with `token_hash`, last used after `idle` and begun after `absolute`.

    `needed` selects what to load: "badge" adds the unread total; "page" adds, for staff, the stores to switch to.
    """
    row, person, sees_all = SignInSession, person_of(actor_type), sees_all_of(actor_type)
    unread: Column = null()
    if needed != "fragment":
        shown = func.coalesce(sees_all, literal_column("'true'")) != literal_column("'false'")
        summed = unread_sum(actor_type, row.person_id, row.store_id, shown)
        unread = summed.correlate(row, *_SETTLED[actor_type]).scalar_subquery()
    stores = _stores(dialect) if actor_type == ActorType.STORE and needed == "page" else null()
    store = (Store.id, Store.code, Store.name, Store.accent, Store.logo, Store.opening_line, Store.hours)
    return Query(
        select(
            row.id,
            row.last_used_at,
            row.person_id,
            person.name,
            person.email,
            sees_all,
            _may_have_tokens(actor_type, needed),
            unread,
            *_of_team(actor_type, needed),
            stores,
            _factor_needed_since(actor_type),
            *((null() for _ in store) if actor_type == ActorType.ADMIN else store),
            _is_owner(actor_type),
            person.locale,
            person.time_zone,
        ).where(
            row.token_hash == TOKEN_HASH,
            row.actor_type == word(actor_type),
            row.ended_at.is_(None),
            row.last_used_at > bindparam("idle", type_=UtcDateTime),
            row.created_at > bindparam("absolute", type_=UtcDateTime),
            active_person(actor_type, row.person_id, row.store_id),
        ),
        SignInRow,
    )


@cache
def bearer(actor_type: ActorType) -> Query[BearerRow]:
    """Build the query of the token with `token_hash` that is still valid at `moment`."""
    row, sees_all = ApiToken, sees_all_of(actor_type)
    return Query(
        select(
            row.id,
            row.last_used_at,
            row.store_id,
            row.person_id,
            person_of(actor_type).name,
            sees_all,
            _is_owner(actor_type),
        ).where(
            row.token_hash == TOKEN_HASH,
            row.actor_type == word(actor_type),
            row.living_at(bindparam("moment", type_=UtcDateTime)),
            active_person(actor_type, row.person_id, row.store_id),
        ),
        BearerRow,
    )


@cache
def acting(actor_type: ActorType) -> Query[ActingRow]:
    """Build the query of a user or customer who is active in a role (and store), as they are now."""
    person = person_of(actor_type)
    return Query(
        select(person.name, sees_all_of(actor_type), _is_owner(actor_type)).where(
            active_person(actor_type, ACTOR_ID, ACTOR_STORE_ID)
        ),
        ActingRow,
    )


@cache
def unread_total(actor_type: ActorType, sees_all: bool) -> Query[int]:
    """Build the query of the badge number: unread messages in the conversations that an actor sees now."""
    return Query(unread_sum(actor_type, ACTOR_ID, ACTOR_STORE_ID, true() if sees_all else false()), int)


def unread_sum(
    actor_type: ActorType, person_id: Number, store_id: Number, sees_all: ColumnElement[bool]
) -> Select[int]:
    """`unread_total` for use in an outer statement: a sum over one person's range of a partial index."""
    query = select(cast(func.coalesce(func.sum(Seat.unread_count), literal_column("0")), Id)).where(
        Seat.participant_type == word(actor_type),
        Seat.participant_id == person_id,
        Seat.unread_count > literal_column("0"),
    )
    if actor_type == ActorType.STORE:
        seen = Conversation.seen_by(actor_type, False, person_id, store_id)
        seen = exists().where(Conversation.id == Seat.conversation_id, seen).correlate_except(Conversation)
        return query.where(Seat.store_id == store_id, or_(sees_all, seen))
    if actor_type == ActorType.ADMIN:
        return query
    of_store = Conversation.conversation_type == word(ConversationType.STORE_CUSTOMER)
    return query.where(Conversation.id == Seat.conversation_id, or_(sees_all, of_store))


def _of_team(actor_type: ActorType, needed: Needed) -> tuple[Column, Column, Column, Column]:
    """Return four columns: how many conversations wait for the actor's side, and the actor's preferences for the inbox's
    first list, for opening the next conversation automatically, and for the delay of undo send.
    """
    chosen = (User.opens_with, User.opens_next, User.undo_send_seconds)
    side, row = Conversation.side(actor_type), SignInSession
    if side is None:
        return null(), null(), null(), null()
    if needed == "fragment":
        return null(), *chosen
    seen = Conversation.seen_by(actor_type, True, row.person_id, row.store_id)
    if actor_type == ActorType.STORE:
        theirs = Conversation.seen_by(actor_type, False, row.person_id, row.store_id)
        seen = and_(seen, or_(staff_see_all(), theirs))
    settled = (row, *_SETTLED[actor_type])
    one: Columns = select(literal_column("1")).where(seen, side.waits_for_us(), side.is_awake())
    # In the order of the index: otherwise PostgreSQL scans the table until it has enough rows.
    one = one.order_by(side.turn_since, Conversation.id)
    some = one.limit(literal_column(str(WAITING_MOST))).correlate(*settled).subquery()
    waiting = select(func.count()).select_from(some).correlate(*settled).scalar_subquery()
    return waiting, *chosen


def _may_have_tokens(actor_type: ActorType, needed: Needed) -> Column:
    """Return the setting that lets customers have API tokens, as stored; null except on customers' pages."""
    if actor_type == ActorType.CUSTOMER and needed == "page":
        return func.coalesce(stored(CUSTOMERS_MAY_HAVE_TOKENS), literal_column("''"))
    return null()


def _factor_needed_since(actor_type: ActorType) -> Column:
    """Return since when a user needs a second factor; null after sign-in through a provider, which asks for its own."""
    if actor_type == ActorType.CUSTOMER:
        return null()
    needed = second_factor.needed_since(actor_type, SignInSession.person_id)
    return case((SignInSession.provider.is_(None), needed))


def person_of(actor_type: ActorType) -> type[User] | type[Customer]:
    """Return the model of a role: `Customer` for customers, `User` for everybody else."""
    return Customer if actor_type == ActorType.CUSTOMER else User


def sees_all_of(actor_type: ActorType) -> Column:
    """`Actor.sees_all` of a person found by `active_person`, as the text of a setting; null for admins, who see all."""
    if actor_type == ActorType.ADMIN:
        return null()
    if actor_type == ActorType.CUSTOMER:
        return stored(CUSTOMERS_SEE_PLATFORM)
    return case((staff_see_all(), literal_column("'true'")), else_=literal_column("'false'"))


def _is_owner(actor_type: ActorType) -> Column:
    """Whether a staff member owns their current store; `active_person` joins the membership."""
    return StoreMembership.role == literal_column(f"'{OWNER}'") if actor_type == ActorType.STORE else false()


def _stores(dialect: str) -> Column:
    """Return all stores of a staff member as a JSON column, so that the store switcher needs no extra statement."""
    build, gather = (
        (func.json_array, func.json_group_array) if dialect == "sqlite" else (func.json_build_array, func.json_agg)
    )
    theirs = active_person(ActorType.STORE, SignInSession.person_id, Store.id)
    entries = cast(gather(build(Store.id, Store.code, Store.name)), Text)
    return select(entries).where(theirs).correlate(SignInSession).scalar_subquery()
