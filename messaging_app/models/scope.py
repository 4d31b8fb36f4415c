"""Who sees which conversations, and who counts as active: each rule is written once, here.

Statements that serve every actor of a role take the actor as the parameters that `actor_params` returns.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TypeAlias

from sqlalchemy import ColumnElement, and_, bindparam, func, literal_column, or_, select
from sqlalchemy.sql.expression import SQLColumnExpression

from messaging_app.actors import Actor, ActorType
from messaging_app.db.types import Column, Id
from messaging_app.models.platform import (
    OWNER,
    STAFF_SEE_ONLY_ASSIGNED,
    Customer,
    PlatformSetting,
    Store,
    StoreMembership,
    User,
)


class ConversationType(StrEnum):
    """The two parties of a conversation."""

    ADMIN_STORE = "admin_store"
    STORE_CUSTOMER = "store_customer"
    ADMIN_CUSTOMER = "admin_customer"


# The types each role takes part in. Customers see platform conversations only while a platform setting allows it.
TYPES_OF = {
    ActorType.ADMIN: (ConversationType.ADMIN_STORE, ConversationType.ADMIN_CUSTOMER),
    ActorType.STORE: (ConversationType.STORE_CUSTOMER, ConversationType.ADMIN_STORE),
    ActorType.CUSTOMER: (ConversationType.STORE_CUSTOMER, ConversationType.ADMIN_CUSTOMER),
}
ACTOR_ID = bindparam("actor_id", type_=Id)
ACTOR_STORE_ID = bindparam("actor_store_id", type_=Id)


def actor_params(actor: Actor) -> dict[str, int | None]:
    """Return the values of ACTOR_ID and ACTOR_STORE_ID."""
    return {"actor_id": actor.id, "actor_store_id": actor.store_id}


def sees_type(actor_type: ActorType, conversation_type: str, sees_platform: bool) -> bool:
    """Whether a role sees a type of conversation. `sees_platform` (a platform setting) affects customers only."""
    hidden = actor_type == ActorType.CUSTOMER and not sees_platform and conversation_type == "admin_customer"
    return conversation_type in TYPES_OF[actor_type] and not hidden


def type_without(actor_type: ActorType) -> ConversationType:
    """Return the one type that a role takes no part in: a conversation is between two of three parties."""
    (other,) = set(ConversationType) - set(TYPES_OF[actor_type])
    return other


def word(value: StrEnum) -> ColumnElement[str]:
    """Return a literal for a statement: a query uses a partial index only if it repeats the same literals."""
    return literal_column(f"'{value.value}'")


Number: TypeAlias = SQLColumnExpression[int] | SQLColumnExpression[int | None] | int | None


def active_person(actor_type: ActorType, person_id: Number, store_id: Number | None = None) -> ColumnElement[bool]:
    """The condition that a user or customer is active in a role (of a store). Tables such as `users` are joined by it.

    Admins have no store. Staff and customers count only while their store is active too.
    """
    if actor_type == ActorType.ADMIN:
        return and_(User.id == person_id, User.active, User.is_admin)
    store = and_(Store.id == store_id, Store.active)
    if actor_type == ActorType.CUSTOMER:
        return and_(Customer.id == person_id, Customer.active, Customer.store_id == Store.id, store)
    member = and_(StoreMembership.user_id == User.id, StoreMembership.store_id == Store.id, StoreMembership.active)
    return and_(User.id == person_id, User.active, member, store)


def has_place(actor_type: ActorType, user_id: Number, store_id: Number) -> ColumnElement[bool]:
    """The condition that a user belongs to a side's team, also while its store is inactive. Joins as `active_person`."""
    if actor_type == ActorType.ADMIN:
        return active_person(actor_type, user_id)
    member = and_(StoreMembership.user_id == User.id, StoreMembership.store_id == store_id, StoreMembership.active)
    return and_(User.id == user_id, User.active, member)


def staff_see_all() -> ColumnElement[bool]:
    """The condition for staff who see what is assigned to colleagues: owners, and all where no setting hides it.

    Together with `active_person`, which joins the membership and the store.
    """
    everywhere = func.coalesce(stored(STAFF_SEE_ONLY_ASSIGNED), literal_column("'false'")) == literal_column("'true'")
    owner = StoreMembership.role == literal_column(f"'{OWNER}'")
    return or_(owner, ~or_(Store.staff_see_only_assigned, everywhere))


def stored(key: str) -> Column:
    """A platform setting as a column, as stored; null if it was never changed."""
    return select(PlatformSetting.value).where(PlatformSetting.key == literal_column(f"'{key}'")).scalar_subquery()
