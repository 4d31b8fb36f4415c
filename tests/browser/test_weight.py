"""What a visit weighs on the line, and that every page is quiet: nothing from elsewhere, nothing in the console."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser import stories
from tests.browser.conftest import Site, Visitors
from tests.browser.hands import messages

pytestmark = pytest.mark.browser
FIRST, LATER = 160_000, 20_000  # bytes


class Scale:
    """Weighs what comes over the network while a page loads: headers and compressed bodies."""

    def __init__(self, page: Page) -> None:
        self.bytes = 0.0
        link = page.context.new_cdp_session(page)
        link.on("Network.loadingFinished", self._add)
        link.send("Network.enable")

    def _add(self, event: dict[str, Any]) -> None:
        self.bytes += event["encodedDataLength"]

    def read(self) -> int:
        """The bytes since the last reading."""
        weight, self.bytes = int(self.bytes), 0.0
        return weight


@pytest.fixture
def no_streams(site: Site) -> Iterator[None]:
    """There is room for no stream: a page whose stream stays open never comes to rest."""
    hub = site.app.extensions["bus"].hub
    room, hub.capacity = hub.capacity, 0
    yield
    hub.capacity = room


@pytest.mark.parametrize("name", ["ada", "sam", "cleo"])
@pytest.mark.usefixtures("no_streams")
def test_a_first_visit_is_light_and_a_later_one_almost_nothing(site: Site, visit: Visitors, name: str) -> None:
    for story in stories.EVERYDAY:
        site.tell(story)
    for n in range(30):
        site.begin(site.cast.sam, site.cast.cleo, f"Subject {n}")
        site.begin(site.cast.ada, site.cast.cleo, f"Subject {n}")
    number = site.begin(site.cast.ada, site.cast.cleo) if name == "ada" else site.tell(stories.long_thread(300))
    page = visit()
    role = {"ada": "admin", "sam": "store", "cleo": "storefront"}[name]
    page.context.add_cookies([site.cookie(role, getattr(site.cast, name))])
    base = f"/{role}{'/account' if name == 'cleo' else ''}/messages"
    page.goto("about:blank")
    scale = Scale(page)
    page.goto(f"{base}/{number}", wait_until="networkidle")
    expect(messages(page).last).to_be_visible()
    first = scale.read()
    page.goto(base, wait_until="networkidle")
    inbox = scale.read()
    page.goto(f"{base}/{number}", wait_until="networkidle")
    thread = scale.read()
    print(f"\nweight for {role}: first visit {first:,}, later inbox {inbox:,}, later thread {thread:,} bytes")
    assert 20_000 < first <= FIRST
    assert 500 < inbox < LATER
    assert 500 < thread < LATER


@pytest.mark.parametrize(
    ("name", "addresses"),
    [
        (None, ["/", "/admin/login", "/store/login", "/storefront/login", "/storefront/login?store=bakery", "/api/v1/docs"]),
        ("ada", ["/admin", "/admin/messages", "/admin/messages/new", "/admin/settings", "/admin/tokens", "/admin/preferences"]),
        ("lea", ["/store", "/store/messages", "/store/messages/new", "/store/tokens", "/store/preferences"]),
        ("cleo", ["/storefront/account", "/storefront/account/messages", "/storefront/account/preferences"]),
    ],
)  # fmt: skip
def test_every_page_is_quiet_and_asks_nobody_else(
    site: Site, visit: Visitors, name: str | None, addresses: list[str]
) -> None:
    for story in stories.EVERYDAY:
        site.tell(story)
    page = visit(name)
    failed: list[str] = []
    page.on("requestfailed", lambda request: request.failure == "net::ERR_ABORTED" or failed.append(request.url))
    for address in addresses:
        answer = page.goto(address, wait_until="load")
        assert answer and answer.status == 200, address
        assert "unsafe" not in answer.headers["content-security-policy"]
    assert not failed


def test_the_watch_hears_what_a_page_must_not_do(site: Site, visit: Visitors) -> None:
    page = visit("sam")
    for act in (
        "console.warn('careful')",
        "document.body.setAttribute('style', 'color: red')",
        "setTimeout(() => { throw new Error('oh no'); })",
        "document.body.append(Object.assign(document.createElement('script'), { textContent: '1' }))",
        "fetch('http://127.0.0.2:9/').catch(() => {})",
    ):
        before = len(visit.heard)
        page.evaluate(f"() => {{ {act} }}")
        for _ in range(100):
            if len(visit.heard) > before:
                break
            page.wait_for_timeout(20)
        assert len(visit.heard) > before, act
    visit.noise(".")
