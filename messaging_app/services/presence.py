"""Which colleagues have a conversation open. Customers have no team, so nothing is shared about or with them."""

from __future__ import annotations

from messaging_app.actors import Actor
from messaging_app.bus import current_bus
from messaging_app.bus.presence import LASTS, Present
from messaging_app.policies import policy_of
from messaging_app.queries.thread import SeatRow
from messaging_app.services import announcements

RENEW = LASTS - 25  # seconds left below which a page's sign of life is forwarded to the other processes


def come(actor: Actor, head: SeatRow) -> None:
    """Note that `actor` has a visible conversation open, and announce it to their side if that is new. No statement."""
    if policy_of(actor).has_team:
        there = current_bus().hub.presence.at(announcements.place_of(actor, head.id))
        left = there.get(Present(actor.id, actor.name))
        if left is None or left < RENEW:
            announcements.present(actor, head, here=True, is_new=left is None)


def leave(actor: Actor, head: SeatRow) -> None:
    """Note that `actor` has left a conversation, and announce it to their side."""
    announcements.present(actor, head, here=False, is_new=True)


def list_others(actor: Actor, conversation_id: int) -> list[Present]:
    """Return the colleagues who have a conversation open, without the actor. No statement."""
    if not policy_of(actor).has_team:
        return []
    there = current_bus().hub.presence.at(announcements.place_of(actor, conversation_id))
    return [who for who in there if who.id != actor.id]
