"""The audit trail page: turns input into filters, and entries into sentences."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from flask_babel import lazy_gettext as _
from sqlalchemy import func, or_, select

from messaging_app.actors import Actor
from messaging_app.errors import FieldError, Invalid
from messaging_app.extensions import db
from messaging_app.models import AuditEntry, Customer, RecipientTerm, Store, User
from messaging_app.queries.trail import Filters
from messaging_app.queries.words import term_range, words_of
from messaging_app.services import trail
from messaging_app.services.console import require_right, require_sight
from messaging_app.services.settings import SETTINGS
from messaging_app.services.trail_words import SENTENCES, Described, actions_of, describe
from messaging_app.text import email_key, search_key

PAGE = 50
MOST_PEOPLE = 20  # people matched by the beginning of their name
TIMES = {"today": 0, "7": 7, "30": 30, "90": 90}  # days back from the beginning of today
KINDS = ("address", "attachment", "customer", "directory", "export", "invitation", "list", "platform", "setting")
OBJECT_KINDS = frozenset((*KINDS, "store", "token", "user"))


class Asked(NamedTuple):
    """A search of the trail. `person` and `object` are as typed, `action` is a group or an action, `time` one of TIMES."""

    person: str = ""
    action: str = ""
    object: str = ""
    time: str = ""
    cursor: str = ""


class TrailPage(NamedTuple):
    """A page of the trail, newest first. `total` is the number of entries; None in a search."""

    entries: list[Described]
    next_cursor: str
    total: int | None


def list_trail(actor: Actor, asked: Asked, midnight: datetime) -> TrailPage:
    """Return a page. `midnight` is the start of the reader's day. Raises `Invalid` for an unknown filter."""
    require_sight(actor, "audit")
    filters = filters_of(asked, midnight)
    below = _cursor(asked.cursor)
    found = trail.list_entries(filters, below=below, limit=PAGE + 1) if filters else []
    page = found[:PAGE]
    cursor = str(page[-1].id) if len(found) > PAGE else ""
    return TrailPage(
        [describe(entry) for entry in page], cursor, trail.count_entries() if filters == Filters() else None
    )


def export_trail(actor: Actor, asked: Asked, midnight: datetime) -> Iterator[AuditEntry]:
    """Yield all matching entries, oldest first. The export itself is recorded in the trail."""
    require_right(actor, "audit")
    filters = filters_of(asked, midnight)
    trail.record_export(actor, filters)
    return trail.all_entries(filters) if filters else iter(())


def filters_of(asked: Asked, midnight: datetime) -> Filters | None:
    """Return the filters, or None if nothing can match. At most three statements."""
    if asked.action and not actions_of(asked.action):
        raise Invalid(FieldError("action", "invalid", _("Choose an action from the list.")))
    if asked.time and asked.time not in TIMES:
        raise Invalid(FieldError("time", "invalid", _("Choose a time from the list.")))
    people = _people(asked.person) if asked.person else ()
    if asked.person and not people:
        return None
    since = midnight - timedelta(days=TIMES[asked.time]) if asked.time else None
    return Filters(people, _object(asked.object), actions_of(asked.action), since)


def _people(typed: str) -> tuple[str, ...]:
    """Return the e-mails of people found by e-mail, or by the beginning of any word of their name."""
    if "@" in typed:
        return (email_key(typed),)
    words = words_of(typed)
    if not words:
        return ()
    name, begins = func.lower(User.name), search_key(typed).replace("%", "")
    users = select(User.email_key).where(or_(name.like(f"{begins}%"), name.like(f"% {begins}%"))).limit(MOST_PEOPLE)
    ids = select(RecipientTerm.recipient_id).where(*term_range("customer", words, None)).limit(MOST_PEOPLE)
    customers = select(Customer.email_key).where(Customer.id.in_(ids))
    found = [*db.session.scalars(users), *db.session.scalars(customers)]
    return tuple(dict.fromkeys(found))[:MOST_PEOPLE]


def _object(typed: str) -> str:
    """Return `typed` as `Filters.object`: a `type:id`, type, e-mail, setting key, or a store's code or name."""
    kind = typed.partition(":")[0].strip().lower()
    if not typed or "@" in typed:
        return email_key(typed)
    if kind in OBJECT_KINDS:
        return typed if ":" in typed else kind
    if typed in SETTINGS:
        return f"setting:{typed}"
    by_label = {search_key(str(setting.label)): key for key, setting in SETTINGS.items()}
    if search_key(typed) in by_label:
        return f"setting:{by_label[search_key(typed)]}"
    named = or_(func.lower(Store.code) == typed.lower(), Store.sort_name == search_key(typed))
    code = db.session.scalar(select(Store.code).where(named).order_by(Store.id).limit(1))
    return f"store:{code or typed}"


def _cursor(cursor: str) -> int | None:
    if not cursor:
        return None
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) < 19):
        raise Invalid(FieldError("cursor", "invalid", _("This page does not exist.")))
    return int(cursor)


def known_actions() -> list[str]:
    """Return every action that has a sentence."""
    return sorted({key.partition("/")[0] for key in SENTENCES})
