"""A stranger's wrong passwords keep nobody out: a device that signed in before and the mailed link pass the lock."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from messaging_app.accounts.limits import LIMITS, Counters
from messaging_app.policies import ROLES
from tests.accounts.conftest import arrived, browse, link_in
from tests.accounts.test_forgot import ask
from tests.accounts.test_own_account import PEOPLE
from tests.cast import EMAILS, PASSWORD
from tests.conftest import Browser
from tests.post import Post

TEN = LIMITS["sign_in_account"].amount
NOBODY = "nobody@mail.example"


def attempt(browser: Browser, role: str, email: str, password: str) -> tuple[int, str]:
    """The status and the words of an attempt to sign in, without what differs each time."""
    address = f"/{role}/login" + ("?store=bakery" if role == "storefront" else "")
    browser.get(address)
    answer = browser.post(address, {"email": email, "password": password})
    page = answer.text.partition("<main")[2].replace(email, "EMAIL")
    return answer.status_code, re.sub(r'value="[^"@]{60,}"', "", page)


def lock(post: Post, role: str, email: str) -> None:
    """A stranger guesses until the account is closed."""
    for _ in range(TEN + 2):
        status, _page = attempt(browse(post), role, email, "wrong")
    assert status == 429


@pytest.fixture
def counted(post: Post) -> Post:
    post.app.extensions["limits"] = Counters(None)
    return post


@pytest.mark.parametrize(("role", "name"), PEOPLE)
def test_a_device_that_signed_in_before_passes_the_lock(counted: Post, role: str, name: str) -> None:
    own = browse(counted, name, role)
    own.post(ROLES[role].logout)
    lock(counted, role, EMAILS[name])
    assert attempt(browse(counted), role, EMAILS[name], PASSWORD)[0] == 429, "another device waits"
    assert attempt(own, role, EMAILS[name], "wrong")[0] == 422
    assert attempt(own, role, EMAILS[name], PASSWORD)[0] == 303
    assert attempt(browse(counted), role, EMAILS[name], PASSWORD)[0] == 429


@pytest.mark.parametrize(("role", "name"), PEOPLE)
def test_the_mailed_link_passes_it_though_the_stranger_goes_on(counted: Post, role: str, name: str) -> None:
    lock(counted, role, EMAILS[name])
    browser = browse(counted)
    ask(browser, role, EMAILS[name])
    path = link_in(arrived(counted)[0])
    browser.get(path)
    assert browser.post(path, {"password": "a new long one"}).status_code == 303
    lock(counted, role, EMAILS[name])
    for _ in range(100):  # and so is everybody's address, behind one and the same router
        with counted.app.app_context():
            counted.app.extensions["limits"].ask(
                lambda strategy: strategy.hit(LIMITS["sign_in_address"], "sign_in_address", "127.0.0.1")
            )
    assert attempt(browser, role, EMAILS[name], "a new long one")[0] == 303


def test_a_device_is_known_for_its_own_accounts_only(counted: Post) -> None:
    own = browse(counted, "sam")
    own.post("/store/logout")
    for role, name in (("store", "lea"), ("storefront", "cleo"), ("admin", "ada")):
        lock(counted, role, EMAILS[name])
        assert attempt(own, role, EMAILS[name], PASSWORD)[0] == 429, name
    lock(counted, "store", EMAILS["sam"])
    stranger = browse(counted, "nadia")
    stranger.post("/store/logout")
    assert attempt(stranger, "store", EMAILS["sam"], PASSWORD)[0] == 429
    value = own.client.get_cookie("store-device")
    for forged in ("", "x", value.value[:-1], value.value.replace(".", "x."), "a" * 4000):  # type: ignore[union-attr]
        stranger.client.set_cookie("store-device", forged)
        assert attempt(stranger, "store", EMAILS["sam"], PASSWORD)[0] == 429
    assert attempt(own, "store", EMAILS["sam"], PASSWORD)[0] == 303


def test_a_known_device_guesses_no_more_than_ten_times_either(counted: Post) -> None:
    own = browse(counted, "sam")
    own.post("/store/logout")
    for _ in range(TEN):
        assert attempt(own, "store", EMAILS["sam"], "wrong")[0] == 422
    assert attempt(own, "store", EMAILS["sam"], PASSWORD)[0] == 429
    assert attempt(browse(counted), "store", EMAILS["sam"], PASSWORD)[0] == 303, "the account itself is not closed"


def test_one_browser_keeps_the_last_five_people_of_a_role(counted: Post) -> None:
    browser = browse(counted)
    for name in ("sam", "lea", "nadia"):
        assert browser.sign_in("store", name).status_code == 303
        browser.post("/store/logout")
    for name in ("sam", "lea", "nadia"):
        lock(counted, "store", EMAILS[name])
        assert attempt(browser, "store", EMAILS[name], PASSWORD)[0] == 303
        browser.post("/store/logout")


def test_the_cookie_is_no_key_and_for_no_script(counted: Post) -> None:
    browser = browse(counted)
    browser.get("/store/login")
    answer = browser.post("/store/login", {"email": EMAILS["sam"], "password": PASSWORD})
    [cookie] = [line for line in answer.headers.getlist("Set-Cookie") if line.startswith("store-device=")]
    for word in ("HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=31536000"):
        assert word in cookie
    assert "sam" not in cookie.lower().partition(";")[0]
    thief = browse(counted)
    thief.client.set_cookie("store-device", browser.client.get_cookie("store-device").value)  # type: ignore[union-attr]
    assert thief.get("/store/messages").status_code == 302


DEEDS = st.lists(st.sampled_from(["stranger", "stranger", "many", "home", "slip", "reset"]), min_size=1, max_size=8)


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(deeds=DEEDS)
def test_whatever_a_stranger_does_the_person_gets_in_and_the_stranger_learns_nothing(
    counted: Post, deeds: list[str]
) -> None:
    """At home, with a slip of the keyboard now and then, or by the link; the stranger sees what an unknown address shows."""
    counted.app.extensions["limits"] = Counters(None)
    home, password, slips = browse(counted), PASSWORD, 0
    if not _is_in(home, password):  # an example before this one has changed it
        password = _reset(counted, home, "the very first one")
    for number, deed in enumerate(deeds):
        if deed == "slip" and slips < TEN - 1:
            slips += 1
            assert attempt(home, "store", EMAILS["sam"], "wrong")[0] == 422
        elif deed == "reset" and deeds[:number].count("reset") < 2:  # three mails an hour
            password, slips = _reset(counted, browse(counted), f"the new one {number}"), 0
        elif deed in ("stranger", "many"):
            for _ in range(TEN + 1 if deed == "many" else 3):
                known, unknown = (attempt(browse(counted), "store", to, "wrong") for to in (EMAILS["sam"], NOBODY))
                assert known[0] in (422, 429)
                if deed == "many" and "reset" not in deeds:
                    assert known == unknown
        assert _is_in(home, password), deeds
        slips = 0


def _is_in(browser: Browser, password: str) -> bool:
    status, _page = attempt(browser, "store", EMAILS["sam"], password)
    browser.get("/store/messages")
    browser.post("/store/logout")
    return status == 303


def _reset(post: Post, browser: Browser, password: str) -> str:
    arrived(post)
    ask(browser, "store", EMAILS["sam"])
    path: Any = next(link_in(mail) for mail in arrived(post) if "password" in mail["Subject"])
    browser.get(path)
    assert browser.post(path, {"password": password}).status_code == 303
    assert _is_in(browser, password), "where the link was opened"
    return password
