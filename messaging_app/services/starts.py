"""Whether customers may begin conversations: as far as both platform and store let them, and so many a day.

What they begin may continue a closed conversation: such follow-ups form a chain.
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
    """What a customer can write about, and the open conversation about it if there is one."""

    context: ContextRow
    conversation_id: int | None


class StartsUsedUp(RateLimited):
    """A customer has begun as many conversations as a day allows."""

    sentence = _(
        "You have reached the limit of new conversations for today. Reply in an existing one, or try again tomorrow."
    )


def allowed(actor: Actor) -> str:
    """Return what this customer may begin: never, about_order or always. The stricter choice wins. One statement."""
    stored, of_store = queries.choices(db.session(), CUSTOMERS_MAY_START, actor.store_id or 0)
    return min(str(parse_or_default(CUSTOMERS_MAY_START, stored)), of_store, key=MAY_START.index)


def possible(actor: Actor, conversation_type: str, recipient_type: str) -> dict[str, ConversationType]:
    """Return what the actor's role may begin now, by recipient type. One statement where a setting decides about these two."""
    policy = policy_of(actor)

    def is_off(recipient: str) -> bool:
        key = policy.starts_where.get(recipient)
        is_asked = recipient == recipient_type or policy.starts[recipient] == conversation_type
        return key is not None and not (is_asked and get_setting(key))

    return {recipient: kind for recipient, kind in policy.starts.items() if not is_off(recipient)}


def may_write_to(actor: Actor, recipient_type: str) -> bool:
    """Whether the actor's role may write to recipients of this kind now. One statement where a setting decides."""
    key = policy_of(actor).starts_where.get(recipient_type)
    return recipient_type in policy_of(actor).starts and (key is None or bool(get_setting(key)))


def recipient_types(actor: Actor, settings: Mapping[str, object]) -> tuple[str, ...]:
    """Return the kinds of recipients that the actor may write to while these settings are in force."""
    where = policy_of(actor).starts_where
    return tuple(one for one in policy_of(actor).starts if one not in where or settings.get(where[one]))


def may_ask(actor: Actor) -> bool:
    """Whether a customer is offered to write to their store. One statement for customers, none for others."""
    return not policy_of(actor).starts_freely and allowed(actor) != NEVER


def require_allowed(actor: Actor, context: Named | None) -> None:
    """Raise `NotAllowed` unless the actor may begin conversations, `ContextRequired` if only about something and this is not."""
    if policy_of(actor).starts_freely:
        return
    mode = allowed(actor)
    if mode == NEVER:
        raise NotAllowed
    if mode == ABOUT_ORDER and context is None:
        raise ContextRequired


def count(session: Session, actor: Actor) -> None:
    """Raise `StartsUsedUp` if a customer has begun as many as a day allows. Locks the customer until the end."""
    if policy_of(actor).starts_freely:
        return
    queries.lock_customer(session, actor.id)
    most = int(parse_or_default(STARTS_PER_DAY, queries.stored(session, STARTS_PER_DAY)))
    moment = now()
    begun = queries.begun_since(session, actor.id, moment - DAY, most)
    if len(begun) >= most:
        raise StartsUsedUp(max(1, int((begun[-1] + DAY - moment).total_seconds()) + 1))


def last_of_chain(session: Session, actor: Actor, follows: int, parties: tuple[str, int, int | None]) -> int:
    """Return the closed conversation that a new one of the same parties continues, locked: the last of its chain.

    Raises `NotFound` for what others have talked about, `DuplicateOpen` if the last one is open.
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
    """Return what a customer can write about, the newest first. Two statements."""
    session = db.session()
    rows = queries.contexts_of(session, actor.store_id or 0, actor.id, OFFERED)
    is_open = queries.open_about(session, actor.id, policy_of(actor).starts["store"]) if rows else {}
    return [Matter(row, is_open.get(row.id)) for row in rows]


def find_offered(actor: Actor, name: Named) -> ContextRow | None:
    """Return one of the customer's own contexts. One statement."""
    found = queries.contexts_of(db.session(), actor.store_id or 0, actor.id, 1, name)
    return found[0] if found else None
