"""Saved views: named filters or searches, personal or shared with the team. Each reader sees their own results."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, tzinfo
from typing import NamedTuple
from urllib.parse import parse_qsl, urlencode

from flask_babel import gettext as _
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from messaging_app.actors import Actor, ActorType
from messaging_app.db.engine import writing
from messaging_app.db.types import DbSession
from messaging_app.errors import FieldError, Invalid, NotFound
from messaging_app.extensions import db
from messaging_app.models import SavedView
from messaging_app.models.saved_view import VIEW_NAME_MAX
from messaging_app.models.sides import WAITING_MOST
from messaging_app.services import inboxes, search
from messaging_app.services.filters import NAMES, NUMBERS, Filters, checked
from messaging_app.text import TextRefused, clean_subject, search_key

VIEWS_MAX = 200  # per person in one team, and per team
VIEW_QUERY_MAX = 8_000
COUNTED = 30  # views whose conversations are counted per request
OF_API = {"conversation_type": "type"}  # parameters with another name in the API
SWITCHES = {"unread": {"1": "1", "true": "1", "0": "", "false": ""}}
SWITCHES["snoozed"] = SWITCHES["unread"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A view's query: a search, or filters if `typed` is empty."""

    typed: str
    filters: Filters


class Count(NamedTuple):
    """How many conversations a view holds, counted up to a limit."""

    number: int
    is_more: bool

    def __str__(self) -> str:
        return f"{self.number}+" if self.is_more else str(self.number)


class Shown(NamedTuple):
    """A view with its query, and its count unless it was not counted."""

    view: SavedView
    wanted: Wanted
    held: Count | None = None


def list_views(actor: Actor) -> list[SavedView]:
    """Return the actor's own views and the team's, by name. One statement."""
    found = db.session.scalars(select(SavedView).where(SavedView.visible_to(actor))).all()
    return sorted(found, key=lambda view: (search_key(view.name), view.id))


def get_view(actor: Actor, view_id: int) -> SavedView:
    """Return one of the actor's or the team's views. Raises `NotFound`."""
    return _find(db.session, actor, view_id)


def create_view(actor: Actor, name: str, query: str, *, shared: bool = False) -> SavedView:
    """Save a filter or search, for the team if `shared`. Raises `Invalid` on fields `name`, `query`."""
    query = query.strip().removeprefix("?")
    errors: list[FieldError] = []
    try:
        name = _checked_name(name)
    except Invalid as refusal:
        errors += refusal.errors
    try:
        parse(actor, query)
    except Invalid as refusal:
        errors += refusal.errors
    if errors:
        raise Invalid(*errors)
    with writing(db.session) as session:
        _leave_room(session, actor, shared)
        store_id = None if actor.type == ActorType.ADMIN else actor.store_id
        view = SavedView(store_id=store_id, user_id=None if shared else actor.id, name=name, query=query)
        session.add(view)
    return view


def change_view(actor: Actor, view_id: int, name: str, *, shared: bool) -> SavedView:
    """Rename a view, share it with the team, or make it personal. Raises `NotFound`, `Invalid` on field `name`."""
    name = _checked_name(name)
    with writing(db.session) as session:
        view = _find(session, actor, view_id)
        if view.shared != shared:
            _leave_room(session, actor, shared)
            view.user_id = None if shared else actor.id
        view.name = name
    return view


def delete_view(actor: Actor, view_id: int) -> None:
    """Delete one of the actor's or the team's views. Raises `NotFound`."""
    with writing(db.session) as session:
        session.delete(_find(session, actor, view_id))


def parse(actor: Actor, query: str) -> Wanted:
    """Parse the query string of a list, in the spelling of the pages or of the API.

    Raises `Invalid` on field `query`, also for a filter that `actor` does not have.
    """
    asked = _pairs(query)
    typed = asked.pop("q", "").strip()
    known = NAMES if actor.type == ActorType.ADMIN else set(NAMES) - set(NUMBERS)
    if unknown := [name for name in asked if name not in known]:
        raise _refused("unknown", _("A list has no filter “%(name)s”.", name=unknown[0][:40]))
    if typed and any(asked.values()):
        raise _refused("invalid", _("In a search, write filters as words such as is:open."))
    if not typed and not any(asked.values()):
        raise _refused("required", _("Choose a filter or enter a search first."))
    if len(typed) > search.QUERY_MAX:
        raise _refused("too_long", _("A search can have at most %(max)s characters.", max=search.QUERY_MAX))
    for name, values in SWITCHES.items():
        if (value := asked.get(name, "")) and value not in values:
            raise _refused("invalid", _("The filter “%(name)s” is on or off: 1 or 0.", name=name))
        asked[name] = values.get(value, "")
    try:
        return Wanted(typed, checked(actor, asked, Filters()))
    except Invalid as refusal:
        raise _refused("invalid", refusal.errors[0].message) from None


def link_of(wanted: Wanted, *, opens_with_waiting: bool = False) -> str:
    """Return the query string of a view's page, given which list the reader's inbox opens with."""
    if wanted.typed:
        return f"?{urlencode({'q': wanted.typed})}"
    return replace(wanted.filters, opens_with_waiting=opens_with_waiting).query()


def show_views(actor: Actor, zone: tzinfo = UTC) -> list[Shown]:
    """Return the actor's and the team's views by name, with counts for the first 30.

    Lists are counted up to 99, searches among their newest lines. One statement, one more for each counted view, and one
    for a search that names a store.
    """
    shown = []
    for number, view in enumerate(list_views(actor)):
        try:
            wanted = parse(actor, view.query)
        except Invalid:  # it names something that no longer exists
            shown.append(Shown(view, Wanted("", Filters())))
            continue
        shown.append(Shown(view, wanted, _count(actor, wanted, zone) if number < COUNTED else None))
    return shown


def _count(actor: Actor, wanted: Wanted, zone: tzinfo) -> Count:
    if wanted.typed:
        return Count(*search.count_hits(actor, wanted.typed, WAITING_MOST - 1, zone=zone))
    found = inboxes.count_conversations(actor, WAITING_MOST, **wanted.filters.asked())
    return Count(min(found, WAITING_MOST - 1), found >= WAITING_MOST)


def _pairs(query: str) -> dict[str, str]:
    """Return the parameters of a query string, by the names of the pages."""
    if len(query) > VIEW_QUERY_MAX:
        raise _refused("too_long", _("This is too long."))
    try:
        pairs = parse_qsl(query, keep_blank_values=True, errors="strict", max_num_fields=20)
        urlencode(pairs).encode()
    except ValueError:  # not UTF-8, or endless
        raise _refused("invalid", _("This filter cannot be read.")) from None
    asked = {OF_API.get(name, name): value for name, value in pairs}
    if len(asked) < len(pairs) or not query.isprintable() or any("\0" in value for value in asked.values()):
        raise _refused("invalid", _("This filter cannot be read."))
    return asked


def _checked_name(name: str) -> str:
    sentences = {
        "required": _("Give it a name."),
        "too_long": _("This is too long."),
        "invalid_characters": _("This contains characters that cannot be stored."),
    }
    try:
        return clean_subject(name, VIEW_NAME_MAX)
    except TextRefused as refused:
        raise Invalid(FieldError("name", refused.code, sentences[refused.code])) from None


def _find(session: DbSession, actor: Actor, view_id: int) -> SavedView:
    view = session.scalar(select(SavedView).where(SavedView.id == view_id, SavedView.visible_to(actor)))
    if not isinstance(view, SavedView):
        raise NotFound
    return view


def _leave_room(session: Session, actor: Actor, shared: bool) -> None:
    of_whom = SavedView.user_id.is_(None) if shared else SavedView.user_id == actor.id
    kept = session.scalar(select(func.count()).select_from(SavedView).where(SavedView.of_team(actor), of_whom)) or 0
    if kept >= VIEWS_MAX:
        raise Invalid(FieldError("name", "too_many", _("There can be at most %(max)s views.", max=VIEWS_MAX)))


def _refused(code: str, sentence: str) -> Invalid:
    return Invalid(FieldError("query", code, sentence))
