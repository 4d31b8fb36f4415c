"""A message's files as templates and the API see them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeAlias

from flask_babel import gettext

from messaging_app.files import BY_STORED

Item: TypeAlias = dict[str, Any]  # a file in JSON, with the keys of `queries.thread.FILE`
KINDS = {kind.mime: kind for kind in BY_STORED.values()}
ALONE, AMONG_OTHERS = (320, 240), (184, 184)  # maximum size of an image in a thread, in CSS pixels
TABLES = {BY_STORED[ext].mime for ext in ("xls", "xlsx", "csv")}


@dataclass(slots=True)
class FileView:
    """One attachment in a thread. Width and height are the thumbnail's. A removed file has who, when and why."""

    id: int
    filename: str
    mime_type: str
    size: int
    label: str
    is_image: bool
    thumbnail_width: int | None
    thumbnail_height: int | None
    scanned: bool
    removed_at: datetime | None
    removed_by_type: str | None
    removed_by_id: int | None
    removed_by_name: str | None
    removed_reason: str | None

    @property
    def icon(self) -> str:
        """The icon of its card."""
        return "file-spreadsheet" if self.mime_type in TABLES else "file-text"

    def shown_size(self, *, alone: bool) -> tuple[int, int]:
        """Return width and height in the thread: in proportion and never enlarged."""
        width, height = self.thumbnail_width or 1, self.thumbnail_height or 1
        most = ALONE if alone else AMONG_OTHERS
        scale = min(1, most[0] / width, most[1] / height)
        return max(1, round(width * scale)), max(1, round(height * scale))


def files_of(listed: str | None) -> list[FileView]:
    """Return the files in the column `files` of a thread's lines (see `queries/thread.py`)."""
    return files_in(json.loads(listed)) if listed else []


def files_in(items: list[Item]) -> list[FileView]:
    """Return the files in a list of objects."""
    return [_file(item) for item in items]


def _file(item: Item) -> FileView:
    removed = item.pop("removed_at")
    kind = KINDS.get(item["mime_type"])
    return FileView(
        **item | {"scanned": bool(item["scanned"])},
        label=gettext(kind.label) if kind else item["mime_type"],
        is_image=bool(kind and kind.is_image),
        removed_at=moment_in_json(removed) if removed else None,
    )


def moment_in_json(text: str) -> datetime:
    """Parse a time from JSON: PostgreSQL includes the zone, SQLite's text is UTC without a zone."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
