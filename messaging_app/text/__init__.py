"""User text: one place for trimming, counting, refusing and shortening it. Independent of Flask."""

from __future__ import annotations

import re
import unicodedata
from contextlib import suppress
from functools import lru_cache

import idna
from anyascii import anyascii

SUBJECT_MAX = 200
CONTENT_MAX = 10_000
PREVIEW_MAX = 120

_LINE_BREAKS = re.compile("\r\n|[\n\v\f\r\u0085\u2028\u2029]")  # as in UAX 14
_SUBJECT_BREAKS = re.compile("\r\n|[\n\r\u0085\u2028\u2029]")  # the others are refused like any control character
_SPACES = re.compile(r"\s+")
_APOSTROPHES = frozenset(
    "'`\u00b4\u02b9\u02bb\u02bc\u02bd\u02be\u02bf\u055a\u05f3\u2018\u2019\u201b\u2032\u2035\ua78c\uff07"
)
_APOSTROPHE = re.compile(f"[{''.join(sorted(_APOSTROPHES))}]")
_VOICED = re.compile(".[\u3099\u309a]")  # a kana and its voicing mark form another letter, so they stay together
_WORD_SIGNS = frozenset("_@.+-")
# Arabic letters that keyboards and habits write differently, and the tatweel, which is not a letter.
_ARABIC = str.maketrans("\u0649\u06cc\u06a9\u06c1\u0629\u0671", "\u064a\u064a\u0643\u0647\u0647\u0627", "\u0640")
_HIDDEN = frozenset(("Cc", "Cf", "Cs", "Zs", "Zl", "Zp"))  # not Cn: emoji newer than this Python are unassigned
# Invisible, although Unicode calls them letters, marks or symbols.
_BLANK = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]")


class TextRefused(ValueError):
    """A text that breaks a rule. `code` is required, too_long or invalid_characters."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def clean_content(raw: str, *, required: bool = True) -> str:
    """Return a message's text as stored: CRLF becomes LF, surrounding space is trimmed, code points are counted.

    Raises `TextRefused` for NUL or lone surrogates, for more than 10,000 code points and, if `required`, for a text
    without visible characters.
    """
    text = raw.replace("\r\n", "\n").strip()
    if "\0" in text or _has_surrogates(text):
        raise TextRefused("invalid_characters")
    if len(text) > CONTENT_MAX:
        raise TextRefused("too_long")
    if not shows_something(text):
        if required:
            raise TextRefused("required")
        return ""
    return text


def clean_subject(raw: str, most: int = SUBJECT_MAX) -> str:
    """Return a subject of 1 to `most` code points in one line. Line breaks become a space; other controls are refused."""
    text = _SUBJECT_BREAKS.sub(" ", raw).strip()
    if any(unicodedata.category(char) in ("Cc", "Cs") for char in text):
        raise TextRefused("invalid_characters")
    if len(text) > most:
        raise TextRefused("too_long")
    if not shows_something(text):
        raise TextRefused("required")
    return text


def preview(content: str) -> str:
    """Return `content` as one line of at most 120 characters, including an ellipsis."""
    line = _SPACES.sub(" ", content[: PREVIEW_MAX * 8]).strip()
    return line if len(line) <= PREVIEW_MAX else line[: PREVIEW_MAX - 1].rstrip() + "…"


def shows_something(text: str) -> bool:
    """Whether the text has a visible character: not only spaces, controls, zero-width or blank-looking ones."""
    return not all(map(is_invisible, text))


def is_invisible(char: str) -> bool:
    """Whether `char` alone is invisible."""
    return unicodedata.category(char) in _HIDDEN or bool(_BLANK.match(char))


def is_apostrophe(char: str) -> bool:
    """Whether `char` is one of the marks that people write for an apostrophe."""
    return char in _APOSTROPHES


def is_joiner(char: str) -> bool:
    """Whether `char` is invisible and may stand inside a word, as a soft hyphen does."""
    return char != "\u200b" and (unicodedata.category(char) in ("Cf", "Me") or bool(_BLANK.match(char)))


def with_line_breaks(text: str) -> str:
    """Return `text` with every Unicode line break as "\\n"."""
    return _LINE_BREAKS.sub("\n", text)


def search_key(text: str) -> str:
    """Return `text` for searching and sorting: words separated by spaces, in lower case without accents.

    Latin letters become plain ones (`Łódź` is `lodz`). Vowel signs stay because they are letters. Apostrophes and
    invisible characters are removed. Other punctuation becomes a space, except in e-mail addresses and codes.
    """
    if text.isascii():
        decomposed = text.lower()
    else:
        decomposed = unicodedata.normalize("NFKD", text.replace("\u00b4", "'")).casefold()
        decomposed = unicodedata.normalize("NFKD", decomposed)
    plain = "".join(map(_plain, decomposed))
    composed = _VOICED.sub(lambda kana: unicodedata.normalize("NFC", kana[0]), plain)
    return " ".join(composed.split())


def search_words(name: str, *others: str) -> set[str]:
    """Return the words that find something: those of all its texts, and the parts of compounds in its name.

    `O'Brien-Çelik` is found by `obrien-celik`, `brien-celik`, `brien`, `celik` and `o`.
    """
    words = set(search_key(" ".join([name, _APOSTROPHE.sub(" ", name), *others])).split())
    parts = search_key(f"{name} {_APOSTROPHE.sub(' ', name)}".replace("-", " ")).split()
    return words.union(parts)


@lru_cache(maxsize=8_192)
def _plain(char: str) -> str:
    """Return the form of a decomposed lower-case character in a key."""
    category = unicodedata.category(char)
    if char in _WORD_SIGNS:
        return char
    if char in _APOSTROPHES or category in ("Cf", "Me") or _BLANK.match(char):
        return " " if char == "\u200b" else ""  # separates words in scripts without spaces
    if category[0] == "M":
        return "" if _is_accent(char) else char
    if char.isdecimal():
        return str(unicodedata.decimal(char))
    if not char.isalnum():
        return " "
    if not char.isascii() and unicodedata.name(char, "").startswith("LATIN "):
        return "".join(filter(str.isalnum, anyascii(char).lower()))
    return char.translate(_ARABIC)


def _is_accent(mark: str) -> bool:
    """Whether users omit `mark`: by combining class an accent, a nukta, or a Hebrew or Arabic point.

    Other marks are vowels, tones and joined letters: without them the word is another one.
    """
    place = unicodedata.combining(mark)
    return place in (1, 7) or 10 <= place <= 36 or place >= 200


def email_key(email: str) -> str:
    """Return an e-mail address for comparison: trimmed, NFC and lower case, with the domain as in DNS.

    Never `casefold()`, which would equate `strasse@` and `straße@`. An invalid domain is kept as typed.
    """
    local, at, domain = unicodedata.normalize("NFC", email.strip()).rpartition("@")
    with suppress(ValueError):  # not a domain; it matches no account
        domain = ascii_domain(domain)
    return unicodedata.normalize("NFC", f"{local}{at}{domain}".lower())  # lower-casing decomposes some letters


def ascii_domain(domain: str) -> str:
    """Return `domain` in ASCII: UTS 46, non-transitional (`faß.example` is not `fass.example`). Raises `ValueError`.

    An ASCII domain is returned unchanged, including its case.
    """
    return domain if domain.isascii() else idna.encode(domain, uts46=True).decode()


def _has_surrogates(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def initials(name: str, of_one: int = 2) -> str:
    """Return letters for an avatar: of the first and last word, or the first `of_one` letters of a single word."""
    words = name.split()
    return (words[0][0] + words[-1][0] if len(words) > 1 else name[:of_one]).upper()
