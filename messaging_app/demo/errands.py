"""Actions of the demo cast in the console, through the ordinary services, so that the audit trail has entries.

Invitations are withdrawn again, so no mail is sent; settings and rights end as the other demo texts expect them.
"""

from __future__ import annotations

from collections.abc import Callable

from messaging_app.accounts import tokens
from messaging_app.actors import Actor, ActorType
from messaging_app.demo.stories import Cast
from messaging_app.queries.console import Asked
from messaging_app.services import admins, audit, invitations, preferences, settings, staff, store_changes, stores

FILES = "message_attachment_max_files"
UNDO_SECONDS = 10
OPENING_LINE = "Tell us the frame number, and we find the right part."


def run(cast: Cast) -> None:
    """Do all of it, each in a transaction of its own."""
    ada, amir = (_admin(cast, nick) for nick in ("ada", "amir"))
    sam, kai, noor = (_owner(cast, *place) for place in (("bakery", "sam"), ("cycles", "kai"), ("books", "noor")))
    for address, errand in (
        ("192.0.2.24", lambda: settings.set_settings(ada, {FILES: "4"})),
        ("192.0.2.31", lambda: settings.set_settings(amir, {FILES: "10"})),
        (
            "198.51.100.7",
            lambda: staff.change_role(noor, cast.stores["books"], cast.staff["books"]["tove"].id, "staff"),
        ),
        ("203.0.113.52", lambda: _invite_and_withdraw(sam, cast.stores["bakery"])),
        ("198.51.100.118", lambda: _greet(kai, cast.stores["cycles"])),
        ("192.0.2.24", lambda: _try_token(ada)),
        ("192.0.2.31", lambda: admins.export_admins(amir, Asked())),
        ("198.51.100.7", lambda: preferences.save(noor, undo_send_seconds=UNDO_SECONDS)),
    ):
        _from(address, errand)


def _from(address: str, errand: Callable[[], object]) -> None:
    audit.set_origin(audit.Origin(address))
    try:
        errand()
    finally:
        audit.set_origin(None)


def _invite_and_withdraw(actor: Actor, store_id: int) -> None:
    invitations.invite(actor, "lina@bakrey.example", "staff", store_id)
    for pending in invitations.list_pending(actor, store_id):
        invitations.withdraw(actor, pending.id, store_id)


def _greet(actor: Actor, store_id: int) -> None:
    store = stores.get_store(actor, store_id)
    entered = store_changes.Entered(
        store.name,
        store.accent or "",
        OPENING_LINE,
        store.hours,
        store.staff_see_only_assigned,
        store.customers_may_start,
    )
    store_changes.change_store(actor, store_id, store_changes.version_of(store), entered)


def _try_token(actor: Actor) -> None:
    tokens.create_token(actor.type, actor.id, None, "Shop connector, trial", actor=actor)
    for token in tokens.list_tokens(actor):
        tokens.revoke_token(actor, token.id)


def _admin(cast: Cast, nick: str) -> Actor:
    return Actor(ActorType.ADMIN, cast.admins[nick].id, cast.admins[nick].name)


def _owner(cast: Cast, code: str, nick: str) -> Actor:
    person = cast.staff[code][nick]
    return Actor(ActorType.STORE, person.id, person.name, cast.stores[code], is_owner=True)
