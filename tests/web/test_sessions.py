"""Staying in and getting out: three roles in one browser, sessions that end when they should."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select, text

from messaging_app.extensions import db
from messaging_app.models import SignInSession
from messaging_app.policies import ROLES
from tests import cast
from tests.conftest import Web
from tests.web.signing_in import INBOX, WHO, bring_in, cookie, is_in, opens

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


# --- Side by side -------------------------------------------------------------------------------------------------


def test_one_browser_is_signed_in_as_all_three_side_by_side(web: Web, numbers: dict[str, int]) -> None:
    browser = web.browser()
    for role, name in WHO.items():
        assert browser.sign_in(role, name).status_code == 303
    for role, name in WHO.items():
        page = browser.get(INBOX[role])
        assert page.status_code == 200 and name.title() in page.text
    browser.get(INBOX["store"])
    assert browser.post(ROLES["store"].logout).status_code == 303
    assert [is_in(browser, role) for role in ROLES] == [True, False, True]


def test_signing_in_again_as_another_person_replaces_the_first(web: Web) -> None:
    browser = web.browser()
    browser.sign_in("storefront", "cleo")
    before = cookie(browser, "storefront")
    browser.sign_in("storefront", "jun")
    page = browser.get(INBOX["storefront"]).text
    assert "Jun" in page and "Northwind" in page and "Cleo" not in page
    assert not opens(web, "storefront", before), "the replaced session lives on"


# --- Sessions -----------------------------------------------------------------------------------------------------


def test_a_cookie_copied_before_sign_out_is_worthless_after_it(web: Web) -> None:
    for role, name in WHO.items():
        browser = web.signed_in(name)
        copied = cookie(browser, role)
        assert opens(web, role, copied)
        assert browser.post(ROLES[role].logout).status_code == 303
        assert not opens(web, role, copied)
        assert not is_in(browser, role)


def test_a_session_known_before_sign_in_is_not_the_session_after_it(web: Web) -> None:
    browser = web.browser()
    browser.get("/admin/login")
    before = cookie(browser, "admin")
    token_before = browser.token
    browser.sign_in("admin", "ada")
    assert cookie(browser, "admin") != before
    assert browser.token != token_before
    assert not opens(web, "admin", before)


def test_every_sign_in_has_a_session_of_its_own(web: Web) -> None:
    first, second = web.signed_in("ada"), web.signed_in("ada")
    first.post("/admin/logout")
    assert is_in(second, "admin")


def test_the_database_holds_no_token_that_opens_anything(web: Web) -> None:
    web.signed_in("ada")
    with web.app.app_context():
        kept = db.session.scalar(select(SignInSession.token_hash))
    assert kept is not None
    browser = web.browser()
    with browser.client.session_transaction("/admin") as session:
        session["_user_id"] = kept
    assert not is_in(browser, "admin")


def test_a_signed_cookie_of_another_key_opens_nothing(web: Web, make_app: Callable[..., Flask]) -> None:
    url = web.app.config["SQLALCHEMY_DATABASE_URI"]
    other = make_app(url, secret_key="another-Key.for+tests=only_9c4e2b7d")
    stranger = Web.__new__(Web)
    stranger.app = other
    cookie_of_other = cookie(stranger.signed_in("ada"), "admin")
    assert not opens(web, "admin", cookie_of_other)


@pytest.mark.parametrize(
    ("who", "role", "entry"),
    [
        ("abe", "admin", {"admins": [{"email": "abe@mail.example", "active": False}]}),
        ("sam", "store", {"stores": [{"code": "bakery", "staff": [{"email": "sam@mail.example", "active": False}]}]}),
        ("sam", "store", {"stores": [{"code": "bakery", "active": False}]}),
        ("cleo", "storefront", {"stores": [{"code": "bakery", "active": False}]}),
        (
            "cleo",
            "storefront",
            {"stores": [{"code": "bakery", "customers": [{"email": "cleo@mail.example", "active": False}]}]},
        ),
    ],
    ids=["admin", "off the staff", "staff of a closed store", "customer of a closed store", "customer"],
)
def test_who_is_deactivated_is_out_at_the_next_request(web: Web, who: str, role: str, entry: dict[str, Any]) -> None:
    browser = web.signed_in(who)
    copied = cookie(browser, role)
    bring_in(web, **entry)
    assert browser.get(f"{INBOX[role]}/unread-count", htmx=True).status_code == 401
    assert not is_in(browser, role)
    assert browser.sign_in(role, who).status_code == 422
    back = re.sub("False", "True", repr(entry))
    bring_in(web, **eval(back))
    assert not opens(web, role, copied), "an ended session came back to life"
    assert browser.sign_in(role, who).status_code == 303


def test_who_leaves_one_of_two_stores_stays_in_the_other(web: Web) -> None:
    at_bakery, at_cycles = web.signed_in("lea"), web.signed_in("lea")
    at_cycles.post("/store/switch", {"store_id": str(web.cast.cycles)})
    bring_in(web, stores=[{"code": "bakery", "staff": [{"email": "lea@mail.example", "active": False}]}])
    assert not is_in(at_bakery, "store")
    assert is_in(at_cycles, "store")
    assert at_bakery.sign_in("store", "lea").status_code == 303
    assert "Northwind" in at_bakery.get("/store").text


def test_a_changed_password_ends_the_sessions_of_the_old_one(web: Web) -> None:
    ada, cleo = web.signed_in("ada"), web.signed_in("cleo")
    other = cast.CHEAP.hash("battery staple")
    bring_in(
        web,
        admins=[{"email": "ada@mail.example", "password_hash": other}],
        stores=[{"code": "bakery", "customers": [{"email": "cleo@mail.example", "password_hash": other}]}],
    )
    assert not is_in(ada, "admin") and not is_in(cleo, "storefront")
    assert ada.sign_in("admin", "ada").status_code == 422
    assert ada.sign_in("admin", "ada", "battery staple").status_code == 303


@pytest.mark.parametrize("role", ROLES)
def test_a_session_ends_when_it_was_idle_too_long_though_polls_go_on(web: Web, role: str) -> None:
    idle = ROLES[role].idle
    with time_machine.travel(NOON, tick=False) as clock:
        browser = web.signed_in(WHO[role])
        clock.move_to(NOON + idle - timedelta(minutes=1))
        for path in ("/unread-count", "?have=x", "/unread-count?have=0"):
            assert browser.get(INBOX[role] + path, htmx=True).status_code in (200, 204)
        clock.move_to(NOON + idle + timedelta(seconds=1))
        assert browser.get(f"{INBOX[role]}/unread-count", htmx=True).status_code == 401
        assert not is_in(browser, role)


@pytest.mark.parametrize("role", ROLES)
def test_use_prolongs_a_session_but_not_for_ever(web: Web, role: str) -> None:
    policy = ROLES[role]
    with time_machine.travel(NOON, tick=False) as clock:
        browser = web.signed_in(WHO[role])
        moment = NOON
        while moment + policy.idle * 0.9 < NOON + policy.absolute:
            moment += policy.idle * 0.9
            clock.move_to(moment)
            assert is_in(browser, role), moment - NOON
        clock.move_to(NOON + policy.absolute - timedelta(minutes=1))
        assert is_in(browser, role)
        clock.move_to(NOON + policy.absolute + timedelta(seconds=1))
        assert not is_in(browser, role)


def test_only_use_is_noted_and_at_most_every_five_minutes(web: Web) -> None:
    def last_used() -> datetime:
        with web.app.app_context():
            found = db.session.scalar(select(SignInSession.last_used_at).order_by(SignInSession.id.desc()))
            assert found is not None
            return found

    with time_machine.travel(NOON, tick=False) as clock:
        browser = web.signed_in("ada")
        clock.move_to(NOON + timedelta(minutes=4))
        browser.get("/admin/messages")
        assert last_used() == NOON
        clock.move_to(NOON + timedelta(minutes=6))
        for poll in ("/unread-count", "/unread-count?have=9", "?have=x", "/1/messages?after=0", "/1?have=x"):
            browser.get(f"/admin/messages{poll}", htmx=True)
        assert last_used() == NOON, "a poll was taken for use"
        browser.get("/admin/messages")
        assert last_used() == NOON + timedelta(minutes=6)


def test_who_is_signed_in_reads_on_though_the_note_of_use_cannot_be_written(web: Web) -> None:
    """Another process writes for a long time: a GET that wants to note the last use must not fail for it."""
    with time_machine.travel(NOON, tick=False) as clock:
        browser = web.signed_in("ada")
        clock.move_to(NOON + timedelta(minutes=6))
        with web.engine.connect().execution_options(transaction="IMMEDIATE") as writer:
            writer.execute(text("UPDATE stores SET name = name"))
            start = time.monotonic()
            answer = browser.get("/admin/messages")
            waited = time.monotonic() - start
            writer.rollback()
        assert answer.status_code == 200
        assert waited < 3


# --- CSRF over time -----------------------------------------------------------------------------------------------


def test_a_token_holds_as_long_as_the_session_and_no_poll_changes_it(web: Web, numbers: dict[str, int]) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        browser = web.signed_in("cleo")
        first = browser.token
        for day in range(1, 80, 8):
            clock.move_to(NOON + timedelta(days=day))
            poll = browser.client.get("/storefront/account/messages/unread-count", headers={"HX-Request": "true"})
            assert "Set-Cookie" not in poll.headers
            browser.client.get("/storefront/account")
        answer = browser.client.post(
            f"/storefront/account/messages/{numbers['bakery-cleo']}/messages",
            data={"csrf_token": first, "content": "Written in a tab that stood open for weeks"},
        )
        assert answer.status_code == 303


# --- Signing out --------------------------------------------------------------------------------------------------


def test_signing_out_twice_or_without_having_been_in_is_no_fault(web: Web) -> None:
    browser = web.signed_in("ada")
    assert browser.post("/admin/logout").location == "/admin/login"
    browser.get("/admin/login")
    assert browser.post("/admin/logout").status_code == 303


def test_the_page_after_signing_out_is_not_kept(web: Web, numbers: dict[str, int]) -> None:
    browser = web.signed_in("ada")
    page = browser.get(f"/admin/messages/{numbers['admin-bakery']}")
    assert page.headers["Cache-Control"] == "private, no-store"
