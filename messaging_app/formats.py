"""Times and numbers in the reader's locale and time zone, exact on hover."""

from __future__ import annotations

import re
from contextvars import ContextVar
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo, available_timezones

from babel import Locale, UnknownLocaleError
from babel.dates import (
    format_date,
    format_datetime,
    format_skeleton,
    format_time,
    get_datetime_format,
    get_time_format,
    get_timezone_name,
    match_skeleton,
)
from babel.localedata import locale_identifiers
from babel.numbers import format_decimal
from babel.support import NullTranslations, Translations
from flask import Flask, has_request_context, request
from flask_babel import get_translations, gettext, refresh
from werkzeug.datastructures import LanguageAccept
from werkzeug.http import parse_accept_header

from messaging_app.extensions import babel
from messaging_app.files import EXTENSIONS
from messaging_app.text import with_line_breaks
from messaging_app.text.hits import hits
from messaging_app.text.markup import bdi, linkify, scripted, with_marks

AREAS = ("Africa", "America", "Antarctica", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific")
QUOTED_OR_FIELD = re.compile(r"'[^']*'|s+|z+")  # in a time pattern: literal text, seconds, time zone


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


def init_app(app: Flask) -> None:
    """Register the template filters, and the globals `language` and `scripted`."""
    for name, filter_ in (("clock", clock), ("short_when", short_when), ("exact", exact), ("day", day), ("iso", iso)):
        app.jinja_env.filters[name] = filter_
    for name, words in (("waited", waited), ("ahead", ahead)):
        app.jinja_env.filters[name] = words
    app.jinja_env.filters["is_late"] = is_late
    app.jinja_env.filters["date"] = local_date
    app.jinja_env.filters["number"] = number
    app.jinja_env.filters["file_size"] = file_size
    app.jinja_env.globals["attachable"] = ",".join(f".{extension}" for extension in EXTENSIONS)
    app.jinja_env.filters["initials"] = initials
    app.jinja_env.filters["lines"] = with_line_breaks
    app.jinja_env.filters["linkify"] = linkify
    app.jinja_env.filters["bdi"] = bdi
    app.jinja_env.filters["marked"] = with_marks
    app.jinja_env.filters["hits"] = lambda text, q: with_marks(text, hits(text, q))
    app.jinja_env.globals.update(language=language, scripted=scripted)
    # A page has about forty sentences and a hundred times; Flask-Babel's own look up the language for each.
    app.jinja_env.install_gettext_callables(_gettext, _ngettext, newstyle=True)  # type: ignore[attr-defined]
    app.teardown_request(_forget_reader)


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


def moment_in(zone: str | None, moment: datetime) -> str:
    """Return 30 November, 16:42 CET: for e-mail, in English. UTC if the zone is unknown."""
    local = _local(moment, zone if zone in _zones() else "UTC")
    name = local.tzname() or ""
    return f"{format_datetime(local, 'd MMMM, HH:mm', locale='en')} {name if name.isalpha() else f'UTC{name}'}"


def clock(moment: datetime) -> str:
    """Return 10:42, or 10:42 AM in locales that use it."""
    locale, zone, _words = reader()
    local = _local(moment, zone)
    return _clock(locale, local.hour, local.minute)


def exact(moment: datetime) -> str:
    """Return the full date and time with its zone, for the hover text."""
    locale, zone, _words = reader()
    local = _local(moment, zone)
    day, zone_name = _long_day(locale, zone, local.date(), local.utcoffset())
    clock = _long_clock(locale, local.hour, local.minute)
    clock = clock.replace("{ss}", f"{local.second:02}").replace("{s}", str(local.second)).replace("{z}", zone_name)
    return day.replace("{0}", clock)


def day(moment: datetime) -> str:
    """Return Today, Yesterday, or the date in words."""
    locale, zone, _words = reader()
    current = today()
    spoken = _local(moment, zone).date()
    if spoken == current:
        return str(gettext("Today"))
    if spoken == current - timedelta(days=1):
        return str(gettext("Yesterday"))
    return _day(spoken, current.year == spoken.year, locale)


def local_date(moment: datetime) -> str:
    """Return 2026-11-26 in the reader's time zone. Unlike `day`, it is the same tomorrow."""
    return _local(moment, reader().zone).date().isoformat()


def short_when(moment: datetime) -> str:
    """Return the shortest clear form: 10:42 today, Yesterday, Fri within a week, 16 Nov, or with another year."""
    locale, zone, _words = reader()
    local = _local(moment, zone)
    current = today()
    age = (current - local.date()).days
    if age == 0:
        return _clock(locale, local.hour, local.minute)
    if age == 1:
        return str(gettext("Yesterday"))
    skeleton = "E" if 1 < age < 7 else "MMMd" if local.year == current.year else "yMMMd"
    return _skeleton(skeleton, local.date(), locale)


def ahead(moment: datetime) -> str:
    """Return a moment to come: 15:00 today, Fri 8:00 within a week, otherwise the date."""
    locale, zone, _words = reader()
    local = _local(moment, zone)
    days = (local.date() - today()).days
    clock_time = _clock(locale, local.hour, local.minute)
    if days == 0:
        return clock_time
    if 0 < days < 7:
        return f"{_skeleton('E', local.date(), locale)} {clock_time}"
    return _skeleton("MMMd" if local.year == today().year else "yMMMd", local.date(), locale)


def waited(since: datetime) -> str:
    """Return how long it is since a moment: 6 min, 1 h 40, 2 h, 1 d 3 h. turns.js says the same."""
    minutes = max(0, int((datetime.now(UTC) - since).total_seconds() // 60))
    days, hours = minutes // 1440, minutes % 1440 // 60
    if days:
        words = gettext("%(days)s d %(hours)s h", days=days, hours=hours) if hours else gettext("%(days)s d", days=days)
        return str(words)
    if hours:
        rest = f" {minutes % 60:02}" if minutes % 60 else ""
        return str(gettext("%(hours)s h", hours=hours)) + rest
    return str(gettext("%(minutes)s min", minutes=minutes))


def is_late(since: datetime) -> bool:
    """Whether somebody has waited for more than a day."""
    return datetime.now(UTC) - since > timedelta(days=1)


def reader_zone() -> ZoneInfo:
    """Return the reader's time zone."""
    return _zone(reader().zone)


def iso(moment: datetime) -> str:
    """Return RFC 3339 in UTC, ending in Z."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def number(value: int) -> str:
    """Return a number with the reader's separators."""
    return _number(value, reader().locale)


def file_size(size: int) -> str:
    """Return bytes in units of 1,024: 8 kB, 1.9 MB, 61.2 GB."""
    if size < 1024 * 1024:
        return f"{number(max(1, round(size / 1024)))} kB"
    amount, unit = (size / 1024**2, "MB") if size < 1024**3 else (size / 1024**3, "GB")
    return f"{format_decimal(round(amount, 1), locale=reader().locale)} {unit}"


def initials(name: str, of_one: int = 2) -> str:
    """Return letters for an avatar: of the first and last word, or the first `of_one` letters of a single word."""
    words = name.split()
    return (words[0][0] + words[-1][0] if len(words) > 1 else name[:of_one]).upper()


def reader() -> Reader:
    """Return the reader's locale and zone, computed once per request."""
    found = _reader.get()
    if found is None:
        found = Reader(locale_of_person(), zone_of_person(), get_translations())
        if has_request_context():  # mail chooses its language itself
            _reader.set(found)
    return found


def _forget_reader(_error: BaseException | None) -> None:
    _reader.set(None)
    _choice.set(None)


def _gettext(text: str) -> str:
    return reader().words.ugettext(text)


def _ngettext(singular: str, plural: str, number: int) -> str:
    return reader().words.ungettext(singular, plural, number)


def today() -> date:
    """Return the current date in the reader's time zone."""
    return datetime.now(_zone(reader().zone)).date()


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
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def _local(moment: datetime, zone: str) -> datetime:
    return moment.astimezone(_zone(zone))


# Babel takes 20-40 µs for each of these. The caches are keyed by what is shown, not by the exact moment, so a thread
# that is opened for the first time finds its times and days cached.
@lru_cache(maxsize=16_384)
def _clock(locale: str, hour: int, minute: int) -> str:
    return format_time(time(hour, minute), "short", locale=locale)


@lru_cache(maxsize=16_384)
def _long_clock(locale: str, hour: int, minute: int) -> str:
    """Return the long form of a time, with "{ss}" (or "{s}": no leading zero) for seconds and "{z}" for the zone."""
    pattern = QUOTED_OR_FIELD.sub(_hole, get_time_format("long", locale).pattern)
    return format_time(time(hour, minute), pattern, locale=locale)


def _hole(found: re.Match[str]) -> str:
    text = found[0]
    return text if text.startswith("'") else f"'{{{text.replace('zzz', 'z')}}}'"  # z and zzz are the same


@lru_cache(maxsize=1024)
def _long_form(locale: str) -> str:
    """Return how a long date, "{1}", and its time, "{0}", are combined."""
    return str(get_datetime_format("long", locale)).replace("'", "")


@lru_cache(maxsize=8_192)
def _long_day(locale: str, zone: str, day: date, offset: timedelta) -> tuple[str, str]:
    """Return the long form of a date, with "{0}" for the time, and the zone's short name at `offset`.

    A day with a clock change has two offsets: one at its beginning, one at its end.
    """
    begin, end = (datetime.combine(day, at, _zone(zone)) for at in (time.min, time.max.replace(fold=1)))
    name = get_timezone_name(begin if begin.utcoffset() == offset else end, "short", locale=locale)
    return _long_form(locale).replace("{1}", format_date(day, "long", locale)), name


@lru_cache(maxsize=8_192)
def _day(spoken: date, this_year: bool, locale: str) -> str:
    if not this_year:
        return format_date(spoken, "full", locale)
    return format_date(spoken, _day_pattern(locale), locale)


@lru_cache(maxsize=1024)
def _day_pattern(locale: str) -> str:
    """Return the pattern for full weekday, day and month; many locales only define one with "Thu"."""
    patterns = Locale.parse(locale).datetime_skeletons
    return re.sub("E+", "EEEE", str(patterns[match_skeleton("MMMMEEEEd", patterns)].pattern))


@lru_cache(maxsize=8_192)
def _skeleton(skeleton: str, spoken: date, locale: str) -> str:
    if skeleton == "E":
        return format_date(spoken, "EEE", locale=locale)
    return format_skeleton(skeleton, spoken, locale=locale)


@lru_cache(maxsize=8_192)
def _number(value: int, locale: str) -> str:
    return format_decimal(value, locale=locale)
