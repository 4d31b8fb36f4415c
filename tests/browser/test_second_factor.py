"""Passkeys with a real browser's virtual authenticator, an authenticator app without scripts, and how it all looks."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import CDPSession, Page, expect

from messaging_app.services.settings import set_settings
from tests.accounts.second_factors import App
from tests.browser.axe import in_every_look
from tests.browser.conftest import Site, Visitors
from tests.cast import EMAILS, PASSWORD

pytestmark = pytest.mark.browser
SECURITY = "/admin/account/security"


@pytest.fixture
def site(site: Site, monkeypatch: pytest.MonkeyPatch) -> Site:
    """The server under a name: browsers make no passkeys for a number."""
    monkeypatch.setattr(site, "url", site.url.replace("127.0.0.1", "localhost"))
    monkeypatch.setattr(site.app.extensions["settings"], "base_url", site.url)
    return site


def authenticator(page: Page) -> tuple[CDPSession, str]:
    """Plug in an authenticator that says yes to everything."""
    link = page.context.new_cdp_session(page)
    link.send("WebAuthn.enable")
    options = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True}
    options |= {"isUserVerified": True, "automaticPresenceSimulation": True}
    return link, str(link.send("WebAuthn.addVirtualAuthenticator", {"options": options})["authenticatorId"])


def test_a_passkey_is_made_in_the_browser_and_signs_in(site: Site, visit: Visitors) -> None:
    page = visit("ada", SECURITY)
    link, device = authenticator(page)
    page.get_by_label("Name of a new passkey").fill("My phone")
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.get_by_role("list", name="Ten recovery codes").get_by_role("listitem")).to_have_count(10)
    expect(page.get_by_role("list", name="Your passkeys")).to_contain_text("My phone")
    page.context.clear_cookies()
    for begin in ("straight", "after the password"):
        page.goto("/admin/login?next=/admin/messages%3Fstatus%3Dall")
        if begin == "after the password":
            page.get_by_label("E-mail").fill(EMAILS["ada"])
            page.get_by_label("Password").fill(PASSWORD)
            page.get_by_role("button", name="Sign in", exact=True).click()
            expect(page.get_by_label("Code")).to_be_focused()
        page.get_by_role("button", name="Use a passkey").click()
        expect(page).to_have_url(re.compile("/admin/messages\\?status=all$"))
        page.context.clear_cookies()
    link.send("WebAuthn.setUserVerified", {"authenticatorId": device, "isUserVerified": False})
    page.goto("/admin/login")
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_role("alert")).to_contain_text("That didn’t work")
    expect(page).to_have_url(re.compile("/admin/login$"))


def test_the_secret_and_the_codes_are_copied(site: Site, visit: Visitors) -> None:
    page = visit("ada", SECURITY, permissions=["clipboard-read", "clipboard-write"])
    app = App(page.content())
    page.get_by_role("button", name="Copy", exact=True).click()
    assert page.evaluate("navigator.clipboard.readText()") == app.secret
    page.get_by_label("Type the six digits it shows").fill(app.code())
    page.get_by_role("button", name="Turn on").click()
    page.get_by_role("button", name="Copy all").click()
    copied = page.evaluate("navigator.clipboard.readText()").split("\n")
    assert copied == page.get_by_role("list", name="Ten recovery codes").get_by_role("listitem").all_inner_texts()
    with page.expect_download() as saved:
        page.get_by_role("link", name="Download").click()
    assert saved.value.path().read_bytes().decode().split("\r\n") == copied


def test_an_app_is_set_up_and_signs_in_without_scripts(site: Site, visit: Visitors) -> None:
    page = visit("ada", SECURITY, java_script_enabled=False)
    app = App(page.content())
    expect(page.get_by_role("button", name="Add a passkey")).to_have_count(0)
    page.get_by_label("Type the six digits it shows").fill(app.code(-1))
    page.get_by_role("button", name="Turn on").click()
    expect(page.get_by_role("list", name="Ten recovery codes").get_by_role("listitem")).to_have_count(10)
    page.context.clear_cookies()
    page.goto("/admin/login")
    page.get_by_label("E-mail").fill(EMAILS["ada"])
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_label("Code").fill(app.code())
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(re.compile("/admin/messages$"))


@pytest.mark.long
def test_the_pages_of_a_second_factor_have_no_faults(site: Site, visit: Visitors) -> None:
    site.do(set_settings, None, {"second_factor_required_admins": "true"})
    page = visit("ada", f"{SECURITY}?next=/admin/messages")
    expect(page.get_by_text("you need a second factor")).to_be_visible()
    faults = in_every_look(page)
    app = App(page.content())
    page.get_by_label("Type the six digits it shows").fill(app.code())
    page.get_by_role("button", name="Turn on").click()
    expect(page.get_by_role("list", name="Ten recovery codes")).to_be_visible()
    faults += in_every_look(page)
    authenticator(page)
    page.get_by_label("Name of a new passkey").fill("A phone")
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.get_by_role("list", name="Your passkeys")).to_be_visible()
    faults += in_every_look(page)
    page.get_by_role("link", name="Remove A phone").click()
    faults += in_every_look(page)
    page.context.clear_cookies()
    page.goto("/admin/login")
    page.get_by_label("E-mail").fill(EMAILS["ada"])
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_label("Code")).to_be_visible()
    faults += in_every_look(page)
    assert faults == []
