"""Times and numbers as a person reads them: in their locale and time zone, exact on hover."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_datetime, format_skeleton, format_time, match_skeleton
from babel.numbers import format_decimal
from flask import Flask, has_request_context
from flask_babel import gettext
from werkzeug.datastructures import LanguageAccept
from werkzeug.http import parse_accept_header

from messaging_app.extensions import babel
from messaging_app.files import EXTENSIONS
from messaging_app.here import g_here, request_here
from messaging_app.links import linkify
from messaging_app.text import with_line_breaks


def init_app(app: Flask) -> None:
    """Give templates filters for times, numbers, sizes, line breaks and links, and `language`."""
    for name, filter_ in (("clock", clock), ("short_when", short_when), ("exact", exact), ("day", day), ("iso", iso)):
        app.jinja_env.filters[name] = filter_
    app.jinja_env.filters["date"] = local_date
    app.jinja_env.filters["number"] = number
    app.jinja_env.filters["file_size"] = file_size
    app.jinja_env.globals["attachable"] = ",".join(f".{extension}" for extension in EXTENSIONS)
    app.jinja_env.filters["lines"] = with_line_breaks
    app.jinja_env.filters["linkify"] = linkify
    app.jinja_env.globals["language"] = language


def locale_of_person() -> str:
    """The first locale in Accept-Language whose language the pages have words in; English where there is none.

    Dates and numbers follow it too: "30 novembre" does not stand beside "Today".
    """
    return _locale(request_here().headers.get("Accept-Language", "")) if has_request_context() else "en"


def language() -> str:
    """The reader's locale as HTML and scripts name it: en-GB."""
    return reader()[0].replace("_", "-")


def zone_of_person() -> str:
    """The time zone that the browser named in the `tz` cookie; UTC until it did."""
    cookies = request_here().cookies if has_request_context() else {}
    zone = cookies["tz"] if "tz" in cookies else ""  # noqa: SIM401 -- its `get` raises an error and catches it
    return zone if zone in _zones() else "UTC"


def clock(moment: datetime) -> str:
    """10:42, or 10:42 AM where people say so."""
    locale, zone = reader()
    return _clock(moment.replace(second=0, microsecond=0), zone, locale)


def exact(moment: datetime) -> str:
    """The whole date and time with its zone, for the hover text."""
    locale, zone = reader()
    return _exact(moment.replace(microsecond=0), zone, locale)


def day(moment: datetime) -> str:
    """Today, Yesterday, or the date in words."""
    locale, zone = reader()
    current = today()
    spoken = _local(moment, zone).date()
    if spoken == current:
        return _near_days(locale)[0]
    if spoken == current - timedelta(days=1):
        return _near_days(locale)[1]
    return _day(spoken, current.year == spoken.year, locale)


def local_date(moment: datetime) -> str:
    """2026-11-26 where the reader is: the same tomorrow, unlike `day`."""
    return _local(moment, reader()[1]).date().isoformat()


def short_when(moment: datetime) -> str:
    """As short as it stays clear: 10:42 today, Yesterday, Fri within a week, 16 Nov, with the year if another one."""
    locale, zone = reader()
    local = _local(moment, zone)
    current = today()
    age = (current - local.date()).days
    if age == 0:
        return clock(moment)
    if age == 1:
        return _near_days(locale)[1]
    skeleton = "E" if 1 < age < 7 else "MMMd" if local.year == current.year else "yMMMd"
    return _skeleton(skeleton, local.date(), locale)


def reader_zone() -> ZoneInfo:
    """The reader's time zone."""
    return _zone(reader()[1])


def iso(moment: datetime) -> str:
    """RFC 3339 in UTC, ending in Z."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def number(value: int) -> str:
    """A number with the reader's separators."""
    return _number(value, reader()[0])


def file_size(size: int) -> str:
    """Bytes as people say them, in steps of 1,024: 8 kB, 1.9 MB."""
    if size < 1024 * 1024:
        return f"{number(max(1, round(size / 1024)))} kB"
    return f"{format_decimal(round(size / 1024 / 1024, 1), locale=reader()[0])} MB"


def reader() -> tuple[str, str]:
    """Locale and zone of who reads, worked out once a request."""
    here = g_here()
    try:
        reader: tuple[str, str] = here.reader
    except AttributeError:
        reader = here.reader = (locale_of_person(), zone_of_person())
    return reader


def today() -> date:
    """The day it is where the reader is."""
    return datetime.now(_zone(reader()[1])).date()


@lru_cache(maxsize=256)
def _near_days(_locale: str) -> tuple[str, str]:
    return str(gettext("Today")), str(gettext("Yesterday"))


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
    """The languages that there are words in."""
    return frozenset(locale.language for locale in babel.list_translations())


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


@lru_cache(maxsize=256)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def _local(moment: datetime, zone: str) -> datetime:
    return moment.astimezone(_zone(zone))


# The zone is part of what these remember: one moment in two zones is equal, yet does not read the same.
@lru_cache(maxsize=32_768)
def _clock(moment: datetime, zone: str, locale: str) -> str:
    return format_time(_local(moment, zone), "short", locale=locale)


@lru_cache(maxsize=32_768)
def _exact(moment: datetime, zone: str, locale: str) -> str:
    return format_datetime(_local(moment, zone), "long", locale=locale)


@lru_cache(maxsize=8_192)
def _day(spoken: date, this_year: bool, locale: str) -> str:
    if not this_year:
        return format_date(spoken, "full", locale)
    patterns = Locale.parse(locale).datetime_skeletons
    nearest = str(patterns[match_skeleton("MMMMEEEEd", patterns)].pattern)
    return format_date(spoken, re.sub("E+", "EEEE", nearest), locale)  # many locales only know it with "Thu"


@lru_cache(maxsize=8_192)
def _skeleton(skeleton: str, spoken: date, locale: str) -> str:
    if skeleton == "E":
        return format_date(spoken, "EEE", locale=locale)
    return format_skeleton(skeleton, spoken, locale=locale)


@lru_cache(maxsize=8_192)
def _number(value: int, locale: str) -> str:
    return format_decimal(value, locale=locale)
