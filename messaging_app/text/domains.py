"""Look-alike domains, which may mislead readers about whose address it is."""

from __future__ import annotations

import unicodedata

# Letters of other scripts that most fonts draw as letters of plain keys. A word made of nothing else passes for Latin.
_LIKE_LATIN = frozenset("авеԍһіјкӏмпогԛѕтугԝхһьрсԁүһαβγεηικνορστυχωօսոհքցց")
# Scripts that one word may hold together, as browsers have it (Unicode TS 39, "highly restrictive").
_TOGETHER = (
    {"LATIN", "CJK", "HIRAGANA", "KATAKANA"},
    {"LATIN", "CJK", "BOPOMOFO"},
    {"LATIN", "CJK", "HANGUL"},
)


def looks_like_another(domain: str) -> bool:
    """Whether a label of `domain` mixes scripts, or uses only letters of another script that look Latin.

    Never true for a domain of ASCII, the `xn--` form of any other included: that hides nothing.
    """
    return any(_is_deceptive(part) for part in unicodedata.normalize("NFC", domain).lower().split("."))


def _is_deceptive(part: str) -> bool:
    letters = [char for char in part if char.isalpha()]
    scripts = {unicodedata.name(char, "UNKNOWN").split()[0].split("-")[0] for char in letters}
    if len(scripts) > 1:
        return not any(scripts <= allowed for allowed in _TOGETHER)
    return bool(letters) and scripts != {"LATIN"} and _LIKE_LATIN.issuperset(letters)
