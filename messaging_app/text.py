"""What people may write: one place for trimming, counting, refusing and shortening text. Knows no Flask."""

from __future__ import annotations

import re
import unicodedata
from contextlib import suppress

import idna

SUBJECT_MAX = 200
CONTENT_MAX = 10_000
PREVIEW_MAX = 120

_LINE_BREAKS = re.compile("\r\n|[\n\r\u0085\u2028\u2029]")
_SPACES = re.compile(r"\s+")
_NOT_WORD = re.compile(r"[^\w@.+-]+")
_HIDDEN = frozenset(("Cc", "Cf", "Cs", "Zs", "Zl", "Zp"))  # not Cn: an emoji newer than this Python is one of those
_BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0\u034f")  # look empty, though Unicode calls them letters or symbols


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
    text = _LINE_BREAKS.sub(" ", raw).strip()
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
    return any(char not in _BLANK and unicodedata.category(char) not in _HIDDEN for char in text)


def search_key(text: str) -> str:
    """`text` for searching and sorting: case folded, without accents, punctuation as spaces."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(char for char in decomposed if not unicodedata.combining(char) and char != "\0")
    return _NOT_WORD.sub(" ", plain).strip()


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
