"""Search results: the list of hits, the filters as chips, and a thread opened at a hit."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import urlencode

from flask import request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from messaging_app.actors import Actor
from messaging_app.errors import Invalid
from messaging_app.formats.reader import reader_zone
from messaging_app.policies import policy_of
from messaging_app.queries.inbox import InboxRow
from messaging_app.search.asking import filters_in
from messaging_app.services import search
from messaging_app.services.search import Hit
from messaging_app.services.threads import Thread
from messaging_app.web.htmx import is_htmx, rendered, whole_number

CHOSEN = ("from", "store", "after", "before")  # filters whose value is entered in a form
BEFORE_HIT = 20  # lines shown before the hit


class Chip(NamedTuple):
    """A filter chip. Its link removes a chosen filter from the search, or adds an offered one."""

    key: str
    label: str
    typed: str
    is_on: bool = False


@dataclass(slots=True)
class FoundView:
    """The data for the list of hits. It replaces an `InboxView` in templates, so it has the same attributes."""

    typed: str
    hits: list[Hit]
    chips: list[Chip]
    next_cursor: str | None = None
    is_first: bool = True
    fault: str = ""
    selected_id: int | None = None

    @property
    def filters(self) -> FoundView:
        """The filters that links to a conversation keep."""
        return self

    @property
    def order(self) -> str:
        """The order of the rows."""
        return "newest"

    @property
    def rows(self) -> list[InboxRow]:
        """The conversations."""
        return [hit.row for hit in self.hits]

    @property
    def next_query(self) -> str:
        """The query of the next page; empty on the last one."""
        return self.query(cursor=self.next_cursor) if self.next_cursor else ""

    def kept(self) -> str:
        """Return the query string to save."""
        return urlencode({"q": self.typed})

    def query(self, **more: object) -> str:
        """Return the query string of this search."""
        return f"?{urlencode({'q': self.typed} | more)}"


@dataclass(slots=True)
class AtHit:
    """A thread opened at a hit: its position among the hits, and links to the others."""

    typed: str
    seq: int
    number: int
    total: int
    marks: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    earlier: int | None = None
    later: int | None = None

    def query(self, seq: int) -> str:
        """Return the query string of another hit."""
        return f"?{urlencode({'q': self.typed, 'hit': seq})}"


def with_chosen() -> str:
    """Return the search text with the filters of the form added, as if typed; "" if the form adds none."""
    chosen = []
    for name in CHOSEN:
        value = " ".join(request.args.get(f"add_{name}", "").replace('"', " ").split())
        if value:
            chosen.append(f'{name}:"{value}"' if " " in value else f"{name}:{value}")
    return " ".join([typed(), *chosen]).strip() if chosen else ""


def typed() -> str:
    """Return the search text of the request, "" if there is none."""
    return request.args.get("q", "").strip()


def read(actor: Actor, *, ignore_bad: bool = False) -> FoundView:
    """Return the hits of the query. A refused search keeps its text and shows the error."""
    cursor = None if ignore_bad else request.args.get("cursor") or None
    try:
        page = search.search(actor, typed(), cursor=cursor, zone=reader_zone())
    except Invalid as refusal:
        if cursor and any(fault.field == "cursor" for fault in refusal.errors):
            raise
        return FoundView(typed(), [], [], fault=str(refusal.errors[0].message))
    return FoundView(typed(), page.hits, _chips(actor), page.next_cursor, is_first=cursor is None)


def results(actor: Actor) -> ResponseReturnValue:
    """Show the hits beside the thread's place. For htmx only the list, or its next rows."""
    view = read(actor)
    status = 422 if view.fault else 200
    if not is_htmx():
        return rendered("conversations/inbox.html", status, inbox=view, thread=None, steps=[])
    template = "conversations/_list.html" if view.is_first else "search/_rows.html"
    return rendered(template, status, inbox=view)


def at_hit(actor: Actor, conversation_id: int) -> AtHit | None:
    """Return the hit at which to open a thread: parameter `hit`, or the newest; None without hits."""
    if not typed():
        return None
    seqs = search.hits_in(actor, conversation_id, typed(), zone=reader_zone())
    if not seqs:
        return None
    wanted = whole_number("hit") or seqs[-1]
    seq = min(seqs, key=lambda other: abs(other - wanted))
    index = seqs.index(seq)
    before, after = seqs[index - 1] if index else None, seqs[index + 1] if index + 1 < len(seqs) else None
    return AtHit(typed(), seq, index + 1, len(seqs), earlier=before, later=after)


def mark(hit: AtHit, thread: Thread) -> None:
    """Set the marked ranges in the lines of `thread`."""
    contents = {line.seq: line.content for line in thread.lines if line.kind == "message"}
    found = search.marks_in(hit.typed, list(contents.values()))
    hit.marks = {seq: ranges for seq, ranges in zip(contents, found, strict=True) if ranges}


def _chips(actor: Actor) -> list[Chip]:
    """Return the chosen filters, then those that are offered."""
    offered = {"is:unread": _("Unread"), "is:open": _("Open"), "is:closed": _("Closed"), "has:file": _("Has a file")}
    if policy_of(actor).has_team:
        offered = {"is:waiting": _("Waiting for us")} | offered
    chosen = filters_in(typed())
    chips = []
    for name, value, raw in chosen:
        rest = " ".join(typed().replace(raw, " ", 1).split())
        chips.append(Chip(f"{name}:", value, rest, is_on=True))
    used = {f"{name}:{value}" for name, value, _raw in chosen}
    taken = {"is"} if any(name == "is" for name, *_rest in chosen) else set()
    chips += [
        Chip("", label, f"{typed()} {word}".strip())
        for word, label in offered.items()
        if word not in used and word.partition(":")[0] not in taken
    ]
    return chips
