"""Statements that are built once for each kind of actor, with who acts as parameters.

Building a statement costs more than running it. `Conversation.visible_to` and its like take an actor; given one of
`anybody_like`, whose numbers are parameters, they make a condition that serves every actor of that kind.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import bindparam

from messaging_app.actors import Actor, ActorType
from messaging_app.db.engine import Id


def number(name: str) -> Any:
    """A parameter for an id or a seq."""
    return bindparam(name, type_=Id)


_ANYBODY = {
    (kind, sees): Actor(kind, number("actor_id"), "", number("actor_store_id"), sees)
    for kind in ActorType
    for sees in (True, False)
}


def anybody_like(actor_type: ActorType, sees_platform: bool = True) -> Actor:
    """An actor of this kind whose number and store are the parameters that `numbers_of` gives."""
    return _ANYBODY[actor_type, sees_platform]


def numbers_of(actor: Actor) -> dict[str, Any]:
    """The parameters that tell who acts."""
    return {"actor_id": actor.id, "actor_store_id": actor.store_id}
