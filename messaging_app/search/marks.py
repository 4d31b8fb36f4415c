"""Finds the matches of a query in a text, and cuts out the excerpt that shows them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from messaging_app.search.asking import Item
from messaging_app.text.words import Piece, pieces

EXCERPT_MAX = 160
BEFORE = 40  # characters kept before the first match if the text has to be cut
_SPACE = re.compile(r"\s")
Range = tuple[int, int]


class Excerpt(NamedTuple):
    """Part of a text in one line. `ranges` are the matches in it, in code points, end excluded."""

    text: str
    ranges: list[Range]


def find(item: Item, text: str) -> list[Range]:
    """Return the ranges of `text` in which the words of `item` are adjacent."""
    by_place: dict[int, list[Piece]] = {}
    for piece in pieces(text):
        by_place.setdefault(piece.at, []).append(piece)
    found = []
    for starting in by_place.values():
        for piece in starting:
            ends = [end for end in _ends(item, 0, piece, by_place) if end is not None]
            found += [(piece.start, max(ends))] if ends else []
    return found


def _ends(item: Item, number: int, piece: Piece, by_place: dict[int, list[Piece]]) -> Iterator[int]:
    """Yield the end of each match of `item` that begins with `piece`."""
    wanted, is_last = item.pieces[number], number == len(item.pieces) - 1
    goes_on = is_last and not item.whole
    same = piece.key.startswith(wanted.key) if goes_on else piece.key == wanted.key
    if not same or (wanted.glued and number > 0 and not piece.glued):
        return
    if is_last:
        yield piece.end
        return
    for following in by_place.get(piece.after, ()):
        yield from _ends(item, number + 1, following, by_place)


def marked(items: Sequence[Item], texts: Sequence[str]) -> list[list[Range]] | None:
    """Return the matches in each text, or None if any item is in none of the texts."""
    found = [[find(item, text) for text in texts] for item in items]
    if not all(any(of_item) for of_item in found):
        return None
    return [merged(span for of_item in found for span in of_item[number]) for number in range(len(texts))]


def excerpt(text: str, ranges: list[Range]) -> Excerpt:
    """Return the part of `text` around its first match, in one line."""
    start = 0
    if ranges and len(text) > EXCERPT_MAX and ranges[0][0] > BEFORE:
        start = ranges[0][0] - BEFORE
        if (space := text.find(" ", start, ranges[0][0])) != -1:
            start = space + 1
    end = min(len(text), start + EXCERPT_MAX)
    shown, lead = _SPACE.sub(" ", text[start:end]), "…" if start else ""
    moved = [(max(a, start), min(b, end)) for a, b in ranges if a < end and b > start]
    shift = len(lead) - start
    return Excerpt(f"{lead}{shown}{'…' if end < len(text) else ''}", [(a + shift, b + shift) for a, b in moved])


def joined(texts: Sequence[str], ranges: Sequence[list[Range]]) -> Excerpt:
    """Join the texts that contain a match into one excerpt, separated by dots."""
    whole, moved = "", []
    for text, of_text in zip(texts, ranges, strict=True):
        if of_text:
            whole += " · " if whole else ""
            moved += [(a + len(whole), b + len(whole)) for a, b in of_text]
            whole += text
    return excerpt(whole, moved)


def merged(spans: Iterable[Range]) -> list[Range]:
    """Return the ranges sorted, overlapping ones merged."""
    found: list[Range] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found
