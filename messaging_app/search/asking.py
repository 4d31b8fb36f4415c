"""Parses the search field: words, phrases in quotes, and filters such as `from:sam` or `is:open`.

Anything that is not a known filter is treated as text, so no input is an error. To add a filter, add a row to `FILTERS`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import NamedTuple

from messaging_app.search.documents import ANY_LINE, DATE, SENDER, WITH_FILE
from messaging_app.text.words import KEY_MAX, Piece, pieces

_PARTS = re.compile(r'(?:(?P<name>[a-z]+):)?"(?P<phrase>[^"]*)(?P<closed>"?)|(?P<word>[^\s"]+)', re.IGNORECASE)
_QUOTES = str.maketrans("\u201c\u201d\u201e\u201f\u00ab\u00bb\uff02", '"' * 7)
_DATE = re.compile(r"(\d{4})(?:-(\d{1,2})(?:-(\d{1,2}))?)?")
FIRST_YEAR, LAST_YEAR = 1970, 2099


class Key(NamedTuple):
    """A word of the index, or the beginning of one."""

    text: str
    is_beginning: bool = False


Clause = tuple[Key, ...]  # a document must have at least one of these


STATES = ("unread", "open", "closed", "waiting")  # the values of `is:`; `queries.search` defines each


@dataclass(frozen=True, slots=True)
class Item:
    """Adjacent words. The last one matches as a prefix unless the item is `whole`, a phrase in quotes."""

    pieces: tuple[Piece, ...]
    whole: bool = False

    def clauses(self) -> list[Clause]:
        """Return what the index must contain. It does not know the order of words; `marks.find` checks the text."""
        found: list[Clause] = []
        for number, piece in enumerate(self.pieces):
            following = self.pieces[number + 1] if number + 1 < len(self.pieces) else None
            if piece.dense and following is not None and following.glued:
                found.append((Key(piece.key + following.key),))
            elif piece.dense:
                found += [] if piece.glued else [(Key(piece.key, is_beginning=True),)]
            else:
                goes_on = (following is None and not self.whole) or len(piece.key) >= KEY_MAX
                found.append((Key(piece.key[:KEY_MAX], goes_on),))
        return found


@dataclass(slots=True)
class Question:
    """A parsed query. Everything must match; words and phrases within one message, or within subject and names."""

    items: list[Item] = field(default_factory=list)
    senders: list[Item] = field(default_factory=list)
    stores: list[Item] = field(default_factory=list)
    states: set[str] = field(default_factory=set)
    since: datetime | None = None
    until: datetime | None = None
    with_file: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether there is neither a word nor a filter."""
        return self == Question()

    @property
    def wants_line(self) -> bool:
        """Whether only messages can match, not a conversation's subject and names."""
        return bool(self.senders or self.with_file or self.since or self.until or not self.items)

    def is_exactly(self, reference: str) -> bool:
        """Whether the query's words are exactly this reference."""
        words = [piece.key for item in self.items for piece in item.pieces]
        return bool(words) and words == [piece.key for item in _items(reference) for piece in item.pieces]

    def clauses(self) -> list[Clause]:
        """Return what the index must contain: every clause."""
        found = [clause for item in self.items for clause in item.clauses()]
        for sender in self.senders:
            found += [tuple(Key(SENDER + key.text, key.is_beginning) for key in clause) for clause in sender.clauses()]
        if self.with_file:
            found.append((Key(WITH_FILE),))
        if self.since or self.until:
            found.append(_days(self.since, self.until))
        return found or [(Key(ANY_LINE),)]


def parse(typed: str, zone: tzinfo) -> Question:
    """Parse a query. Days begin at midnight in `zone`."""
    question = Question()
    for part in _PARTS.finditer(typed.translate(_QUOTES)):
        name, phrase, word = part["name"], part["phrase"], part["word"]
        if phrase is None:
            head, colon, value = word.partition(":")
            name, value = (head, value) if colon else (None, word)
        else:
            value = phrase
        known = FILTERS.get(name.lower()) if name else None
        if known and (known(question, value, zone) if value else True):
            continue  # a filter without a value yet is ignored
        question.items += _items(
            value if phrase is not None else word, whole=phrase is not None and bool(part["closed"])
        )
    return question


def filters_in(typed: str) -> list[tuple[str, str, str]]:
    """Return the filters in a query: name, value, and the text as typed."""
    found = []
    for part in _PARTS.finditer(typed.translate(_QUOTES)):
        name, value = part["name"], part["phrase"]
        if value is None:
            name, _colon, value = part["word"].partition(":")
        known = FILTERS.get((name or "").lower())
        if known and value and known(Question(), value, UTC):
            found.append((name.lower(), value, typed[part.start() : part.end()]))
    return found


def _items(text: str, *, whole: bool = False) -> list[Item]:
    found = sorted(pieces(text), key=lambda piece: (piece.at, -piece.after))
    chosen, at = [], 0
    for piece in found:  # "o'brien" counts as one word here, not as its parts
        if piece.at == at:
            chosen.append(piece)
            at = piece.after
    return [Item(tuple(chosen), whole)] if chosen else []


def _from(question: Question, value: str, _zone: tzinfo) -> bool:
    items = [item for word in value.split() for item in _items(word)]
    question.senders += items
    return bool(items)


def _store(question: Question, value: str, _zone: tzinfo) -> bool:
    items = [item for word in value.split() for item in _items(word)]
    question.stores += items
    return bool(items)


def _has(question: Question, value: str, _zone: tzinfo) -> bool:
    question.with_file = question.with_file or value.lower() in ("file", "files")
    return value.lower() in ("file", "files")


def _is(question: Question, value: str, _zone: tzinfo) -> bool:
    if value.lower() in STATES:
        question.states.add(value.lower())
    return value.lower() in STATES


def _before(question: Question, value: str, zone: tzinfo) -> bool:
    if (at := _moment(value, zone)) is not None:
        question.until = min(at, question.until or at)
    return at is not None


def _after(question: Question, value: str, zone: tzinfo) -> bool:
    if (at := _moment(value, zone)) is not None:
        question.since = max(at, question.since or at)
    return at is not None


FILTERS: dict[str, Callable[[Question, str, tzinfo], bool]] = {
    "from": _from,
    "store": _store,
    "has": _has,
    "is": _is,
    "before": _before,
    "after": _after,
}


def _moment(value: str, zone: tzinfo) -> datetime | None:
    """Return the start of a day, month or year (`2026-11-30`, `2026-11`, `2026`), or None if `value` is none of them."""
    found = _DATE.fullmatch(value)
    if found is None:
        return None
    year, month, day = (int(part or 1) for part in found.groups())
    if not FIRST_YEAR < year < LAST_YEAR:
        return None
    try:
        return datetime.combine(date(year, month, day), time(), zone)
    except ValueError:
        return None


def _days(since: datetime | None, until: datetime | None) -> Clause:
    """Return keys that match the days between two moments, and one day more at either end because of time zones."""
    first = since.date() - timedelta(days=1) if since else date(FIRST_YEAR, 1, 1)
    last = until.date() + timedelta(days=1) if until else date(LAST_YEAR, 12, 31)
    keys, day = [], first
    while day <= last:
        year_end = date(day.year, 12, 31)
        month_end = (day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
        if (day.month, day.day) == (1, 1) and year_end <= last:
            length, day = 4, year_end
        elif day.day == 1 and month_end <= last:
            length, day = 6, month_end
        else:
            length = 8
        keys.append(Key(DATE + f"{day:%Y%m%d}"[:length], is_beginning=True))
        day += timedelta(days=1)
    return tuple(keys) or (Key(DATE + "0"),)
