"""Where the words of a search begin in a name, an address or a code, so that a list can mark them."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

from messaging_app.text import search_key

Range = tuple[int, int]  # start and end in code points, end exclusive


def hits(text: str, q: str) -> list[Range]:
    """Return the parts of `text` that the words of `q` find, in order and apart; see `search_words`."""
    words = search_key(q).split()
    found: list[Range] = []
    for start in _beginnings(text) if words else ():
        if found and start < found[-1][1]:
            continue
        end = max(_end_of(text, start, word) for word in words)
        if end > start:
            found.append((start, end))
    return found


def _beginnings(text: str) -> Iterator[int]:
    before = " "
    for place, char in enumerate(text):
        divides = before == "-" or (not search_key(before) and not unicodedata.combining(before))
        if divides and search_key(char):
            yield place
        before = char


def _end_of(text: str, start: int, word: str) -> int:
    """Return where `word` ends that begins at `start`; `start` itself where it does not begin there."""
    for end in range(start + 1, len(text) + 1):
        key = search_key(text[start:end])
        if key.startswith(word):
            return end
        if not word.startswith(key):
            break
    return start
