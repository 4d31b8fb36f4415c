"""Times as people read them, each in their own zone and locale."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from babel.localedata import locale_identifiers

from messaging_app import formats
from messaging_app.paths import resource
from tests.conftest import Web

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def test_two_readers_of_one_moment_each_see_their_own_clock(web: Web) -> None:
    seen = []
    for zone, language in (("UTC", "en-GB"), ("Asia/Tokyo", "en-GB"), ("America/New_York", "en-GB"), ("UTC", "en-GB")):
        headers = {"Cookie": f"tz={zone}", "Accept-Language": language}
        with web.app.test_request_context(headers=headers):
            seen.append((formats.clock(NOON), formats.exact(NOON)))
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
        assert formats.number(1_234_567) == "1,234,567"
        assert formats.file_size(1_500_000) == "1.4 MB"
        assert "November" in formats.day(NOON.replace(year=2020)) and "Nov" in formats.short_when(
            NOON.replace(year=2020)
        )
        assert "November" in formats.exact(NOON)
    page = web.browser().get("/admin/login", headers=headers).text
    assert re.search(r'<html\s+lang="(.*?)"', page)[1] == spoken  # type: ignore[index]


def test_scripts_write_numbers_and_dates_in_the_language_of_the_page() -> None:
    for script in resource("static").glob("js/*.js"):
        for named in re.findall(r"\.toLocale\w*\((.*)", script.read_text()):
            assert named.startswith("document.documentElement.lang"), script.name


def test_a_day_is_named_in_full_in_every_language() -> None:
    day = NOON.date()
    assert formats._day(day, True, "en_GB") == "Friday 20 November"
    assert formats._day(day, True, "de") == "Freitag, 20. November"
    assert formats._day(day, True, "es") == "viernes, 20 de noviembre"
    assert formats._day(day, True, "ja") == "11月20日金曜日"
    assert "2026" in formats._day(day, False, "de")
    for language in locale_identifiers():
        assert formats._day(day, True, language)
