"""What people may write: one place for trimming, counting, refusing and shortening text. Knows no Flask."""

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

_LINE_BREAKS = re.compile("\r\n|[\n\v\f\r\u0085\u2028\u2029]")  # those of UAX 14
_SUBJECT_BREAKS = re.compile("\r\n|[\n\r\u0085\u2028\u2029]")  # the others are refused like any control
_SPACES = re.compile(r"\s+")
_APOSTROPHES = frozenset(
    "'`\u00b4\u02b9\u02bb\u02bc\u02bd\u02be\u02bf\u055a\u05f3\u2018\u2019\u201b\u2032\u2035\ua78c\uff07"
)
_APOSTROPHE = re.compile(f"[{''.join(sorted(_APOSTROPHES))}]")
_VOICED = re.compile(".[\u3099\u309a]")  # a kana and its voicing mark: another letter, so they stay together
_WORD_SIGNS = frozenset("_@.+-")
# Letters of Arabic script that other keyboards and habits write otherwise, and the stretcher, which is none.
_ARABIC = str.maketrans("\u0649\u06cc\u06a9\u06c1\u0629\u0671", "\u064a\u064a\u0643\u0647\u0647\u0627", "\u0640")
_HIDDEN = frozenset(("Cc", "Cf", "Cs", "Zs", "Zl", "Zp"))  # not Cn: an emoji newer than this Python is one of those
# Look empty, though Unicode calls them letters, marks or symbols.
_BLANK = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]")


class TextRefused(ValueError):
    """A text that breaks a rule; `code` is one of required, too_long, invalid_characters."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def clean_content(raw: str, *, required: bool = True) -> str:
    """The words of a message as they are stored: CRLF becomes LF, surrounding space goes, code points are counted.

    Raises `TextRefused` for NUL or lone surrogates, for more than 10,000 code points, and, if `required`, for a text
    that shows nothing (blank or only zero-width characters).
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


def clean_subject(raw: str) -> str:
    """A subject in one line: line breaks become a space, other control characters are refused; 1-200 code points."""
    text = _SUBJECT_BREAKS.sub(" ", raw).strip()
    if any(unicodedata.category(char) in ("Cc", "Cs") for char in text):
        raise TextRefused("invalid_characters")
    if len(text) > SUBJECT_MAX:
        raise TextRefused("too_long")
    if not shows_something(text):
        raise TextRefused("required")
    return text


def preview(content: str) -> str:
    """`content` as one line of at most 120 characters, an ellipsis included."""
    line = _SPACES.sub(" ", content[: PREVIEW_MAX * 8]).strip()
    return line if len(line) <= PREVIEW_MAX else line[: PREVIEW_MAX - 1].rstrip() + "…"


def shows_something(text: str) -> bool:
    """Whether a reader would see anything: not only spaces, controls, zero-width or blank-looking characters."""
    return not all(map(is_invisible, text))


def is_invisible(char: str) -> bool:
    """Whether `char` alone shows nothing."""
    return unicodedata.category(char) in _HIDDEN or bool(_BLANK.match(char))


def with_line_breaks(text: str) -> str:
    """`text` with each line break that Unicode has as the one that pages and mails know."""
    return _LINE_BREAKS.sub("\n", text)


def search_key(text: str) -> str:
    """`text` for searching and sorting: words with a space between, in small letters without accents.

    Latin letters become those of plain keys (`Łódź` is `lodz`). Vowel signs stay, as they are letters; apostrophes and
    invisible characters go; other punctuation is a space, except what e-mail addresses and codes hold.
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
    """The words by which something is found: those of all its texts, and the parts of compound ones in its name.

    `O'Brien-Çelik` is found by `obrien-celik`, `brien-celik`, `brien`, `celik` and `o`.
    """
    words = set(search_key(" ".join([name, _APOSTROPHE.sub(" ", name), *others])).split())
    parts = search_key(f"{name} {_APOSTROPHE.sub(' ', name)}".replace("-", " ")).split()
    return words.union(parts)


@lru_cache(maxsize=8_192)
def _plain(char: str) -> str:
    """What a decomposed small character is in a key."""
    category = unicodedata.category(char)
    if char in _WORD_SIGNS:
        return char
    if char in _APOSTROPHES or category in ("Cf", "Me") or _BLANK.match(char):
        return " " if char == "\u200b" else ""  # that one parts words, in scripts that have no spaces
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
    """Whether people leave `mark` out: by its combining class an accent, a nukta, or a point of Hebrew or Arabic.

    Other marks are vowels, tones and letters joined: without them a word is another one.
    """
    place = unicodedata.combining(mark)
    return place in (1, 7) or 10 <= place <= 36 or place >= 200


def email_key(email: str) -> str:
    """An e-mail address as it is compared: trimmed, NFC and lower case, its domain as the DNS knows it.

    Never `casefold()`, which makes one person of `strasse@` and `straße@`. What is no domain keeps its letters.
    """
    local, at, domain = unicodedata.normalize("NFC", email.strip()).rpartition("@")
    with suppress(ValueError):  # no domain, typed at a sign-in: found to be nobody's
        domain = ascii_domain(domain)
    return unicodedata.normalize("NFC", f"{local}{at}{domain}".lower())  # some letters come apart when made small


def ascii_domain(domain: str) -> str:
    """`domain` in ASCII: UTS 46, non-transitional (`faß.example` is not `fass.example`). Raises `ValueError`.

    A domain of ASCII only stays as it is, spelling included.
    """
    return domain if domain.isascii() else idna.encode(domain, uts46=True).decode()


def _has_surrogates(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False
