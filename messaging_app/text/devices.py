"""Names of browser and system from a User-Agent. Only a few common ones, for the list of sessions."""

from __future__ import annotations

from typing import NamedTuple

LONGEST = 300  # characters of a User-Agent that are kept

# The first that occurs decides: most browsers also name those that they imitate.
_BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Vivaldi/", "Vivaldi"),
    ("YaBrowser/", "Yandex Browser"),
    ("DuckDuckGo/", "DuckDuckGo"),
    ("FxiOS/", "Firefox"),
    ("Firefox/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Version/", "Safari"),
)
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("CrOS", "ChromeOS"),
    ("Windows", "Windows"),
    ("Macintosh", "macOS"),
    ("Linux", "Linux"),
)
_IN_THE_HAND = ("iPhone", "iPad", "Android")


class Device(NamedTuple):
    """Browser and operating system; "" if unknown."""

    browser: str
    system: str

    @property
    def is_mobile(self) -> bool:
        """Whether it is a telephone or a tablet."""
        return self.system in _IN_THE_HAND


def clean_agent(user_agent: str) -> str:
    """Return a User-Agent as it is stored."""
    return "".join(char if char.isprintable() else " " for char in user_agent[:LONGEST])


def device_of(user_agent: str) -> Device:
    """Return the device that a User-Agent names."""
    browser = next((name for sign, name in _BROWSERS if sign in user_agent), "")
    return Device(browser, next((name for sign, name in _SYSTEMS if sign in user_agent), ""))
