"""The filters of an inbox, as a URL or a saved view stores them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from urllib.parse import urlencode

from flask_babel import gettext as _

from messaging_app.actors import Actor, ActorType
from messaging_app.db.types import is_number
from messaging_app.errors import FieldError, Invalid
from messaging_app.policies import policy_of
from messaging_app.queries.inbox import SeenHead
from messaging_app.services import inboxes
from messaging_app.services.contexts import FIELDS

STATUSES = ("open", "closed", "all")
OF_WAITING = {"waiting": "us", "order": "waiting"}  # the list "Waiting for us"
NUMBERS = ("store_id", "customer_id")  # the store or customer to which an admin narrows a list
CHOICES = {"waiting": ("us", "them", "nobody"), "order": ("newest", "waiting")}


@dataclass(frozen=True, slots=True)
class Filters:
    """The filters of an inbox. `opens_with_waiting`: without filters the inbox shows "Waiting for us", not "Open"."""

    status: str = "open"
    type: str = ""
    unread: bool = False
    store_id: int | None = None
    customer_id: int | None = None
    context_kind: str = ""
    context_reference: str = ""
    reason: str = ""
    waiting: str = ""
    assignee: str = ""
    snoozed: bool = False
    order: str = "newest"
    opens_with_waiting: bool = False

    @property
    def list(self) -> str:
        """The name of the list: waiting, asleep, open, closed or all."""
        return "waiting" if self.waiting == "us" else "asleep" if self.snoozed else self.status

    def asked(self) -> inboxes.Asked:
        """Return the filters as `messaging` expects them."""
        return inboxes.Asked(
            status=self.status,
            conversation_type=self.type or None,
            unread=self.unread,
            store_id=self.store_id,
            customer_id=self.customer_id,
            context_kind=self.context_kind or None,
            context_reference=self.context_reference or None,
            reason=self.reason or None,
            waiting=self.waiting or None,
            assignee=int(self.assignee) if self.assignee.isdigit() else self.assignee or None,
            snoozed=self.snoozed,
            order=self.order,
        )

    def read(self, actor: Actor, *, cursor: str | None = None, limit: int = inboxes.PAGE) -> inboxes.ConversationPage:
        """Return a page of this list."""
        return inboxes.list_conversations(actor, **self.asked(), cursor=cursor, limit=limit)

    def query(self, **changes: object) -> str:
        """Return the query string of these filters with `changes`, without defaults: "" or "?status=closed&…"."""
        values = {name: getattr(self, name) for name in NAMES} | changes
        plain = {"status": "open", "order": "newest"}
        kept = {
            name: "1" if value is True else value
            for name, value in values.items()
            if value and plain.get(name) != value
        }
        if self.opens_with_waiting:
            is_opening = {name: kept.get(name) for name in OF_WAITING} == OF_WAITING and "status" not in kept
            kept = {n: v for n, v in kept.items() if n not in OF_WAITING} if is_opening else {"status": "open"} | kept
        return f"?{urlencode(kept)}" if kept else ""

    def kept(self) -> str:
        """Return the query string to save: in the API's spelling, and independent of the list that an inbox opens with."""
        values = {
            "status": self.status if self.status != "open" else "",
            "conversation_type": self.type,
            "unread": "true" if self.unread else "",
            "snoozed": "true" if self.snoozed else "",
            "order": self.order if self.order != "newest" else "",
        }
        values |= {name: str(getattr(self, name) or "") for name in ("waiting", "assignee", *FIELDS, *NUMBERS)}
        return urlencode({name: value for name, value in values.items() if value} or {"status": self.status})

    def list_query(self, name: str) -> str:
        """Return the query string of another list with the same narrowing filters."""
        nowhere = {"waiting": "", "order": "newest", "snoozed": "", "status": "open"}
        changes = {"waiting": OF_WAITING, "asleep": {"snoozed": "1", "status": "all"}}.get(name, {"status": name})
        return self.query(**nowhere | changes)

    def passes(self, actor: Actor, head: SeenHead, unread: int) -> bool:
        """Whether a conversation belongs to this list."""
        about = (head.context["kind"], head.context["reference"]) if head.context else ("", "")
        whose = {"": True, "me": head.assignee_id == actor.id, "nobody": head.assignee_id is None}
        return (
            self.status in ("all", head.status)
            and self.type in ("", head.conversation_type)
            and self.store_id in (None, head.store_id)
            and self.customer_id in (None, head.customer_id)
            and self.context_kind in ("", about[0])
            and self.context_reference in ("", about[1])
            and self.reason in ("", head.reason_code)
            and self.waiting in ("", head.waiting)
            and not (self.waiting == "us" and head.snoozed_until)
            and whose.get(self.assignee, str(head.assignee_id) == self.assignee)
            and (not self.snoozed or head.snoozed_until is not None)
            and (not self.unread or unread > 0)
        )


NAMES = tuple(field.name for field in fields(Filters) if field.name != "opens_with_waiting")


def checked(actor: Actor, args: Mapping[str, str], default: Filters) -> Filters:
    """Parse the filters in `args`; unknown names are ignored. Raises `Invalid` naming each invalid filter."""
    errors = []
    status, kind = args.get("status") or "open", args.get("type") or ""
    if status not in STATUSES:
        errors.append(FieldError("status", "invalid", _("The status must be open, closed or all.")))
    if kind and kind not in policy_of(actor).types:
        errors.append(FieldError("type", "invalid", _("Choose a type from the list.")))
    chosen: dict[str, str] = {}
    if policy_of(actor).has_team:
        chosen = {name: value for name in (*CHOICES, "assignee") if (value := args.get(name))}
        for name, choices in CHOICES.items():
            if chosen.get(name, choices[0]) not in choices:
                errors.append(FieldError(name, "invalid", _("There is no such list.")))
        whose = chosen.get("assignee", "me")
        if whose not in ("me", "nobody") and not (is_number(whose) and int(whose)):
            errors.append(FieldError("assignee", "invalid", _("There is no such list.")))
    numbers: dict[str, int | None] = dict.fromkeys(NUMBERS)
    for name in NUMBERS if actor.type == ActorType.ADMIN else ():
        text = args.get(name, "").strip()
        numbers[name] = int(text) if is_number(text) else None
        if text and numbers[name] is None:
            errors.append(FieldError(name, "invalid", _("That number is not valid.")))
    if errors:
        raise Invalid(*errors)
    context_kind, context_reference, reason = (args.get(name, "").replace("\0", "") for name in (*FIELDS, "reason"))
    return replace(
        default,
        context_kind=context_kind,
        context_reference=context_reference,
        reason=reason,
        status=status,
        type=kind,
        unread=args.get("unread") == "1",
        snoozed=policy_of(actor).has_team and args.get("snoozed") == "1",
        waiting=chosen.get("waiting", default.waiting),
        order=chosen.get("order", default.order),
        assignee=chosen.get("assignee", ""),
        store_id=numbers["store_id"],
        customer_id=numbers["customer_id"],
    )
