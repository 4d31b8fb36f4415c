"""Moments as their reader sees them: times of day, dates and spans in their locale and time zone."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache

from babel import Locale
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
from flask_babel import gettext

from messaging_app.formats.reader import is_zone, reader, today, zone_info

QUOTED_OR_FIELD = re.compile(r"'[^']*'|s+|z+")  # in a time pattern: literal text, seconds, time zone


def moment_in(zone: str | None, moment: datetime) -> str:
    """Return 30 November, 16:42 CET: for e-mail, in English. UTC if the zone is unknown."""
    local = _local(moment, zone if zone and is_zone(zone) else "UTC")
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


def iso(moment: datetime) -> str:
    """Return RFC 3339 in UTC, ending in Z."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _local(moment: datetime, zone: str) -> datetime:
    return moment.astimezone(zone_info(zone))


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
    begin, end = (datetime.combine(day, at, zone_info(zone)) for at in (time.min, time.max.replace(fold=1)))
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
