"""What the console's services share: access checks, and a page of a list."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask_babel import lazy_gettext as _

from messaging_app.actors import Actor, ActorType
from messaging_app.errors import FieldError, Invalid, NotAllowed, NotFound
from messaging_app.policies import CONSOLE
from messaging_app.queries.console import COUNT_UP_TO, SORTS, STATUSES, Asked
from messaging_app.text import search_key, search_words

PAGE = 25
EXPORTED_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class ListPage:
    """A page of a list. `total` is the number of rows, counted up to `COUNT_UP_TO` + 1; None in a search."""

    rows: list[Any]
    next_cursor: str
    total: int | None = None

    @property
    def more_than_counted(self) -> bool:
        """Whether counting stopped at the limit."""
        return (self.total or 0) > COUNT_UP_TO


def require_sight(actor: Actor, resource: str, store_id: int | None = None) -> None:
    """Raise `NotFound` unless `actor` sees this resource (of this store)."""
    foreign = actor.type == ActorType.STORE and store_id not in (None, actor.store_id)
    if foreign or not CONSOLE[resource].is_seen_by(actor):
        raise NotFound


def require_right(actor: Actor, resource: str, store_id: int | None = None) -> None:
    """Raise `NotFound` unless `actor` sees this resource (of this store), `NotAllowed` unless they may change it."""
    require_sight(actor, resource, store_id)
    if not CONSOLE[resource].is_changed_by(actor):
        raise NotAllowed


def check_asked(asked: Asked) -> None:
    """Raise `Invalid` on field `status` or `sort` for an unknown value."""
    errors = []
    if asked.status and asked.status not in STATUSES:
        errors.append(FieldError("status", "invalid", _("The status must be active or inactive.")))
    if asked.sort not in SORTS:
        errors.append(FieldError("sort", "invalid", _("The sort order must be name, -name or newest.")))
    if errors:
        raise Invalid(*errors)


def is_found(q: str, *texts: str) -> bool:
    """Whether every word of `q` is a prefix of a word in `texts`: the same rule as in the long lists."""
    words = search_words(*texts)
    return all(any(word.startswith(wanted) for word in words) for wanted in search_key(q).split())
