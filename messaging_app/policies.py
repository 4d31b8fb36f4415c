"""The three roles as data: where each lives, what it sees, what it may start and close.

Whoever wants to know what a store's staff may do reads this screen. Which *rows* an actor sees is the one scope
`Conversation.visible_to`; what an actor may *do* with a row that it sees is here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from messaging_app.actors import Actor, ActorType
from messaging_app.models.scope import TYPES_OF, ConversationType


@dataclass(frozen=True, slots=True, eq=False)
class RolePolicy:
    """One role: its addresses, its sight and its rights. Times are the limits of a sign-in session."""

    name: str
    actor_type: ActorType
    home: str
    messages: str
    login: str
    logout: str
    layout: str
    title: str
    types: tuple[ConversationType, ...]
    starts: dict[str, ConversationType]  # recipient type -> the conversation that begins with it
    may_close: bool
    idle: timedelta
    absolute: timedelta

    def thread(self, conversation_id: int) -> str:
        """The address of a conversation's page."""
        return f"{self.messages}/{conversation_id}"

    @property
    def may_start(self) -> bool:
        """Whether this role begins conversations at all."""
        return bool(self.starts)

    @property
    def recipient_types(self) -> tuple[str, ...]:
        """Kinds of recipients that this role may write to."""
        return tuple(self.starts)


ADMIN = RolePolicy(
    name="admin",
    actor_type=ActorType.ADMIN,
    home="/admin",
    messages="/admin/messages",
    login="/admin/login",
    logout="/admin/logout",
    layout="layouts/admin.html",
    title="Platform Administration",
    types=TYPES_OF[ActorType.ADMIN],
    starts={"store": ConversationType.ADMIN_STORE, "customer": ConversationType.ADMIN_CUSTOMER},
    may_close=True,
    idle=timedelta(hours=12),
    absolute=timedelta(days=30),
)
STORE = RolePolicy(
    name="store",
    actor_type=ActorType.STORE,
    home="/store",
    messages="/store/messages",
    login="/store/login",
    logout="/store/logout",
    layout="layouts/store.html",
    title="Sales",
    types=TYPES_OF[ActorType.STORE],
    starts={"customer": ConversationType.STORE_CUSTOMER},
    may_close=True,
    idle=timedelta(hours=12),
    absolute=timedelta(days=30),
)
STOREFRONT = RolePolicy(
    name="storefront",
    actor_type=ActorType.CUSTOMER,
    home="/storefront/account",
    messages="/storefront/account/messages",
    login="/storefront/login",
    logout="/storefront/logout",
    layout="layouts/storefront.html",
    title="Your account",
    types=TYPES_OF[ActorType.CUSTOMER],
    starts={},
    may_close=False,
    idle=timedelta(days=30),
    absolute=timedelta(days=90),
)

ROLES = {role.name: role for role in (ADMIN, STORE, STOREFRONT)}
POLICIES = {role.actor_type: role for role in ROLES.values()}


def policy_of(actor: Actor) -> RolePolicy:
    """The policy of the role in which `actor` acts."""
    return POLICIES[actor.type]
