"""The actor of a request: the active sign-in or token behind a secret, with its user and their unread total.

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
    bindparam,
    cast,
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
from messaging_app.db.types import Column, Id, UtcDateTime
from messaging_app.models import (
    ApiToken,
    Conversation,
    ConversationParticipant,
    ConversationType,
    Customer,
    PlatformSetting,
    SignInSession,
    Store,
    StoreMembership,
    User,
)
from messaging_app.models.platform import CUSTOMERS_MAY_HAVE_TOKENS, CUSTOMERS_SEE_PLATFORM, OWNER
from messaging_app.models.scope import ACTOR_ID, ACTOR_STORE_ID, Number, active_person, word

Needed: TypeAlias = Literal["page", "badge", "fragment"]
Seat = ConversationParticipant
TOKEN_HASH = bindparam("token_hash", type_=String())


class SignInRow(NamedTuple):
    """An active sign-in. `stores` are those of a staff member, as a JSON list of lists of id, code and name.

    `sees_platform` and `may_have_tokens` are settings as stored; the latter is "" if it is not set. Values that the
    request does not need are None.
    """

    session_id: int
    last_used_at: datetime
    person_id: int
    name: str
    email: str
    sees_platform: str | None
    may_have_tokens: str | None
    unread: int | None
    stores: str | None
    store_id: int | None
    store_code: str | None
    store_name: str | None
    store_accent: str | None
    store_logo: str | None
    store_opening_line: str | None
    is_owner: bool


class BearerRow(NamedTuple):
    """An active token and its user or customer."""

    token_id: int
    last_used_at: datetime | None
    store_id: int | None
    person_id: int
    name: str
    sees_platform: str | None
    is_owner: bool


@cache
def sign_in(dialect: str, actor_type: ActorType, needed: Needed) -> Query[SignInRow]:
    """The sign-in with `token_hash` that was last used after `idle` and began after `absolute`.

    `needed` selects what to load: "badge" adds the unread total; "page" adds, for staff, the stores to switch to.
    """
    row, person, setting = SignInSession, person_of(actor_type), sees_platform_setting(actor_type)
    unread: Column = null()
    if needed != "fragment":
        shown = func.coalesce(setting, literal_column("'true'")) != literal_column("'false'")
        unread = unread_sum(actor_type, row.person_id, row.store_id, shown).correlate(row).scalar_subquery()
    stores = _stores(dialect) if actor_type == ActorType.STORE and needed == "page" else null()
    tokens: Column = null()
    if actor_type == ActorType.CUSTOMER and needed == "page":
        tokens = func.coalesce(_stored(CUSTOMERS_MAY_HAVE_TOKENS), literal_column("''"))
    store = (Store.id, Store.code, Store.name, Store.accent, Store.logo, Store.opening_line)
    return Query(
        select(
            row.id,
            row.last_used_at,
            row.person_id,
            person.name,
            person.email,
            setting,
            tokens,
            unread,
            stores,
            *((null() for _ in store) if actor_type == ActorType.ADMIN else store),
            _is_owner(actor_type),
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
    """The token with `token_hash` that has not ended at `moment`."""
    row, setting = ApiToken, sees_platform_setting(actor_type)
    return Query(
        select(
            row.id,
            row.last_used_at,
            row.store_id,
            row.person_id,
            person_of(actor_type).name,
            setting,
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
def unread_total(actor_type: ActorType, sees_platform: bool) -> Query[int]:
    """The badge number: unread messages in the conversations that an actor sees now."""
    return Query(unread_sum(actor_type, ACTOR_ID, ACTOR_STORE_ID, true() if sees_platform else false()), int)


def unread_sum(
    actor_type: ActorType, person_id: Number, store_id: Number, sees_platform: ColumnElement[bool]
) -> Select[int]:
    """`unread_total` for columns of an outer statement: a sum over the person's part of a partial index."""
    query = select(cast(func.coalesce(func.sum(Seat.unread_count), literal_column("0")), Id)).where(
        Seat.participant_type == word(actor_type),
        Seat.participant_id == person_id,
        Seat.unread_count > literal_column("0"),
    )
    if actor_type == ActorType.STORE:
        return query.where(Seat.store_id == store_id)
    if actor_type == ActorType.ADMIN:
        return query
    of_store = Conversation.conversation_type == word(ConversationType.STORE_CUSTOMER)
    return query.where(Conversation.id == Seat.conversation_id, or_(sees_platform, of_store))


def person_of(actor_type: ActorType) -> type[User] | type[Customer]:
    """Return the model of a role's people."""
    return Customer if actor_type == ActorType.CUSTOMER else User


def sees_platform_setting(actor_type: ActorType) -> Column:
    """The stored setting for whether customers see platform conversations; null for other roles."""
    return _stored(CUSTOMERS_SEE_PLATFORM) if actor_type == ActorType.CUSTOMER else null()


def _is_owner(actor_type: ActorType) -> Column:
    """Whether staff own the store in which they act; the place comes with `active_person`."""
    return StoreMembership.role == literal_column(f"'{OWNER}'") if actor_type == ActorType.STORE else false()


def _stored(key: str) -> Column:
    """A platform setting as a column."""
    return select(PlatformSetting.value).where(PlatformSetting.key == literal_column(f"'{key}'")).scalar_subquery()


def _stores(dialect: str) -> Column:
    """All stores of a staff member as JSON, so that the store switcher needs no extra statement."""
    build, gather = (
        (func.json_array, func.json_group_array) if dialect == "sqlite" else (func.json_build_array, func.json_agg)
    )
    theirs = active_person(ActorType.STORE, SignInSession.person_id, Store.id)
    entries = cast(gather(build(Store.id, Store.code, Store.name)), Text)
    return select(entries).where(theirs).correlate(SignInSession).scalar_subquery()
