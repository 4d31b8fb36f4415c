"""The markup that people's words get: links, found and ended where a reader would, in every script; and isolates.

Links are our own, since linkify-it-py 2.2 takes a whole Chinese sentence for the link before it and misses links without a space
before them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache

from markupsafe import Markup, escape

from messaging_app.text import is_invisible

_SCHEME = re.compile(r"https?://(?=[^\W_]|\[[0-9a-f:.]+\])", re.IGNORECASE)
_TRAILING = frozenset(".,;:!?'’–‐‑·・׳״־")
_WITHIN = frozenset("’–‐‑·・׳״־")  # punctuation of other scripts that stands in titles and so in addresses
_NEVER = frozenset('<>"`\\—')
_EMPHASIS = frozenset("*_~|")
_BRACKETS = {")": "(", "]": "[", "}": "{"}
# Scripts whose words have no spaces between them, or whose particles join the word before them.
_UNSPACED = re.compile(
    r"(?:CJK|HIRAGANA|KATAKANA|HANGUL|BOPOMOFO|THAI|LAO|KHMER|MYANMAR|TIBETAN|HALFWIDTH|IDEOGRAPHIC) "
)


def linkify(text: str) -> Markup:
    """`text` escaped, with bare http and https links made clickable; nothing else becomes markup."""
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
    """`text`, a name or a date, kept from turning round what stands beside it in a sentence."""
    return Markup("<bdi>{}</bdi>").format(text)


def _end_of_link(text: str, start: int, host: int, pairs: dict[int, int]) -> int:
    """Where the link ends that begins at `start`, its host at `host`: before what is no part of an address, a bracket
    that it does not hold both of, and the punctuation of the sentence.
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
    """The place of each bracket's other half, where no link would end between the two."""
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
    """Whether no link goes on at `place`."""
    char, before = text[place], text[place - 1] if place else ""
    return _ends(char) or (_is_outside(char) and before.isascii() and before.isalnum())


@lru_cache(maxsize=8_192)
def _ends(char: str) -> bool:
    """Whether no address holds `char`: a space, a control, something invisible, another script's punctuation."""
    if char in _NEVER or char.isspace() or is_invisible(char):
        return True
    return not char.isascii() and char not in _WITHIN and unicodedata.category(char)[0] == "P"


@lru_cache(maxsize=8_192)
def _is_outside(char: str) -> bool:
    """Whether `char` right after a plain letter or digit belongs to the sentence: 「https://a.example/teaです」, `…/tea☕`."""
    if char.isascii():
        return False
    return unicodedata.category(char)[0] == "S" or bool(_UNSPACED.match(unicodedata.name(char, "")))


def scripted(caller: Callable[[], Markup]) -> Markup:
    """What a `call` block holds, in a data block that theme.js opens: text browsers show whatever else is in a page."""
    return Markup('<script type="text/html" class="scripted-block">{}</script><!-- -->').format(caller())
