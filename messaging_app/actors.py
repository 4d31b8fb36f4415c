"""Who acts now. Independent of Flask: services and models take the actor as their first argument."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class ActorType(StrEnum):
    """The three roles. Ids of `admin` and `store` refer to `users.id`, of `customer` to `customers.id`."""

    ADMIN = "admin"
    STORE = "store"
    CUSTOMER = "customer"


class Actor(NamedTuple):
    """The acting user or customer, loaded from a session or a token, never from request fields.

    `store_id` is the current store of staff or the customer's own store, None for an admin. `sees_all` is False where a
    setting hides some of what the role may see: from customers conversations with the platform, from staff those that
    are assigned to a colleague. `is_owner` says whether this member of a store's staff is one of its owners.
    """

    type: ActorType
    id: int
    name: str
    store_id: int | None = None
    sees_all: bool = True
    is_owner: bool = False
