"""Splits text into words with their positions, the same way for indexed text and for queries.

A word is a run of letters, marks and digits, folded by `search_key`. Scripts without spaces between words (Chinese,
Japanese, Thai, Lao, Khmer, Burmese) are cut into characters, which the index pairs.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from itertools import zip_longest
from typing import NamedTuple

from messaging_app.text import is_apostrophe, is_joiner, search_key

KEY_MAX = 40  # characters of a word in the index; longer words are compared in full afterwards
_PLAIN = re.compile("[A-Za-z0-9]+")
_DENSE = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Burmese
    (0x1780, 0x17FF),  # Khmer
    (0x3005, 0x3007),  # iteration mark, closing mark and zero of Chinese and Japanese
    (0x3040, 0x312F),  # kana, Bopomofo
    (0x31A0, 0x31FF),
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0xFF66, 0xFF9F),  # half-width kana
    (0x1B000, 0x1B16F),
    (0x20000, 0x3FFFF),
)


class Piece(NamedTuple):
    """A word, or one character of a script without spaces; `start` and `end` are code points of the text.

    `at` is its number in the text, `after` that of the next one. Words around an apostrophe are pieces, and so is the
    whole without it (`obrien` of `O'Brien`), which takes the place of all of them. `glued`: follows the character
    before without a break.
    """

    key: str
    start: int
    end: int
    at: int
    after: int
    dense: bool = False
    glued: bool = False


def pieces(text: str) -> list[Piece]:
    """Return the words of `text` in their order."""
    if _is_plain(text):
        words = _PLAIN.finditer(text)
        return [Piece(word[0].lower(), word.start(), word.end(), at, at + 1) for at, word in enumerate(words)]
    found: list[Piece] = []
    chain: list[tuple[int, Run]] = []  # runs that only an apostrophe divides, with the numbers of their first pieces
    at = 0
    for run in _runs(text):
        if chain and not _is_joint(text, chain[-1][1], run):
            found.extend(_whole(text, chain, at))
            chain = []
        if run.kind == "word":
            chain.append((at, run))
        for key, start, end, glued in _characters(text, run) if run.kind == "dense" else _words(text, run):
            found.append(Piece(key, start, end, at, at + 1, run.kind == "dense", glued))
            at += 1
    found.extend(_whole(text, chain, at))
    return found


def index_keys(text: str) -> set[str]:
    """Return the keys of `text` for the index: its words, and pairs of characters in scripts without spaces."""
    if _is_plain(text):
        return {key[:KEY_MAX] for key in _PLAIN.findall(text.lower())}
    found = pieces(text)
    keys = {piece.key[:KEY_MAX] for piece in found if not piece.dense}
    dense = [piece for piece in found if piece.dense]
    for piece, following in zip_longest(dense, dense[1:]):
        keys.add(piece.key + following.key if following and following.glued else piece.key)
    return keys


class Run(NamedTuple):
    """A stretch of characters of one kind: "word" or "dense"."""

    kind: str
    start: int
    end: int


def _is_plain(text: str) -> bool:
    return text.isascii() and "'" not in text and "`" not in text


def _whole(text: str, chain: list[tuple[int, Run]], after: int) -> Iterator[Piece]:
    """Yield the runs of a chain as one piece, if there are several and they fold to one word."""
    if len(chain) > 1:
        (at, first), (_, last) = chain[0], chain[-1]
        key = _folded(text[first.start : last.end])
        if key and " " not in key:
            yield Piece(key, first.start, last.end, at, after)


def _is_joint(text: str, left: Run, right: Run) -> bool:
    one_between = right.start - left.end == 1 and is_apostrophe(text[left.end])
    return one_between and right.kind == "word"


def _runs(text: str) -> Iterator[Run]:
    """Yield the runs of `text`. Invisible characters inside a run belong to it."""
    kind, start, end = "", 0, 0
    for place, char in enumerate(text):
        this = _kind(char)
        if this == "joiner":
            continue
        if this != kind:
            if kind:
                yield Run(kind, start, end)
            kind, start = this, place
        end = place + 1
    if kind:
        yield Run(kind, start, end)


def _words(text: str, run: Run) -> Iterator[tuple[str, int, int, bool]]:
    for key in _folded(text[run.start : run.end]).split():
        yield key, run.start, run.end, False


def _characters(text: str, run: Run) -> Iterator[tuple[str, int, int, bool]]:
    """Yield the folded characters of a run with their places. Marks share the place of the character before them."""
    glued, start = False, run.start
    while start < run.end:
        end = start + 1
        while end < run.end and (unicodedata.category(text[end])[0] in "MC" or text[end] in "\uff9e\uff9f"):
            end += 1
        for char in _folded(text[start:end]).replace(" ", ""):
            yield char, start, end, glued
            glued = True
        start = end


@lru_cache(maxsize=16_384)
def _folded(run: str) -> str:
    return search_key(run)


@lru_cache(maxsize=16_384)
def _kind(char: str) -> str:
    """Return "word", "dense", "joiner" (invisible, inside a word), or "" for what separates words."""
    if is_apostrophe(char):
        return ""
    if is_joiner(char):
        return "joiner"
    if unicodedata.category(char)[0] not in "LMN":
        return ""
    number = ord(char)
    dense = not char.isdecimal() and any(first <= number <= last for first, last in _DENSE)
    return "dense" if dense else "word"
