"""The three roles as data: their addresses, what they see, and what they may start, close and manage.

This file defines what each role may do. Which *rows* an actor sees is defined by the scope `Conversation.visible_to`;
what an actor may *do* with a visible row is defined here. `CONSOLE` says who sees and who changes the users, stores and
settings of the platform; navigation, routes and rights follow from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from flask_babel import lazy_gettext as _

from messaging_app.actors import Actor, ActorType
from messaging_app.models.platform import REASON_REQUIRED_CUSTOMERS, REASON_REQUIRED_STORES, STORES_MAY_WRITE
from messaging_app.models.scope import TYPES_OF, ConversationType
from messaging_app.models.sides import TEAMS


@dataclass(frozen=True, slots=True, eq=False)
class RolePolicy:
    """One role: its addresses, its sight and its rights. Times are the limits of a sign-in session."""

    name: str
    actor_type: ActorType
    party: str  # what it is called as one who begins conversations (see `models/reason.py`)
    home: str
    account: str
    messages: str
    login: str
    logout: str
    layout: str
    title: str
    types: tuple[ConversationType, ...]
    starts: dict[str, ConversationType]  # recipient type -> the conversation that begins with it
    starts_where: dict[str, str]  # of these, recipient type -> the platform setting without which it may not
    always_with_reason: tuple[str, ...]  # recipient types for which a reason is always required
    may_close: bool
    offers_second_factor: bool
    tells_what_is_stored: bool
    single_sign_on: bool  # whether identity providers sign people in
    chooses_recipients: bool  # whether there is anybody to choose from when beginning a conversation
    starts_freely: bool  # False: only if platform and store allow it, and up to a daily limit
    names_any_context: bool  # may begin conversations about what the shop has not stated; others only about their own
    reason_required_by: str | None  # the platform setting that requires a reason
    context_with_reason: bool  # the same setting asks for a context too, except where a reason is needed in any case
    idle: timedelta
    absolute: timedelta

    def thread(self, conversation_id: int) -> str:
        """The address of a conversation's page."""
        return f"{self.messages}/{conversation_id}"

    @property
    def has_team(self) -> bool:
        """Whether several users act for one side and share its work."""
        return self.actor_type in TEAMS


ADMIN = RolePolicy(
    name="admin",
    actor_type=ActorType.ADMIN,
    party="platform",
    home="/admin",
    account="/admin/account",
    messages="/admin/messages",
    login="/admin/login",
    logout="/admin/logout",
    layout="layouts/admin.html",
    title="Platform Administration",
    types=TYPES_OF[ActorType.ADMIN],
    starts={"store": ConversationType.ADMIN_STORE, "customer": ConversationType.ADMIN_CUSTOMER},
    starts_where={},
    always_with_reason=(),
    may_close=True,
    offers_second_factor=True,
    tells_what_is_stored=False,
    single_sign_on=True,
    chooses_recipients=True,
    starts_freely=True,
    names_any_context=True,
    reason_required_by=None,
    context_with_reason=False,
    idle=timedelta(hours=12),
    absolute=timedelta(days=30),
)
STORE = RolePolicy(
    name="store",
    actor_type=ActorType.STORE,
    party="store",
    home="/store",
    account="/store/account",
    messages="/store/messages",
    login="/store/login",
    logout="/store/logout",
    layout="layouts/store.html",
    title="Sales",
    types=TYPES_OF[ActorType.STORE],
    starts={"customer": ConversationType.STORE_CUSTOMER, "platform": ConversationType.ADMIN_STORE},
    starts_where={"platform": STORES_MAY_WRITE},
    always_with_reason=("platform",),
    may_close=True,
    offers_second_factor=True,
    tells_what_is_stored=False,
    single_sign_on=True,
    chooses_recipients=True,
    starts_freely=True,
    names_any_context=True,
    reason_required_by=REASON_REQUIRED_STORES,
    context_with_reason=True,
    idle=timedelta(hours=12),
    absolute=timedelta(days=30),
)
STOREFRONT = RolePolicy(
    name="storefront",
    actor_type=ActorType.CUSTOMER,
    party="customer",
    home="/storefront/account",
    account="/storefront/account",
    messages="/storefront/account/messages",
    login="/storefront/login",
    logout="/storefront/logout",
    layout="layouts/storefront.html",
    title="Your account",
    types=TYPES_OF[ActorType.CUSTOMER],
    starts={"store": ConversationType.STORE_CUSTOMER},
    starts_where={},
    always_with_reason=(),
    may_close=False,
    offers_second_factor=False,
    tells_what_is_stored=True,
    single_sign_on=False,
    chooses_recipients=False,
    starts_freely=False,
    names_any_context=False,
    reason_required_by=REASON_REQUIRED_CUSTOMERS,
    context_with_reason=False,
    idle=timedelta(days=30),
    absolute=timedelta(days=90),
)

ROLES = {role.name: role for role in (ADMIN, STORE, STOREFRONT)}
POLICIES = {role.actor_type: role for role in ROLES.values()}


class Position(StrEnum):
    """Who somebody is to the console: finer than a role, since a store's owners run it and its staff do not."""

    ADMIN = "admin"
    OWNER = "owner"
    STAFF = "staff"
    CUSTOMER = "customer"


@dataclass(frozen=True, slots=True, eq=False)
class Resource:
    """A resource of the console: its address in each role, who can see it, and who may change it.

    Addresses with an id are linked from the page of their object; the others are in the navigation.
    """

    name: str
    title: str
    icon: str
    at: dict[str, str]  # role -> address
    seen_by: frozenset[Position]
    changed_by: frozenset[Position]

    def is_seen_by(self, actor: Actor) -> bool:
        """Whether `actor` has these pages."""
        return position_of(actor) in self.seen_by

    def is_changed_by(self, actor: Actor) -> bool:
        """Whether `actor` may change what is there, or take it away as a file."""
        return position_of(actor) in self.changed_by


ADMINS = frozenset({Position.ADMIN})
STORES_OWN = frozenset({Position.OWNER, Position.STAFF})
OWNERS = frozenset({Position.OWNER})
CONSOLE = {
    resource.name: resource
    for resource in (
        Resource("stores", _("Stores"), "building-store", {"admin": "/admin/stores"}, ADMINS, ADMINS),
        Resource(
            "staff",
            _("Staff"),
            "users",
            {"admin": "/admin/stores/<id:store_id>/staff", "store": "/store/staff"},
            ADMINS | STORES_OWN,
            ADMINS | OWNERS,
        ),
        Resource("customers", _("Customers"), "user", {"admin": "/admin/customers"}, ADMINS, ADMINS),
        Resource("admins", _("Admins"), "user-shield", {"admin": "/admin/admins"}, ADMINS, ADMINS),
        Resource(
            "saved_replies",
            _("Saved replies"),
            "bolt",
            {"admin": "/admin/saved-replies", "store": "/store/saved-replies"},
            ADMINS | STORES_OWN,
            ADMINS | STORES_OWN,
        ),
        Resource("reasons", _("Reasons"), "info-circle", {"admin": "/admin/reasons"}, ADMINS, ADMINS),
        Resource("settings", _("Settings"), "settings", {"admin": "/admin/settings"}, ADMINS, ADMINS),
        Resource("audit", _("Audit"), "history", {"admin": "/admin/audit"}, ADMINS, ADMINS),
        Resource("system", _("System"), "activity-heartbeat", {"admin": "/admin/system"}, ADMINS, ADMINS),
        Resource("store_settings", _("Store settings"), "settings", {"store": "/store/settings"}, STORES_OWN, OWNERS),
        Resource(  # the last: the views themselves follow it
            "saved_views",
            _("Saved views"),
            "bookmark",
            {"admin": "/admin/views", "store": "/store/views"},
            ADMINS | STORES_OWN,
            ADMINS | STORES_OWN,
        ),
    )
}


def position_of(actor: Actor) -> Position:
    """Who `actor` is to the console."""
    if actor.type == ActorType.STORE:
        return Position.OWNER if actor.is_owner else Position.STAFF
    return Position.ADMIN if actor.type == ActorType.ADMIN else Position.CUSTOMER


def navigation(actor: Actor) -> list[Resource]:
    """Return the resources in the navigation of `actor`: those they see whose address has no parameters."""
    role = policy_of(actor).name
    return [one for one in CONSOLE.values() if one.is_seen_by(actor) and "<" not in one.at.get(role, "<")]


def policy_of(actor: Actor) -> RolePolicy:
    """The policy of the role in which `actor` acts."""
    return POLICIES[actor.type]
