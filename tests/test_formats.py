"""Times as people read them, each in their own zone and locale."""

from __future__ import annotations

from datetime import UTC, datetime

from babel.localedata import locale_identifiers

from messaging_app import formats
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


def test_a_day_is_named_in_full_in_every_language() -> None:
    day = NOON.date()
    assert formats._day(day, True, "en_GB") == "Friday 20 November"
    assert formats._day(day, True, "de") == "Freitag, 20. November"
    assert formats._day(day, True, "es") == "viernes, 20 de noviembre"
    assert formats._day(day, True, "ja") == "11月20日金曜日"
    assert "2026" in formats._day(day, False, "de")
    for language in locale_identifiers():
        assert formats._day(day, True, language)
