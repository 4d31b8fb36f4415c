"""Attachments: rows compared with their messages, and with the files in storage."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

from sqlalchemy import ScalarSelect, case, exists, func, or_, select, union_all, update
from sqlalchemy.engine import Connection

from messaging_app.db.engine import now
from messaging_app.db.types import table_of
from messaging_app.doctor import delayed
from messaging_app.doctor.checks import Query, first_of, some
from messaging_app.extensions import db
from messaging_app.files import sweep_copies
from messaging_app.models import Message, MessageAttachment, NoteAttachment
from messaging_app.services.attachments import storage
from messaging_app.storage import FileMissing, StorageUnavailable

IN_FLIGHT = timedelta(hours=1)  # a file without a row may belong to a send that is not yet committed
PREFIX = "messages/"
FILES, NOTE_FILES = table_of(MessageAttachment), table_of(NoteAttachment)


def find_misplaced(connection: Connection) -> str | None:
    """An attachment repeats its message's position, and a message its number of attachments."""
    if (found := first_of(connection, _misplaced())) is not None:
        return f"{some(found[1], 'attachment')} say another place than their message (first: {found[0].id})"
    if (found := first_of(connection, _miscounted())) is not None:
        return f"{some(found[1], 'message')} with a wrong number of attachments (first: {found[0].id})"
    return None


def put_right(connection: Connection) -> None:
    """Copy the position from the message and recount."""
    of_message = Message.id == FILES.c.message_id
    place = {name: select(Message.__table__.c[name]).where(of_message).scalar_subquery() for name in _PLACE}
    connection.execute(update(FILES).where(FILES.c.id.in_(select(_misplaced().subquery().c.id))).values(place))
    wrong = select(_miscounted().subquery().c.id)
    connection.execute(update(Message).where(Message.id.in_(wrong)).values(attachment_count=_count()))


def find_unlike_storage(connection: Connection) -> str | None:
    """Every attachment has its file, every file its row, and a removed attachment no file."""
    try:
        missing, left, strays = _compare(connection)
    except StorageUnavailable as error:
        return f"the storage cannot be read: {error}"
    said = [
        f"{some(len(keys), noun)} {what} (first: {keys[0]})"
        for keys, noun, what in (
            (missing, "file", "missing from storage"),
            (left, "removed file", "still in storage"),
            (strays, "file", "in storage without a row"),
        )
        if keys
    ]
    return "; ".join(said) or None


def sweep(connection: Connection) -> None:
    """Delete orphaned files. Missing files are only reported."""
    _missing, left, strays = _compare(connection)
    for key in (*left, *strays):
        storage().delete(key)


def sweep_unplaced() -> None:
    """Delete unfinished uploads of killed processes, which `find_unlike_storage` does not see."""
    sweep_copies(IN_FLIGHT)
    with suppress(StorageUnavailable):  # `find_unlike_storage` reports that
        storage().sweep(IN_FLIGHT)


_PLACE = ("conversation_id", "seq")


def _misplaced() -> Query:
    differs = or_(*(FILES.c[name] != Message.__table__.c[name] for name in _PLACE))
    return select(FILES.c.id).join(Message, Message.id == FILES.c.message_id).where(differs)


def _count() -> ScalarSelect[int]:
    return select(func.count()).where(FILES.c.message_id == Message.id).correlate(Message).scalar_subquery()


def _miscounted() -> Query:
    has_some = exists().where(FILES.c.message_id == Message.id)
    counted = case((or_(Message.attachment_count != 0, has_some), _count()), else_=0)
    return select(Message.id).where(Message.attachment_count != counted)


def _compare(connection: Connection) -> tuple[list[str], list[str], list[str]]:
    """Return missing keys, keys of removed files that still exist, and keys without a row.

    Storage is listed before the rows are read, so a file removed meanwhile is not reported as missing. Uses about 200
    bytes of memory per file.
    """
    stored = {file.key: file for file in storage().keys(PREFIX)}
    missing, left, waiting = [], [], []
    known: set[str] = set()
    names = ("key", "thumbnail_key", "size", "removed_at")
    both = union_all(*(select(*(table.c[name] for name in names)) for table in (FILES, NOTE_FILES)))
    for row in connection.execute(both.execution_options(yield_per=5_000)):
        for key, size in ((row.key, row.size), (row.thumbnail_key, None)):
            if key is None:
                continue
            known.add(key)
            file = stored.get(key)
            if row.removed_at is not None:
                left += [key] if file else []
            elif file is None or size not in (None, file.size):
                missing.append(key)
    for key, size in delayed.files_waiting(connection):
        if key not in known and (key not in stored or size not in (None, stored[key].size)) and _is_gone(key, size):
            waiting.append(key)
        known.add(key)
    young = now() - IN_FLIGHT
    strays = [key for key, file in stored.items() if key not in known and file.modified < young]
    return [*_really_missing(missing), *waiting], left, strays


def _is_gone(key: str, size: int | None) -> bool:
    """Whether a file is not there now, or is another: it may have come after storage was listed."""
    try:
        found = storage().size(key)
    except FileMissing:
        return True
    return size not in (None, found)


def _really_missing(keys: list[str]) -> list[str]:
    """Return those of `keys` that are still missing: not sent after storage was listed, nor removed since."""
    confirmed = []
    for key in keys:
        with db.engine.connect() as second:
            rows = (
                select(table.c.removed_at, table.c.key, table.c.size).where(
                    or_(table.c.key == key, table.c.thumbnail_key == key)
                )
                for table in (FILES, NOTE_FILES)
            )
            row = second.execute(union_all(*rows)).one_or_none()
        if row is None or row.removed_at is not None:
            continue
        try:
            size = storage().size(key)
        except FileMissing:
            confirmed.append(key)
            continue
        if row.key == key and size != row.size:
            confirmed.append(key)
    return confirmed
