"""Inbox and thread in the split panel."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from flask import Response, current_app, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from messaging_app.actors import Actor, ActorType
from messaging_app.errors import FieldError, Invalid
from messaging_app.formats import today
from messaging_app.policies import policy_of
from messaging_app.queries import cursors
from messaging_app.services import first_steps, messaging, poll_state
from messaging_app.services.contexts import FIELDS
from messaging_app.web.forms import MessageForm
from messaging_app.web.htmx import is_htmx, page_or_fragment, rendered, whole_number
from messaging_app.web.views import composer
from messaging_app.web.views.thread import ThreadView, show, state_of, window

STATUSES = ("open", "closed", "all")
REACH = 75  # extra rows that a page may show to include the open conversation


@dataclass(frozen=True, slots=True)
class Filters:
    """The filters of an inbox."""

    status: str
    type: str
    unread: bool
    store_id: int | None = None
    customer_id: int | None = None
    context_kind: str = ""
    context_reference: str = ""

    def query(self, **changes: object) -> str:
        """Return the query string of these filters with `changes`, without defaults: "" or "?status=closed&…"."""
        values: dict[str, object] = {"status": self.status, "type": self.type, "unread": "1" if self.unread else ""}
        values |= {"store_id": self.store_id or "", "customer_id": self.customer_id or ""}
        values |= {"context_kind": self.context_kind, "context_reference": self.context_reference} | changes
        kept = {key: value for key, value in values.items() if value and (key, value) != ("status", "open")}
        return f"?{urlencode(kept)}" if kept else ""


@dataclass(slots=True)
class InboxView:
    """The data for the inbox templates. While `have` is current, a poll gets 204."""

    rows: list[Any]
    filters: Filters
    cursor: str | None
    next_cursor: str | None
    have: str
    selected_id: int | None = None

    @property
    def is_first(self) -> bool:
        """Whether this is the top of the list."""
        return self.cursor is None

    @property
    def next_query(self) -> str:
        """The query of the next page; empty on the last one."""
        return self.filters.query(cursor=self.next_cursor) if self.next_cursor else ""


def inbox(actor: Actor) -> ResponseReturnValue:
    """The list of conversations, filtered. For htmx the list or its next rows, 204 while `have` is current."""
    view = read_inbox(actor)
    if request.args.get("have") == view.have:
        return Response(status=204)
    if not is_htmx():
        return rendered("conversations/inbox.html", inbox=view, thread=None, steps=_first_steps(actor, view))
    template = "conversations/_list.html" if view.is_first else "conversations/_rows.html"
    return rendered(template, inbox=view)


def thread(actor: Actor, conversation_id: int) -> ResponseReturnValue:
    """One conversation beside the list. For htmx only the thread or, with `before`, the lines before that seq."""
    before = whole_number("before")
    found = messaging.get_head(actor, conversation_id)
    have = request.args.get("have")
    if have is not None and have == state_of(found):
        return Response(status=204)
    found = messaging.read_lines(found, before=before, limit=messaging.THREAD_PAGE if before else window(found))
    view = show(actor, found)
    view.was_open = "was_open" in request.args
    if not is_htmx():
        return whole_page(actor, view)
    if before:
        return rendered("messages/_older.html", thread=view)
    return rendered("conversations/_thread.html", thread=view, composer=composer.fresh(view))


def others(actor: Actor, conversation_id: int) -> ResponseReturnValue:
    """The other conversations with the same customer, and about the same matter."""
    found = messaging.list_others(actor, conversation_id)
    return page_or_fragment("conversations/others.html", "conversations/_others.html", others=found)


def whole_page(actor: Actor, view: ThreadView, filled: MessageForm | None = None, status: int = 200) -> Response:
    """Return the page with the thread open. `filled` is a refused composer with its text."""
    beside = read_inbox(actor, ignore_bad=True) if actor.type != ActorType.CUSTOMER else None
    if beside:
        beside = _reaching(actor, beside, view)
        beside.selected_id = view.conversation.id
    shown = filled or composer.fresh(view)
    return rendered("conversations/inbox.html", status, inbox=beside, thread=view, composer=shown)


def _reaching(actor: Actor, top: InboxView, view: ThreadView) -> InboxView:
    """Extend the list `top` to include the open conversation, unless the filters exclude it.

    If the conversation is too far down, the list begins with it instead.
    """
    head, filters = view.conversation, top.filters
    passes = filters.status in ("all", head.status) and filters.type in ("", head.conversation_type)
    passes &= filters.store_id in (None, head.store_id) and filters.customer_id in (None, head.customer_id)
    matter = (head.context["kind"], head.context["reference"]) if head.context else ("", "")
    passes &= filters.context_kind in ("", matter[0]) and filters.context_reference in ("", matter[1])
    is_in = any(row.id == head.id for row in top.rows)
    if is_in or not top.next_cursor or not passes or (filters.unread and not view.unread_count):
        return top
    wanted: dict[str, Any] = {
        "status": filters.status,
        "conversation_type": filters.type or None,
        "unread": filters.unread,
        "store_id": filters.store_id,
        "customer_id": filters.customer_id,
        "context_kind": filters.context_kind or None,
        "context_reference": filters.context_reference or None,
    }
    more = messaging.list_conversations(actor, cursor=top.next_cursor, limit=REACH, **wanted)
    if any(row.id == head.id for row in more.rows):
        return replace(top, rows=top.rows + more.rows, next_cursor=more.next_cursor)
    begin = cursors.Walk.from_row(head.last_message_at, head.id).encoded()
    page = messaging.list_conversations(actor, cursor=begin, **wanted)
    if not page.rows or page.rows[0].id != head.id:  # it has just left the filter
        return top
    return replace(top, rows=page.rows, cursor=begin, next_cursor=page.next_cursor)


def read_inbox(actor: Actor, *, ignore_bad: bool = False) -> InboxView:
    """Return the inbox page of the query. Raises `Invalid` naming an invalid filter."""
    args = request.args
    status, kind, cursor = args.get("status") or "open", args.get("type") or "", args.get("cursor") or None
    errors = []
    if status not in STATUSES:
        errors.append(FieldError("status", "invalid", _("The status must be open, closed or all.")))
    if kind and kind not in policy_of(actor).types:
        errors.append(FieldError("type", "invalid", _("There is no such type of conversation here.")))
    if errors and not ignore_bad:
        raise Invalid(*errors)
    if errors or ignore_bad:
        status, kind, cursor = (status, kind, None) if not errors else ("open", "", None)
    store_id, customer_id = (_number_filter(actor, name, ignore_bad) for name in ("store_id", "customer_id"))
    about, number = (args.get(name, "").replace("\0", "") for name in FIELDS)
    filters = Filters(status, kind, args.get("unread") == "1", store_id, customer_id, about, number)
    page = messaging.list_conversations(
        actor,
        status=status,
        conversation_type=kind or None,
        unread=filters.unread,
        store_id=filters.store_id,
        customer_id=filters.customer_id,
        context_kind=filters.context_kind or None,
        context_reference=filters.context_reference or None,
        cursor=cursor,
    )
    return InboxView(page.rows, filters, cursor, page.next_cursor, poll_state.of_list(page, today()))


def _first_steps(actor: Actor, view: InboxView) -> list[first_steps.Step]:
    """What a new installation still needs, while there is nothing else to show; buttons only for pages that exist."""
    if view.rows or view.filters != Filters("open", "", unread=False) or view.cursor:
        return []
    pages = current_app.create_url_adapter(request)
    return [
        step if pages is not None and pages.test(step.address, "GET") else replace(step, address="")
        for step in first_steps.list_steps(actor)
    ]


def _number_filter(actor: Actor, name: str, ignore_bad: bool) -> int | None:
    """The store or customer to which an admin narrows the inbox; nobody else is led here with one."""
    if actor.type != ActorType.ADMIN:
        return None
    try:
        return whole_number(name)
    except Invalid:
        if ignore_bad:
            return None
        raise
