"""The reader of a page: the locale and time zone that they chose or their browser reports, and the words of both."""

from __future__ import annotations

from contextvars import ContextVar
from datetime import date, datetime
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo, available_timezones

from babel import Locale, UnknownLocaleError
from babel.localedata import locale_identifiers
from babel.support import NullTranslations, Translations
from flask import has_request_context, request
from flask_babel import get_translations, refresh
from werkzeug.datastructures import LanguageAccept
from werkzeug.http import parse_accept_header

from messaging_app.extensions import babel

AREAS = ("Africa", "America", "Antarctica", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific")


class Reader(NamedTuple):
    """Who reads: their locale, their time zone, and the words of their language."""

    locale: str
    zone: str
    words: Translations | NullTranslations


class Choice(NamedTuple):
    """The locale and time zone that somebody chose for themselves; None where they leave it to the browser."""

    locale: str | None = None
    zone: str | None = None


_reader: ContextVar[Reader | None] = ContextVar("reader", default=None)
_choice: ContextVar[Choice | None] = ContextVar("choice", default=None)


def choose(locale: str | None, zone: str | None) -> None:
    """Let the rest of this request be in the locale and time zone that the person chose."""
    _choice.set(Choice(locale if locale in languages() else None, zone if is_zone(zone) else None))
    _reader.set(None)
    refresh()  # what Flask-Babel has found out before


def locale_of_person() -> str:
    """Return the person's own choice, else the first locale in Accept-Language that the pages are translated into,
    otherwise English.

    Dates and numbers use it too, so that "30 novembre" never appears next to "Today".
    """
    chosen = _choice.get()
    if chosen is not None and chosen.locale:
        return chosen.locale
    return _locale(request.headers.get("Accept-Language", "")) if has_request_context() else "en"


def language() -> str:
    """Return the reader's locale for HTML and scripts: en-GB."""
    return reader().locale.replace("_", "-")


def zone_of_person() -> str:
    """Return the person's own choice, else the time zone reported by the browser, else UTC."""
    chosen = _choice.get()
    return (chosen and chosen.zone) or zone_of_browser() or "UTC"


def zone_of_browser() -> str | None:
    """Return the time zone in the `tz` cookie, or None if missing or unknown."""
    cookies = request.cookies if has_request_context() else {}
    zone = cookies["tz"] if "tz" in cookies else ""  # noqa: SIM401 -- its `get` raises an error and catches it
    return zone if zone in _zones() else None


def is_zone(zone: str | None) -> bool:
    """Whether there is a time zone of this name."""
    return zone in _zones()


@lru_cache(maxsize=1)
def languages() -> dict[str, str]:
    """Return every locale that the pages can be read in, each with its name in its own language: English (India)."""
    found = {}
    for identifier in locale_identifiers():
        locale = Locale.parse(identifier)
        region = locale.territory
        if locale.language in _spoken() and not locale.script and (region is None or region.isalpha()):
            found[str(locale)] = str(locale.get_display_name())
    return dict(sorted(found.items(), key=lambda entry: entry[1]))


@lru_cache(maxsize=1)
def time_zones() -> dict[str, list[str]]:
    """Return the time zones of places, by part of the world."""
    found: dict[str, list[str]] = {}
    for zone in sorted(_zones()):
        area, _slash, place = zone.partition("/")
        if place and area in AREAS:
            found.setdefault(area, []).append(zone)
    return found


def reader() -> Reader:
    """Return the reader's locale and zone, computed once per request."""
    found = _reader.get()
    if found is None:
        found = Reader(locale_of_person(), zone_of_person(), get_translations())
        if has_request_context():  # mail chooses its language itself
            _reader.set(found)
    return found


def reader_zone() -> ZoneInfo:
    """Return the reader's time zone."""
    return zone_info(reader().zone)


def today() -> date:
    """Return the current date in the reader's time zone."""
    return datetime.now(zone_info(reader().zone)).date()


def forget(_error: BaseException | None) -> None:
    """Forget who reads, at the end of their request."""
    _reader.set(None)
    _choice.set(None)


def translated(text: str) -> str:
    """Return a sentence in the reader's language."""
    return reader().words.ugettext(text)


def translated_many(singular: str, plural: str, number: int) -> str:
    """Return a sentence about a number of things in the reader's language, with the right plural."""
    return reader().words.ungettext(singular, plural, number)


@lru_cache(maxsize=1024)
def _locale(header: str) -> str:
    for tag in parse_accept_header(header[:200], LanguageAccept).values():
        try:
            locale = Locale.parse(tag, sep="-")
        except (ValueError, UnknownLocaleError):
            continue
        if locale.language in _spoken():
            return str(locale)
    return "en"


@lru_cache(maxsize=1)
def _spoken() -> frozenset[str]:
    """Return the languages that the pages are translated into."""
    return frozenset(locale.language for locale in babel.list_translations())


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


@lru_cache(maxsize=256)
def zone_info(name: str) -> ZoneInfo:
    """Return the time zone of a name that `is_zone`."""
    return ZoneInfo(name)
