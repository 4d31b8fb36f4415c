"""Markup of user text: links, detected in every script and ended where a reader would end them, and bidi isolates.

The link detection is our own: linkify-it-py 2.2 swallows a Chinese sentence after a link and misses links without a
space before them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from functools import lru_cache

from markupsafe import Markup, escape

from messaging_app.text import is_invisible

_SCHEME = re.compile(r"https?://(?=[^\W_]|\[[0-9a-f:.]+\])", re.IGNORECASE)
_TRAILING = frozenset(".,;:!?'’–‐‑·・׳״־")
_WITHIN = frozenset("’–‐‑·・׳״־")  # punctuation that occurs in titles and therefore in URLs
_NEVER = frozenset('<>"`\\—')
_EMPHASIS = frozenset("*_~|")
_BRACKETS = {")": "(", "]": "[", "}": "{"}
# Scripts without spaces between words, or whose particles join the preceding word.
_UNSPACED = re.compile(
    r"(?:CJK|HIRAGANA|KATAKANA|HANGUL|BOPOMOFO|THAI|LAO|KHMER|MYANMAR|TIBETAN|HALFWIDTH|IDEOGRAPHIC) "
)


def linkify(text: str) -> Markup:
    """Return `text` escaped, with bare http and https links made clickable. Nothing else becomes markup."""
    if "://" not in text:
        return escape(text)
    parts: list[Markup] = []
    done = 0
    pairs = _brackets(text)
    for match in _SCHEME.finditer(text):
        if match.start() < done:
            continue
        end = _end_of_link(text, match.start(), match.end(), pairs)
        if end > match.end():
            link = Markup('<a href="{0}" rel="noopener noreferrer nofollow" target="_blank">{0}</a>')
            parts += escape(text[done : match.start()]), link.format(text[match.start() : end])
            done = end
    return Markup("").join([*parts, escape(text[done:])])


def bdi(text: str) -> Markup:
    """Isolate `text`, a name or a date, so that it does not change the direction of the surrounding sentence."""
    return Markup("<bdi>{}</bdi>").format(text)


def with_marks(text: str, ranges: Iterable[tuple[int, int]]) -> Markup:
    """Return `text` escaped, with the parts in `ranges` marked; they are in order and apart."""
    parts: list[Markup] = []
    done = 0
    for start, end in ranges:
        parts += escape(text[done:start]), Markup("<mark>{}</mark>").format(text[start:end])
        done = end
    return Markup("").join([*parts, escape(text[done:])])


def with_name(sentence: str, name: str) -> Markup:
    """Return a translated sentence with its `%(name)s` isolated."""
    return escape(sentence) % {"name": bdi(name)}


def _end_of_link(text: str, start: int, host: int, pairs: dict[int, int]) -> int:
    """Return where the link that begins at `start`, with its host at `host`, ends.

    It ends before a character that no URL contains, an unpaired bracket, or the sentence's punctuation.
    """
    end = host
    while end < len(text) and not _breaks(text, end):
        if text[end] in "()[]{}" and pairs.get(end, -1) < host:
            break
        end += 1
    emphasis = text[start - 1] if start and text[start - 1] in _EMPHASIS else ""
    while end > host and (text[end - 1] in _TRAILING or text[end - 1] == emphasis):
        end -= 1
    return end


def _brackets(text: str) -> dict[int, int]:
    """Return the position of each bracket's partner, if no link would end between the two."""
    pairs: dict[int, int] = {}
    opened: list[int] = []
    for place, char in enumerate(text):
        if char in "([{":
            opened.append(place)
        elif char in _BRACKETS and opened and text[opened[-1]] == _BRACKETS[char]:
            pairs[place] = opened.pop()
            pairs[pairs[place]] = place
        elif char in _BRACKETS or _breaks(text, place):
            opened.clear()
    return pairs


def _breaks(text: str, place: int) -> bool:
    """Whether no link continues at `place`."""
    char, before = text[place], text[place - 1] if place else ""
    return _ends(char) or (_belongs_to_sentence(char) and before.isascii() and before.isalnum())


@lru_cache(maxsize=8_192)
def _ends(char: str) -> bool:
    """Whether no URL contains `char`: a space, a control, an invisible character, another script's punctuation."""
    if char in _NEVER or char.isspace() or is_invisible(char):
        return True
    return not char.isascii() and char not in _WITHIN and unicodedata.category(char)[0] == "P"


@lru_cache(maxsize=8_192)
def _belongs_to_sentence(char: str) -> bool:
    """Whether `char` right after a plain letter or digit belongs to the sentence: 「https://a.example/teaです」, `…/tea☕`."""
    if char.isascii():
        return False
    return unicodedata.category(char)[0] == "S" or bool(_UNSPACED.match(unicodedata.name(char, "")))


def scripted(caller: Callable[[], Markup]) -> Markup:
    """Wrap a `call` block in a data block that theme.js opens, because text browsers show everything else in a page."""
    return Markup('<script type="text/html" class="scripted-block">{}</script><!-- -->').format(caller())
