"""A day in Firefox ESR and in WebKitGTK: what people do all the time, in the engines that Chromium's tests do not see."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from messaging_app.services import messaging
from tests import cast
from tests.browser.conftest import Site
from tests.browser.engines import Window, firefox, webkit

pytestmark = [pytest.mark.browser, pytest.mark.long]

ADDRESS = "return location.pathname"
FITS = """
    const dialog = document.querySelector("dialog[open]");
    const { top, bottom, height } = dialog.getBoundingClientRect();
    const inside = [...dialog.querySelectorAll("*")].filter((e) => e.getClientRects().length && !e.closest(".visually-hidden"));
    const end = Math.max(...inside.map((e) => e.getBoundingClientRect().bottom));
    return { gap: bottom - end, top, below: innerHeight - bottom, height };
"""


@pytest.fixture(params=[firefox, webkit], ids=["firefox", "webkit"])
def window(request: pytest.FixtureRequest, site: Site) -> Iterator[Window]:
    with request.param(site.url) as opened:
        yield opened


def sign_in(window: Window, name: str) -> None:
    window.type("[name='email']", cast.EMAILS[name])
    window.type("[name='password']", cast.PASSWORD)
    window.click("main button[type='submit'], form button[type='submit']")


def expect_dialog_that_fits(window: Window) -> None:
    """A dialog is as high as what it holds, and all of it is on the screen."""
    window.until("return document.querySelector('dialog[open]')?.getBoundingClientRect().height > 50")
    box = window.run(FITS)
    assert box["top"] >= 0 and box["below"] >= 0 and box["gap"] < 40, box


def test_the_main_journey(window: Window, site: Site, tmp_path: Path) -> None:
    first = site.begin(site.cast.sam, site.cast.cleo, "The first", "One.")
    second = site.begin(site.cast.sam, site.cast.omar, "The second", "Two.")
    window.open("/store/messages")
    sign_in(window, "sam")
    window.shows("#conversation-list", "The second")

    # Back and Forward change the address and the page.
    for number, subject in ((first, "The first"), (second, "The second")):
        window.click(f"#conversation-{number} a")
        window.shows("#subject", subject)
    for move, number, subject in ((window.back, first, "The first"), (window.forward, second, "The second")):
        move()
        window.shows("#subject", subject)
        window.until(f"{ADDRESS} === '/store/messages/{number}'")

    # A message is written by keys, sent, and answered while one looks.
    window.back()
    window.shows("#subject", "The first")
    window.type("#content", "From another engine")
    window.click("#send")
    window.shows("#thread-messages", "From another engine")
    window.until("return document.getElementById('content').value === ''")
    site.do(messaging.send_message, site.cast.cleo, first, "Seen and answered")
    window.shows("#thread-messages", "Seen and answered")

    # Words and files outlive a reload.
    table = tmp_path / "prices.csv"
    table.write_text("bread,price\nrye,4.20\n")
    window.type("#content", "With prices")
    window.attach("#attachments", table)
    window.shows("[data-staged]", "prices.csv")
    window.until("return localStorage.length > 0 && new Promise((done) => setTimeout(done, 500, true))")
    window.open(f"/store/messages/{first}")
    window.shows("#content", "With prices")
    window.shows("[data-staged]", "prices.csv")
    window.click("#send")
    window.shows("#thread-messages", "prices.csv")

    # Menus, dialogs, the compose form.
    window.click("[popovertarget='account']")
    window.click("#account [data-open-dialog='notices']")
    expect_dialog_that_fits(window)
    window.click("dialog[open] [aria-label='Close']")
    window.click("[data-compose]")
    window.type("#recipient-q", "cle")
    window.until("return document.querySelectorAll('#recipients .recipient').length === 1")
    expect_dialog_that_fits(window)
    window.click("#recipients .recipient")
    window.type("#compose-subject", "Begun elsewhere")
    window.type("#compose-content", "A beginning")
    window.click("#compose-send")
    window.shows("#subject", "Begun elsewhere")
    window.click("#close-conversation")
    window.shows("#thread-messages", "closed this conversation")
    window.click("[popovertarget='account']")
    with contextlib.suppress(Exception):  # the page goes while the driver still waits for its answer
        window.click("[data-sign-out] button")
    window.until("return location.pathname === '/store/login'")
    assert window.run("return Object.keys(localStorage).filter((key) => key.startsWith('draft:')).length") == 0
