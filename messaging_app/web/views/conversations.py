"""Inbox and thread in the split panel."""

from __future__ import annotations

from dataclasses import dataclass, replace
from urllib.parse import urlencode

from flask import Response, current_app, request
from flask.typing import ResponseReturnValue

from messaging_app.actors import Actor, ActorType
from messaging_app.formats.reader import today
from messaging_app.policies import policy_of
from messaging_app.queries import cursors
from messaging_app.queries.inbox import InboxRow
from messaging_app.services import first_steps, poll_state, presence, starts, threads
from messaging_app.services.filters import Filters
from messaging_app.web.forms.messages import MessageForm, NoteForm
from messaging_app.web.htmx import is_htmx, page_or_fragment, rendered, see_other, whole_number
from messaging_app.web.views import composer, found
from messaging_app.web.views.filters import read_filters
from messaging_app.web.views.thread import ThreadView, show, state_of, window

REACH = 75  # extra rows that a page may show to include the open conversation


@dataclass(slots=True)
class InboxView:
    """The data for the inbox templates. While `have` is current, a poll gets 204."""

    rows: list[InboxRow]
    filters: Filters
    cursor: str | None
    next_cursor: str | None
    have: str
    selected_id: int | None = None
    may_ask: bool = False  # whether the reader may write to their store

    @property
    def is_first(self) -> bool:
        """Whether this is the top of the list."""
        return self.cursor is None

    @property
    def next_query(self) -> str:
        """The query of the next page; empty on the last one."""
        return self.filters.query(cursor=self.next_cursor) if self.next_cursor else ""


def inbox(actor: Actor) -> ResponseReturnValue:
    """Show the filtered list of conversations. For htmx the list or its next rows, 204 while `have` is current.

    With `q`, show search results instead.
    """
    if chosen := found.with_chosen():
        return see_other(f"{policy_of(actor).messages}?{urlencode({'q': chosen})}")
    if found.typed():
        return found.results(actor)
    view = read_inbox(actor)
    if request.args.get("have") == view.have:
        return Response(status=204)
    if not is_htmx():
        return rendered("conversations/inbox.html", inbox=view, thread=None, steps=_first_steps(actor, view))
    template = "conversations/_list.html" if view.is_first else "conversations/_rows.html"
    return rendered(template, inbox=view)


def thread(actor: Actor, conversation_id: int) -> ResponseReturnValue:
    """Show a conversation beside the list. For htmx only the thread or, with `before`, the lines before that seq."""
    before = whole_number("before")
    head = threads.get_head(actor, conversation_id)
    have = request.args.get("have")
    presence.come(actor, head.head)
    if have is not None and have == state_of(head, presence.list_others(actor, head.head.id)):
        return Response(status=204)
    hit = None if before else found.at_hit(actor, conversation_id)
    after = max(hit.seq - found.BEFORE_HIT - 1, 0) if hit else None
    limit = threads.THREAD_PAGE if before or hit else window(head)
    read = threads.read_lines(head, before=before, after=after, limit=limit)
    view = show(actor, read)
    if hit:
        found.mark(hit, read)
        view.hit = hit
    view.was_open = "was_open" in request.args
    if not is_htmx():
        return whole_page(actor, view)
    if before:
        return rendered("messages/_older.html", thread=view)
    return rendered("conversations/_thread.html", thread=view, composer=composer.fresh(view))


def others(actor: Actor, conversation_id: int) -> ResponseReturnValue:
    """List other conversations with the same customer or about the same context."""
    listed = threads.list_others(actor, conversation_id)
    return page_or_fragment("conversations/others.html", "conversations/_others.html", others=listed)


def whole_page(
    actor: Actor,
    view: ThreadView,
    filled: MessageForm | None = None,
    status: int = 200,
    note: NoteForm | None = None,
) -> Response:
    """Render the page with the thread open. `filled` is a refused composer with its text, `note` a refused note."""
    beside: InboxView | found.FoundView | None = None
    if actor.type != ActorType.CUSTOMER:
        if found.typed():
            beside = found.read(actor, ignore_bad=True)
        else:
            beside = _reaching(actor, read_inbox(actor, ignore_bad=True), view)
        beside.selected_id = view.conversation.id
    shown = filled or composer.at_address(actor, view)
    return rendered("conversations/inbox.html", status, inbox=beside, thread=view, composer=shown, note=note)


def _reaching(actor: Actor, top: InboxView, view: ThreadView) -> InboxView:
    """Extend the list `top` to include the open conversation, unless the filters exclude it.

    If the conversation is too far down, the list begins with it instead.
    """
    head, filters = view.conversation, top.filters
    is_in = any(row.id == head.id for row in top.rows)
    if is_in or not top.next_cursor or not filters.passes(actor, head, view.unread_count):
        return top
    more = filters.read(actor, cursor=top.next_cursor, limit=REACH)
    if any(row.id == head.id for row in more.rows):
        return replace(top, rows=top.rows + more.rows, next_cursor=more.next_cursor)
    at = (filters.order == "waiting" and head.turn_since) or head.last_message_at
    begin = cursors.Walk.from_row(at, head.id, rising=filters.order == "waiting").encoded()
    page = filters.read(actor, cursor=begin)
    if not page.rows or page.rows[0].id != head.id:  # it has just left the filter
        return top
    return replace(top, rows=page.rows, cursor=begin, next_cursor=page.next_cursor)


def read_inbox(actor: Actor, *, ignore_bad: bool = False) -> InboxView:
    """Return the inbox page of the query. Raises `Invalid` naming an invalid filter."""
    filters = read_filters(actor, ignore_bad=ignore_bad)
    cursor = None if ignore_bad else request.args.get("cursor") or None
    page = filters.read(actor, cursor=cursor)
    offers = not (page.rows or is_htmx()) and filters.status == "open" and starts.may_ask(actor)
    return InboxView(page.rows, filters, cursor, page.next_cursor, poll_state.of_list(page, today()), may_ask=offers)


def _first_steps(actor: Actor, view: InboxView) -> list[first_steps.Step]:
    """Return the first steps of a new installation while the inbox is empty, without those whose page does not exist."""
    if view.rows or view.filters.query() or view.cursor:
        return []
    pages = current_app.create_url_adapter(request)
    return [
        step if pages is not None and pages.test(step.address, "GET") else replace(step, address="")
        for step in first_steps.list_steps(actor)
    ]
