"""Whether customers may begin conversations: if both platform and store allow it, and up to a daily limit.

A new conversation may continue a closed one; such follow-ups form a chain.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import NamedTuple

from flask_babel import lazy_gettext as _
from sqlalchemy.orm import Session

from messaging_app.accounts.limits import RateLimited
from messaging_app.actors import Actor
from messaging_app.db.engine import now
from messaging_app.errors import ContextRequired, DuplicateOpen, NotAllowed, NotFound
from messaging_app.extensions import db
from messaging_app.models import Conversation, ConversationStatus
from messaging_app.models.context import Named
from messaging_app.models.platform import ABOUT_ORDER, CUSTOMERS_MAY_START, MAY_START, NEVER, STARTS_PER_DAY
from messaging_app.models.position import Locked
from messaging_app.models.scope import ConversationType
from messaging_app.policies import policy_of
from messaging_app.queries import starts as queries
from messaging_app.queries.contexts import ContextRow
from messaging_app.services import announcements
from messaging_app.services.settings import get_setting, parse_or_default

DAY = timedelta(days=1)
OFFERED = 20  # contexts from which a customer chooses


class Matter(NamedTuple):
    """A context that a customer can write about, and the open conversation about it, if any."""

    context: ContextRow
    conversation_id: int | None


class StartsUsedUp(RateLimited):
    """The customer has reached the daily limit of new conversations."""

    sentence = _(
        "You have reached the limit of new conversations for today. Reply in an existing one, or try again tomorrow."
    )


def allowed(actor: Actor) -> str:
    """Return when this customer may begin conversations: never, about_order or always. The stricter of platform and store
    wins. One statement.
    """
    stored, of_store = queries.choices(db.session(), CUSTOMERS_MAY_START, actor.store_id or 0)
    return min(str(parse_or_default(CUSTOMERS_MAY_START, stored)), of_store, key=MAY_START.index)


def possible(actor: Actor, conversation_type: str, recipient_type: str) -> dict[str, ConversationType]:
    """Return the conversation types that the actor may begin, by recipient type. At most one statement."""
    policy = policy_of(actor)

    def is_off(recipient: str) -> bool:
        key = policy.starts_where.get(recipient)
        is_asked = recipient == recipient_type or policy.starts[recipient] == conversation_type
        return key is not None and not (is_asked and get_setting(key))

    return {recipient: kind for recipient, kind in policy.starts.items() if not is_off(recipient)}


def may_write_to(actor: Actor, recipient_type: str) -> bool:
    """Whether the actor's role may write to this kind of recipient now. At most one statement."""
    key = policy_of(actor).starts_where.get(recipient_type)
    return recipient_type in policy_of(actor).starts and (key is None or bool(get_setting(key)))


def recipient_types(actor: Actor, settings: Mapping[str, object]) -> tuple[str, ...]:
    """Return the kinds of recipients that the actor may write to under these settings."""
    where = policy_of(actor).starts_where
    return tuple(one for one in policy_of(actor).starts if one not in where or settings.get(where[one]))


def may_ask(actor: Actor) -> bool:
    """Whether to offer the customer a new conversation with their store. One statement for customers, else none."""
    return not policy_of(actor).starts_freely and allowed(actor) != NEVER


def require_allowed(actor: Actor, context: Named | None) -> None:
    """Raise `NotAllowed` if the actor may not begin conversations, `ContextRequired` if a required context is missing."""
    if policy_of(actor).starts_freely:
        return
    mode = allowed(actor)
    if mode == NEVER:
        raise NotAllowed
    if mode == ABOUT_ORDER and context is None:
        raise ContextRequired


def count(session: Session, actor: Actor) -> None:
    """Raise `StartsUsedUp` if a customer has reached the daily limit. Locks the customer until the transaction ends."""
    if policy_of(actor).starts_freely:
        return
    queries.lock_customer(session, actor.id)
    most = int(parse_or_default(STARTS_PER_DAY, queries.stored(session, STARTS_PER_DAY)))
    moment = now()
    begun = queries.begun_since(session, actor.id, moment - DAY, most)
    if len(begun) >= most:
        raise StartsUsedUp(max(1, int((begun[-1] + DAY - moment).total_seconds()) + 1))


def last_of_chain(session: Session, actor: Actor, follows: int, parties: tuple[str, int, int | None]) -> int:
    """Return the id of the closed conversation that a new one continues: the last of its chain, locked.

    Raises `NotFound` for a conversation of other parties, `DuplicateOpen` if the last one is open.
    """
    last = _lock(session, actor, follows, parties)
    while (later := Conversation.continued_in(session, last.conversation_id)) is not None:
        last = _lock(session, actor, later, parties)
    if last.status == ConversationStatus.OPEN:
        raise DuplicateOpen(last.conversation_id)
    announcements.continued(actor, last)
    return last.conversation_id


def _lock(session: Session, actor: Actor, number: int, parties: tuple[str, int, int | None]) -> Locked:
    found = Conversation.lock(session, actor, number)
    if found is None or (found.conversation_type, found.store_id, found.customer_id) != parties:
        raise NotFound
    return found


def offered(actor: Actor) -> list[Matter]:
    """Return the contexts that a customer can write about, newest first. Two statements."""
    session = db.session()
    rows = queries.contexts_of(session, actor.store_id or 0, actor.id, OFFERED)
    is_open = queries.open_about(session, actor.id, policy_of(actor).starts["store"]) if rows else {}
    return [Matter(row, is_open.get(row.id)) for row in rows]


def find_offered(actor: Actor, name: Named) -> ContextRow | None:
    """Return one of the customer's own contexts. One statement."""
    found = queries.contexts_of(db.session(), actor.store_id or 0, actor.id, 1, name)
    return found[0] if found else None
