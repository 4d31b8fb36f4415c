"""Whether customers may begin conversations: as far as both platform and store let them, and so many a day."""

from __future__ import annotations

from datetime import timedelta

from flask_babel import lazy_gettext as _
from sqlalchemy.orm import Session

from messaging_app.accounts.limits import RateLimited
from messaging_app.actors import Actor
from messaging_app.db.engine import now
from messaging_app.errors import ContextRequired, NotAllowed
from messaging_app.extensions import db
from messaging_app.models.context import Named
from messaging_app.models.platform import ABOUT_ORDER, CUSTOMERS_MAY_START, MAY_START, NEVER, STARTS_PER_DAY
from messaging_app.policies import policy_of
from messaging_app.queries import starts as queries
from messaging_app.queries.contexts import ContextRow
from messaging_app.services.settings import parse_or_default

DAY = timedelta(days=1)
OFFERED = 20  # contexts from which a customer chooses


class StartsUsedUp(RateLimited):
    """A customer has begun as many conversations as a day allows."""

    sentence = _("You have begun as many conversations as a day allows. Reply in one of those, or try again tomorrow.")


def allowed(actor: Actor) -> str:
    """Return what this customer may begin: never, about_order or always. The stricter choice wins. One statement."""
    stored, of_store = queries.choices(db.session(), CUSTOMERS_MAY_START, actor.store_id or 0)
    return min(str(parse_or_default(CUSTOMERS_MAY_START, stored)), of_store, key=MAY_START.index)


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


def offered(actor: Actor) -> list[ContextRow]:
    """Return what a customer can write about, the newest first. One statement."""
    return queries.contexts_of(db.session(), actor.store_id or 0, actor.id, OFFERED)


def find_offered(actor: Actor, name: Named) -> ContextRow | None:
    """Return one of the customer's own contexts. One statement."""
    found = queries.contexts_of(db.session(), actor.store_id or 0, actor.id, 1, name)
    return found[0] if found else None
