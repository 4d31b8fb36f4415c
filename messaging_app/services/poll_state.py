"""The state that polls compare, for pages (`have=`) and the API (`ETag`). It is computed only here.

A state is a short text that changes whenever the page or answer it describes may change. It covers every column that
the queries read for a list or a thread's head, so a new column needs no change here. `more` are the caller's additions.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import fields

from pydantic_core import to_json

from messaging_app.queries.inbox import SeenHead
from messaging_app.services.inboxes import ConversationPage
from messaging_app.services.threads import Thread

UNKNOWN = "0-0-0"  # the state of a thread when only its new lines are known: the next poll shows everything


def of_count(unread: int, waiting: int | None = None) -> str:
    """Return the state of a badge: the unread total, and for teams how many conversations wait for them."""
    return str(unread) if waiting is None else f"{unread}-{waiting}"


def of_list(page: ConversationPage, *more: object) -> str:
    """Return the state of a page of conversations."""
    return _digest(page.rows, page.next_cursor, page.total, *more)


def of_views(shown: Iterable[object]) -> str:
    """Return the state of the saved views and their counts."""
    return _digest(*shown)


def of_thread(thread: Thread, *more: object) -> str:
    """Return the state of a thread: its last line, how many files were removed (see `removals_since`), and a digest.

    Leaves out the reader's own name and read position: a page shows the former elsewhere and changes the latter itself.
    """
    head, mine = thread.head, thread.mine
    columns = [getattr(head, field.name) for field in fields(SeenHead)]
    others = [
        (seat.participant_type, seat.participant_id, seat.participant_name, seat.last_read_seq, seat.last_read_at)
        for seat in thread.seats
        if seat is not mine
    ]
    mail = mine is not None and mine.email_notifications
    digest = _digest(columns, others, mail, head.continued_id, *more)
    return f"{head.last_seq}-{head.removed_files}-{digest}"


def removals_since(thread: Thread, state: str) -> int:
    """Return how many files were removed since the thread had `state`; 0 if `state` is malformed."""
    parts = state.split("-")
    if len(parts) != 3 or not (parts[1].isascii() and parts[1].isdigit()):
        return 0
    return max(int(thread.head.removed_files) - int(parts[1][:9]), 0)


def _digest(*shown: object) -> str:
    return hashlib.blake2b(to_json(shown), digest_size=12).hexdigest()
