"""What the console's pages have in common: lists, their addresses, the same rows as a file, and what was done."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from flask import Response, request, stream_with_context

from messaging_app.formats.times import iso
from messaging_app.queries.console import Asked
from messaging_app.web.htmx import whole_number

FORMULA = ("=", "+", "-", "@", "\t", "\r")
AT_ONCE = 200  # rows that leave in one piece


@dataclass(frozen=True, slots=True)
class Done:
    """What has just been done, as a toast says it; `undo` is where to take it back, with the fields of `values`."""

    text: str
    undo: str = ""
    values: tuple[tuple[str, str], ...] = ()


class ListAddress:
    """A list's own address with its filters: the links around it are this with a change."""

    def __init__(self, path: str, asked: Asked) -> None:
        self.path, self.asked = path, asked

    def __call__(self, **changes: object) -> str:
        """The address with `changes`, from the top unless they name a cursor."""
        return self.path + self._query(changes)

    def _query(self, changes: dict[str, object]) -> str:
        values = self.asked._asdict() | {"cursor": ""} | changes
        kept = {name: value for name, value in values.items() if value and (name, value) != ("sort", "name")}
        return f"?{urlencode(kept)}" if kept else ""


def what_is_asked() -> Asked:
    """What the query asks of a list; whether there is such a filter its service says."""
    args = request.args
    return Asked(
        args.get("q", "").replace("\0", "").strip()[:200],
        args.get("status", ""),
        args.get("sort") or "name",
        args.get("cursor", ""),
        whole_number("store_id"),
    )


def number_of(text: str) -> int | None:
    """The number that an address names, or None where it names none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def as_csv(name: str, rows: Iterable[tuple[object, ...]]) -> Response:
    """`rows` as a file that streams; whatever a spreadsheet would take for a formula is marked as text."""
    pieces = stream_with_context(_pieces(rows))
    response = Response(pieces, mimetype="text/csv")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return response


def _pieces(rows: Iterable[tuple[object, ...]]) -> Iterator[bytes]:
    out = io.StringIO()
    write = csv.writer(out).writerow
    yield "\ufeff".encode()  # or spreadsheets take it for another encoding
    for number, row in enumerate(rows, 1):
        write([_cell(value) for value in row])
        if number % AT_ONCE == 0:
            yield out.getvalue().encode()
            out.seek(0)
            out.truncate()
    yield out.getvalue().encode()


def _cell(value: object) -> str:
    if isinstance(value, datetime):
        return iso(value)
    if value is None or isinstance(value, bool):
        return json.dumps(value) if value is not None else ""
    text = str(value)
    return f"'{text}" if text.startswith(FORMULA) else text
