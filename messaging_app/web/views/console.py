"""What the console's pages share: lists, their URLs, CSV exports, and notices."""

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
AT_ONCE = 200  # rows per chunk


@dataclass(frozen=True, slots=True)
class Done:
    """A notice about a finished action. `undo` is the URL that undoes it by a POST of `values`."""

    text: str
    undo: str = ""
    values: tuple[tuple[str, str], ...] = ()


class ListAddress:
    """A list's URL with its filters. Links in the page are this URL with changes."""

    def __init__(self, path: str, asked: Asked) -> None:
        self.path, self.asked = path, asked

    def __call__(self, **changes: object) -> str:
        """Return the URL with `changes`, from the top unless they include a cursor."""
        return self.path + self._query(changes)

    def _query(self, changes: dict[str, object]) -> str:
        values = self.asked._asdict() | {"cursor": ""} | changes
        kept = {name: value for name, value in values.items() if value and (name, value) != ("sort", "name")}
        return f"?{urlencode(kept)}" if kept else ""


def what_is_asked() -> Asked:
    """Parse the query into a filter. The service validates the values."""
    args = request.args
    return Asked(
        args.get("q", "").replace("\0", "").strip()[:200],
        args.get("status", ""),
        args.get("sort") or "name",
        args.get("cursor", ""),
        whole_number("store_id"),
    )


def number_of(text: str) -> int | None:
    """Return `text` as a number, or None if it is not one."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def as_csv(name: str, rows: Iterable[tuple[object, ...]]) -> Response:
    """Stream `rows` as a CSV file. Cells that a spreadsheet would run as formulas are marked as text."""
    pieces = stream_with_context(_pieces(rows))
    response = Response(pieces, mimetype="text/csv")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return response


def _pieces(rows: Iterable[tuple[object, ...]]) -> Iterator[bytes]:
    out = io.StringIO()
    write = csv.writer(out).writerow
    yield "\ufeff".encode()  # without it Excel does not read the file as UTF-8
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
