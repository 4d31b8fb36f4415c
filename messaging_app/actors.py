"""Who acts now. Knows no Flask: services and models take the actor as their first argument, in plain sight."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class ActorType(StrEnum):
    """The three kinds of people. `admin` and `store` number `users.id`, `customer` numbers `customers.id`."""

    ADMIN = "admin"
    STORE = "store"
    CUSTOMER = "customer"


class Actor(NamedTuple):
    """Somebody who acts, loaded from a session or a token, never from the fields of a request.

    `store_id` is the staff's current store or the customer's own store, None for an admin.
    `sees_platform` tells whether conversations with the platform are shown to this customer (a platform setting).
    """

    type: ActorType
    id: int
    name: str
    store_id: int | None = None
    sees_platform: bool = True
