"""The audit trail for admins: one sentence per entry, filters, and exports."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, time
from functools import partial
from itertools import groupby
from urllib.parse import urlencode

from flask import Response, request, stream_with_context
from flask.typing import ResponseReturnValue
from pydantic_core import to_json

from messaging_app.actors import Actor
from messaging_app.doctor import runs
from messaging_app.formats.reader import reader_zone, today
from messaging_app.formats.times import local_date
from messaging_app.services import trail, trail_search
from messaging_app.services.trail_search import Asked
from messaging_app.services.trail_words import GROUPS, Described
from messaging_app.web.htmx import page_or_fragment
from messaging_app.web.views.console import as_csv

AT = "/admin/audit"
COLUMNS = (
    *("id", "at", "actor_type", "actor_name", "actor_email", "action", "object_type", "object_id", "object_name"),
    *("object_email", "before", "after", "address", "request_id", "hash"),
)


def show_trail(actor: Actor) -> ResponseReturnValue:
    """Show a page of the trail, newest first."""
    asked = _asked()
    listed = trail_search.list_trail(actor, asked, _midnight())
    days = [(of_day[0].entry.at, of_day) for of_day in _by_day(listed.entries)]
    return page_or_fragment(
        "audit/index.html",
        "audit/_list.html",
        asked=asked,
        listed=listed,
        days=days,
        at=partial(_address, asked),
        groups={name: title for name, (title, _nouns) in GROUPS.items()},
        is_group=not asked.action or asked.action in GROUPS,
        chain=runs.chain(),
    )


def export_csv(actor: Actor) -> ResponseReturnValue:
    """Export the matching entries as CSV, oldest first."""
    entries = trail_search.export_trail(actor, _asked(), _midnight())
    rows = (tuple(getattr(entry, name) for name in COLUMNS) for entry in entries)
    return as_csv("audit", _headed(rows))


def export_lines(actor: Actor) -> ResponseReturnValue:
    """Export the matching entries as JSON lines, in the API's format."""
    entries = trail_search.export_trail(actor, _asked(), _midnight())
    lines = (to_json(trail.as_json(entry)) + b"\n" for entry in entries)
    response = Response(stream_with_context(lines), mimetype="application/x-ndjson")
    response.headers["Content-Disposition"] = 'attachment; filename="audit.jsonl"'
    return response


def _headed(rows: Iterator[tuple[object, ...]]) -> Iterator[tuple[object, ...]]:
    yield COLUMNS
    yield from rows


def _asked() -> Asked:
    """Parse the query. `q` is an alias of `person`; `action` may be a group or a single action."""
    words = {name: request.args.get(name, "").replace("\0", "").strip()[:254] for name in ("q", *Asked._fields)}
    person = words.pop("q")
    return Asked(**words | {"person": words["person"] or person})


def _address(asked: Asked, path: str = AT, **changes: str) -> str:
    """Return the URL of the same search with `changes`, from the top unless they include a cursor."""
    kept = {name: value for name, value in (asked._asdict() | {"cursor": ""} | changes).items() if value}
    return f"{path}?{urlencode(kept)}" if kept else path


def _midnight() -> datetime:
    return datetime.combine(today(), time.min, reader_zone())


def _by_day(entries: list[Described]) -> Iterator[list[Described]]:
    for _day, of_day in groupby(entries, key=lambda told: local_date(told.entry.at)):
        yield list(of_day)
