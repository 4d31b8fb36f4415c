"""Times as people read them, each in their own zone and locale."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from babel.dates import format_datetime, format_time
from babel.localedata import locale_identifiers
from babel.support import NullTranslations

from messaging_app.formats import numbers, reader, times
from messaging_app.paths import resource
from tests.conftest import Web

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def test_two_readers_of_one_moment_each_see_their_own_clock(web: Web) -> None:
    seen = []
    for zone, language in (("UTC", "en-GB"), ("Asia/Tokyo", "en-GB"), ("America/New_York", "en-GB"), ("UTC", "en-GB")):
        headers = {"Cookie": f"tz={zone}", "Accept-Language": language}
        with web.app.test_request_context(headers=headers):
            seen.append((times.clock(NOON), times.exact(NOON)))
    assert [clock for clock, _exact in seen] == ["12:00", "21:00", "07:00", "12:00"]
    for clock, exact in seen:
        assert clock in exact


@pytest.mark.parametrize(
    ("accepted", "spoken"),
    [
        ("fr-FR,fr;q=0.9", "en"),
        ("fr-FR,fr;q=0.9,en-GB;q=0.8,en;q=0.7", "en-GB"),
        ("en-AU", "en-AU"),
        ("ar,he,ja", "en"),
        ("x-nonsense,*", "en"),
        ("", "en"),
    ],
)
def test_dates_numbers_and_words_are_of_one_language(web: Web, accepted: str, spoken: str) -> None:
    headers = {"Accept-Language": accepted}
    with web.app.test_request_context(headers=headers):
        assert numbers.number(1_234_567) == "1,234,567"
        assert numbers.file_size(1_500_000) == "1.4 MB"
        assert "November" in times.day(NOON.replace(year=2020)) and "Nov" in times.short_when(NOON.replace(year=2020))
        assert "November" in times.exact(NOON)
    page = web.browser().get("/admin/login", headers=headers).text
    assert re.search(r'<html\s+lang="(.*?)"', page)[1] == spoken  # type: ignore[index]


def test_scripts_write_numbers_and_dates_in_the_language_of_the_page() -> None:
    for script in resource("static").glob("js/*.js"):
        for named in re.findall(r"\.toLocale\w*\((.*)", script.read_text()):
            assert named.startswith("document.documentElement.lang"), script.name


def test_a_day_is_named_in_full_in_every_language() -> None:
    day = NOON.date()
    assert times._day(day, True, "en_GB") == "Friday 20 November"
    assert times._day(day, True, "de") == "Freitag, 20. November"
    assert times._day(day, True, "es") == "viernes, 20 de noviembre"
    assert times._day(day, True, "ja") == "11月20日金曜日"
    assert "2026" in times._day(day, False, "de")
    for language in locale_identifiers():
        assert times._day(day, True, language)


def as_read(web: Web, zone: str, locale: str, moments: list[datetime]) -> list[tuple[str, str]]:
    """Clock and hover text of `moments` for a reader of that zone and locale."""
    with web.app.test_request_context():
        reader._reader.set(reader.Reader(locale, zone, NullTranslations()))
        return [(times.clock(moment), times.exact(moment)) for moment in moments]


def as_babel_writes(zone: str, locale: str, moments: list[datetime]) -> list[tuple[str, str]]:
    """The same by Babel alone, from the whole moment."""
    at_home = [moment.astimezone(ZoneInfo(zone)) for moment in moments]
    return [(format_time(at, "short", locale=locale), format_datetime(at, "long", locale=locale)) for at in at_home]


def test_cached_times_read_as_babel_writes_them_in_every_language(web: Web) -> None:
    moments = [NOON + timedelta(days=97 * n, hours=5 * n, minutes=13 * n, seconds=7 * n) for n in range(5)]
    for locale in locale_identifiers():
        if "_" not in locale or locale in ("zh_Hant_TW", "en_GB", "ko_KR", "fr_CA"):
            expected = as_babel_writes("Europe/Berlin", locale, moments)
            assert as_read(web, "Europe/Berlin", locale, moments) == expected, locale


@pytest.mark.parametrize(
    ("zone", "change"),
    [
        ("Europe/Berlin", datetime(2026, 3, 29, 1, tzinfo=UTC)),
        ("Europe/Berlin", datetime(2026, 10, 25, 1, tzinfo=UTC)),
        ("Australia/Lord_Howe", datetime(2026, 4, 4, 15, tzinfo=UTC)),  # by half an hour
        ("Africa/Cairo", datetime(2026, 10, 29, 21, tzinfo=UTC)),  # from midnight back to eleven
        ("America/Santiago", datetime(2026, 9, 6, 4, tzinfo=UTC)),  # a day without a midnight
    ],
)
def test_a_cached_day_on_which_the_clocks_change_has_both_its_offsets(web: Web, zone: str, change: datetime) -> None:
    moments = [change + timedelta(minutes=29 * step) for step in range(-60, 60)]
    for order in (moments, moments[::-1]):  # whichever half of the day is asked for first
        times._long_day.cache_clear()
        assert as_read(web, zone, "en_US", order) == as_babel_writes(zone, "en_US", order)
