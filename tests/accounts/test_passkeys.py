"""Passkeys: added, signed in with, removed, and every answer that is not right. A browser's own are in tests/browser."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import select
from werkzeug.test import TestResponse

from messaging_app.db.engine import now
from messaging_app.extensions import db
from messaging_app.models import Passkey
from messaging_app.services.settings import set_settings
from tests.accounts.conftest import actions, arrived, browse
from tests.accounts.second_factors import CODES, enrol, first_step, second_step
from tests.accounts.soft_passkey import PRESENT, SoftPasskey
from tests.cast import EMAILS, PASSWORD
from tests.conftest import Browser
from tests.post import Post

KEYS = "/admin/account/security/passkeys"
ORIGIN = "http://localhost"


def add(browser: Browser, key: SoftPasskey, name: str = "MacBook Air", at: str = KEYS) -> TestResponse:
    """Add a passkey on the security page."""
    browser.get(at.removesuffix("/passkeys"))
    return browser.post(at, {"name": name, "credential": key.create(browser.get(at).text)})


def use(browser: Browser, key: SoftPasskey, role: str = "admin", onward: str = "") -> TestResponse:
    """Sign in with one."""
    browser.get(f"/{role}/login")
    answer = key.get(browser.get(f"/{role}/login/passkey").text)
    return browser.post(f"/{role}/login/passkey", {"credential": answer, "next": onward})


@pytest.mark.parametrize("counts", [True, False], ids=["counts", "does not count"])
def test_a_passkey_signs_in_without_password_and_code(post: Post, counts: bool) -> None:
    key = SoftPasskey(ORIGIN, counts=counts)
    browser = browse(post, "ada", "admin")
    made = add(browser, key)
    assert made.status_code == 200 and len(CODES.findall(made.text)) == 10, "the first factor brings recovery codes"
    for _ in range(3):
        done = use(browse(post), key, onward="/admin/messages?status=all")
        assert (done.status_code, done.location) == (303, "/admin/messages?status=all")
    page = browser.get("/admin/account/security").text
    assert "MacBook Air" in page and "last used" in page
    assert [mail["Subject"] for mail in arrived(post)] == ["A passkey was added to your account"]
    assert actions() == [("Ada", "factor.added", EMAILS["ada"])]


def test_it_is_the_second_step_after_a_password_too(post: Post) -> None:
    key = SoftPasskey(ORIGIN)
    codes = CODES.findall(add(browse(post, "ada", "admin"), key).text)
    browser = first_step(post, "ada")
    assert use(browser, key).status_code == 303 and browser.get("/admin/messages").status_code == 200
    assert second_step(first_step(post, "ada"), codes[0]).status_code == 303, "where the passkey is lost"


def test_it_counts_as_the_factor_that_a_setting_asks_for(post: Post) -> None:
    set_settings(None, {"second_factor_required_admins": "true"})
    with time_machine.travel(now() + timedelta(days=8), tick=True):
        browser = browse(post, "ada", "admin")
        assert browser.get("/admin/messages").status_code == 303
        assert add(browser, SoftPasskey(ORIGIN)).status_code == 200
        assert browser.get("/admin/messages").status_code == 200


def test_each_signs_in_its_own_user_where_they_may(post: Post) -> None:
    ada, sam = SoftPasskey(ORIGIN), SoftPasskey(ORIGIN)
    add(browse(post, "ada", "admin"), ada)
    add(browse(post, "sam"), sam, at="/store/account/security/passkeys")
    assert use(browse(post), sam, "store").status_code == 303
    for key, role in ((ada, "store"), (sam, "admin")):
        refused = use(browse(post), key, role)
        assert refused.status_code == 422 and "This passkey did not work" in refused.text


def test_an_answer_is_good_once_also_for_many_at_once(post: Post) -> None:
    key = SoftPasskey(ORIGIN, counts=False)
    add(browse(post, "ada", "admin"), key)
    browsers = [browse(post) for _ in range(6)]
    for browser in browsers:
        browser.get("/admin/login")
    answer = key.get(browsers[0].get("/admin/login/passkey").text)
    with ThreadPoolExecutor(6) as people:
        sent = people.map(lambda browser: browser.post("/admin/login/passkey", {"credential": answer}), browsers)
        assert sorted(response.status_code for response in sent) == [303, 422, 422, 422, 422, 422]


def test_a_copied_key_is_noticed_by_its_count(post: Post) -> None:
    key = SoftPasskey(ORIGIN)
    add(browse(post, "ada", "admin"), key)
    assert use(browse(post), key).status_code == 303
    key.count -= 1
    assert use(browse(post), key).status_code == 422


WRONG = {
    "another site's": lambda key, options: key.get(options, origin="http://localhost.evil.example"),
    "for another challenge": lambda key, _options: key.get(None),
    "for making one": lambda key, options: key.get(options, type="webauthn.create"),
    "another key's": lambda key, options: SoftPasskey(ORIGIN).get(options),
    "another key's under this number": lambda key, options: _swapped(key, options),
    "not verified by the user": lambda key, options: _unverified(key, options),
    "nothing": lambda _key, _options: "",
    "no JSON": lambda _key, _options: "{",
    "a list": lambda _key, _options: "[]",
    "empty": lambda _key, _options: "{}",
    "deep": lambda _key, _options: "[" * 3_000,
    "numbers": lambda key, options: json.dumps({**json.loads(key.get(options)), "rawId": 7, "response": 7}),
    "half of one": lambda key, options: json.dumps(
        {**json.loads(key.get(options)), "response": {"clientDataJSON": "e"}}
    ),
    "null bytes": lambda key, options: key.get(options).replace('"rawId": "', '"rawId": "\\u0000'),
}


def _swapped(key: SoftPasskey, options: str) -> str:
    other = SoftPasskey(ORIGIN)
    other.number = key.number
    return other.get(options)


def _unverified(key: SoftPasskey, options: str) -> str:
    key.flags = PRESENT
    return key.get(options)


@pytest.mark.parametrize("how", WRONG)
def test_a_wrong_answer_signs_nobody_in(post: Post, how: str) -> None:
    key = SoftPasskey(ORIGIN)
    add(browse(post, "ada", "admin"), key)
    browser = browse(post)
    browser.get("/admin/login")
    answer = WRONG[how](key, browser.get("/admin/login/passkey").text)
    refused = browser.post("/admin/login/passkey", {"credential": answer})
    assert (
        refused.status_code == 422 and "This passkey did not work" in refused.text and 'name="password"' in refused.text
    )
    assert browser.get("/admin/messages").status_code == 302


def test_a_challenge_is_good_for_five_minutes_and_for_its_purpose(post: Post) -> None:
    key, browser = SoftPasskey(ORIGIN), browse(post, "ada", "admin")
    browser.get("/admin/account/security")
    late, sign_in = browser.get(KEYS).text, browser.get("/admin/login/passkey").text
    of_abe = browse(post, "abe", "admin").get(KEYS).text
    for options in (sign_in, of_abe):
        assert browser.post(KEYS, {"name": "Key", "credential": key.create(options)}).status_code == 422
    with time_machine.travel(now() + timedelta(minutes=6)):
        refused = browser.post(KEYS, {"name": "Key", "credential": key.create(late)})
        assert refused.status_code == 422 and "took too long" in refused.text and 'value="Key"' in refused.text
    assert db.session.scalars(select(Passkey.id)).all() == []


@pytest.mark.parametrize("name", ["", " ", "\u200b", "x" * 101, "a\u202eb"])
def test_a_passkey_has_a_name_that_can_be_seen(post: Post, name: str) -> None:
    browser = browse(post, "ada", "admin")
    assert add(browser, SoftPasskey(ORIGIN), name).status_code == 422


def test_a_passkey_is_added_once_and_twenty_are_enough(post: Post) -> None:
    key, browser = SoftPasskey(ORIGIN), browse(post, "ada", "admin")
    assert add(browser, key).status_code == 200
    assert add(browser, key).status_code == 422
    assert add(browse(post, "abe", "admin"), key).status_code == 422, "nor by somebody else"
    for _ in range(19):
        assert add(browser, SoftPasskey(ORIGIN)).status_code == 303
    assert add(browser, SoftPasskey(ORIGIN)).status_code == 422


def test_removing_one_asks_for_the_password_and_leaves_the_others(post: Post) -> None:
    enrol(post, "abe")
    first, second, browser = SoftPasskey(ORIGIN), SoftPasskey(ORIGIN), browse(post, "ada", "admin")
    add(browser, first)
    add(browser, second, "YubiKey")
    arrived(post)
    numbers = db.session.scalars(select(Passkey.id).order_by(Passkey.id)).all()
    db.session.rollback()
    path = f"{KEYS}/{numbers[0]}/remove"
    assert "MacBook Air" in browser.get(path).text
    assert browser.post(path, {"current_password": "no"}).status_code == 422
    assert browse(post, "sam").post("/store" + path.removeprefix("/admin"), {}).status_code == 404, "hers alone"
    assert browser.post(path, {"current_password": PASSWORD}).status_code == 303
    assert use(browse(post), first).status_code == 422 and use(browse(post), second).status_code == 303
    [mail] = arrived(post)
    assert mail["Subject"] == "A passkey was removed from your account" and "MacBook Air" in mail.as_string()
