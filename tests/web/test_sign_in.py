"""Getting in, staying in, getting out: three roles in one browser, sessions that end when they should."""

from __future__ import annotations

import html
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select, text

from messaging_app.database import writing
from messaging_app.extensions import db
from messaging_app.limits import limiter
from messaging_app.models import SignInSession
from messaging_app.policies import ROLES
from messaging_app.services import directory
from tests import cast
from tests.conftest import Browser, Web

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
INBOX = {name: role.messages for name, role in ROLES.items()}
WHO = {"admin": "ada", "store": "sam", "storefront": "cleo"}


def is_in(browser: Browser, role: str) -> bool:
    answer = browser.client.get(INBOX[role])
    assert answer.status_code in (200, 302)
    return answer.status_code == 200


def bring_in(web: Web, **entries: Any) -> None:
    """Import a directory file's content."""
    with web.app.app_context():
        plan = directory.make_plan(directory.parse(entries))
        directory.prepare_secrets(plan, print)
        with writing(db.session) as session:
            directory.apply(session, plan)


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


# --- Who may try how often ----------------------------------------------------------------------------------------


@pytest.fixture
def limited(make_app: Callable[..., Flask], sqlite_url: str) -> Web:
    return Web(make_app(sqlite_url, rate_limits="on"))


def test_an_account_is_closed_for_a_while_after_ten_wrong_passwords(limited: Web) -> None:
    browser = limited.browser()
    for _ in range(10):
        assert browser.sign_in("admin", "ada", "wrong").status_code == 422
    answer = browser.sign_in("admin", "ada")
    assert answer.status_code == 429
    assert 0 < int(answer.headers["Retry-After"]) <= 15 * 60 + 1
    assert "ada@mail.example" in answer.text, "what was typed is kept"
    assert limited.browser().sign_in("admin", "abe").status_code == 303, "others come in"
    assert limited.browser().sign_in("store", "sam").status_code == 303


def test_writing_the_e_mail_another_way_is_no_way_around(limited: Web) -> None:
    browser = limited.browser()
    browser.get("/admin/login")
    for email in ("ada@mail.example", " ADA@mail.example", "Ada@Mail.Example ", "adA@mail.example") * 3:
        last = browser.post("/admin/login", {"email": email, "password": "wrong"})
    assert last.status_code == 429


def test_an_address_is_closed_after_a_hundred_wrong_ones_whatever_it_says_of_itself(limited: Web) -> None:
    browser = limited.browser()
    browser.get("/admin/login")
    with limited.app.app_context():
        for _ in range(99):  # an attempt each, without the work of a password
            limiter.hit("sign_in_address", "127.0.0.1")
    for number, status in enumerate((422, 429, 429)):
        answer = browser.post(
            "/admin/login",
            {"email": f"nobody{number}@mail.example", "password": "wrong"},
            headers={"X-Forwarded-For": f"10.9.9.{number}", "Forwarded": f"for=10.9.8.{number}"},
        )
        assert answer.status_code == status


def test_right_passwords_do_not_close_an_account(limited: Web) -> None:
    for _ in range(12):
        assert limited.browser().sign_in("admin", "ada").status_code == 303


def test_unknown_and_known_e_mails_get_the_same_answer_in_the_same_time(web: Web) -> None:
    browser = web.browser()

    def attempt(email: str) -> tuple[int, str, float]:
        browser.get("/admin/login")
        start = time.perf_counter()
        answer = browser.post("/admin/login", {"email": email, "password": "wrong"})
        took = time.perf_counter() - start
        return answer.status_code, re.sub(r'value="[^"]*"', "", answer.text), took

    attempt("warm@up.example")
    known = [attempt("ada@mail.example") for _ in range(2)]
    unknown = [attempt("nobody@mail.example") for _ in range(2)]
    staff_only = attempt("sam@mail.example")
    assert {answer[:2] for answer in known} == {answer[:2] for answer in unknown} == {staff_only[:2]}
    # The cast's hashes are cheap, the dummy is not: an unknown e-mail never answers faster.
    assert min(answer[2] for answer in unknown) >= min(answer[2] for answer in known) * 0.5


@pytest.mark.usefixtures("cheap_passwords")
def test_who_has_no_password_cannot_sign_in(web: Web) -> None:
    with web.app.app_context(), writing(db.session) as session:
        session.execute(text("UPDATE users SET password_hash = NULL"))
        session.execute(text("UPDATE customers SET password_hash = ''"))
    for role, name in WHO.items():
        for password in (cast.PASSWORD, "nobody has this password"):  # the latter is what is hashed in vain
            assert web.browser().sign_in(role, name, password).status_code == 422


@pytest.mark.usefixtures("cheap_passwords")
def test_each_role_lets_only_its_own_people_in(web: Web) -> None:
    for role, name in (("store", "ada"), ("admin", "sam"), ("admin", "cleo"), ("store", "cleo"), ("storefront", "sam")):
        assert web.browser().sign_in(role, name).status_code == 422, (role, name)
    with web.app.app_context(), writing(db.session) as session:
        session.execute(text("UPDATE users SET is_admin = true WHERE name = 'Sam'"))
    browser = web.browser()
    assert browser.sign_in("admin", "sam").status_code == browser.sign_in("store", "sam").status_code == 303


@pytest.mark.parametrize(
    "form",
    [
        {"email": "", "password": ""},
        {"email": "ada@mail.example", "password": ""},
        {"email": "\0", "password": "x"},
        {"email": "ada@mail.example\0", "password": cast.PASSWORD},
        {"email": "a" * 255, "password": "x"},
        {"email": "ada@mail.example", "password": "x" * 1025},
        {"email": "ada@mail.example", "password": "\0"},
        {"email": "ada@mail.example", "password": cast.PASSWORD + "\0"},
        {"email": "' OR 1=1 --", "password": "x"},
        {},
    ],
)
@pytest.mark.parametrize("database", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def test_nonsense_is_refused_with_a_sentence_and_what_was_typed(
    form: dict[str, str], database: str, webs: Callable[[str], Web]
) -> None:
    browser = webs(database).browser()
    browser.get("/admin/login")
    answer = browser.post("/admin/login", form)
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    if form.get("email", "").isprintable():
        assert f'value="{form.get("email", "")}"'.replace("'", "&#39;") in answer.text
    assert form.get("password") in (None, "", "x", "\0") or form["password"] not in answer.text


# --- Where to ------------------------------------------------------------------------------------------------------


ELSEWHERE = (
    "//evil.example", "///evil.example", "https://evil.example", "http:evil.example", "\\\\evil.example",
    "/\\evil.example", "/admin\\..\\evil", "javascript:alert(1)", "/store/messages", "/adminevil", "admin/messages",
    "//evil.example/admin/messages", "/admin/messages\r\nX: y", "/admin/\tmessages", " /admin/messages", "", "http://[",
    "//[", "/%2f/evil.example", "data:text/html,x", "/admin@evil.example", "https:/admin/messages", "/admin/\u202e",
    "//admin/messages",
)  # fmt: skip


@pytest.mark.parametrize("address", ELSEWHERE)
def test_signing_in_never_leads_elsewhere(world: Any, address: str) -> None:
    browser = world[0].browser()
    page = browser.get("/admin/login", query_string={"next": address})
    assert page.status_code == 200
    form = {"email": "ada@mail.example", "password": cast.PASSWORD, "next": address}
    for path in ("/admin/login", "/admin/login?" + "next=//evil.example"):
        browser.get("/admin/login")
        answer = browser.post(path, form)
        assert (answer.status_code, answer.location) == (303, "/admin/messages"), address


@pytest.mark.parametrize(
    "address",
    [
        "/admin",
        "/admin/messages",
        "/admin/messages?status=all&type=admin_store",
        "/admin/messages/7?before=3#message-2",
    ],
)
def test_signing_in_leads_back_to_where_one_was(world: Any, address: str) -> None:
    browser = world[0].browser()
    page = browser.get("/admin/login", query_string={"next": address})
    typed = re.search(r'name="next" value="([^"]*)"', page.text)
    assert typed and typed.group(1).replace("&amp;", "&") == address
    answer = browser.post("/admin/login", {"email": "ada@mail.example", "password": "wrong", "next": address})
    assert address.replace("&", "&amp;") in answer.text, "kept over a refusal"
    answer = browser.post("/admin/login", {"email": "ada@mail.example", "password": cast.PASSWORD, "next": address})
    assert answer.location == address


def test_from_a_page_to_its_sign_in_and_back(world: Any) -> None:
    web, numbers = world
    browser = web.browser()
    wanted = f"/store/messages/{numbers['bakery-cleo']}?status=all"
    to = browser.client.get(wanted).location
    assert parse_qs(urlsplit(to).query)["next"] == [wanted]
    browser.get(to)
    answer = browser.post(to, {"email": "sam@mail.example", "password": cast.PASSWORD})
    assert answer.location == wanted


# --- Stores ---------------------------------------------------------------------------------------------------------


def test_a_customer_says_at_which_store_once(web: Web) -> None:
    browser = web.browser()
    asked = browser.get("/storefront/login")
    assert asked.status_code == 200 and 'name="password"' not in asked.text and 'name="store"' in asked.text
    unknown = browser.get("/storefront/login?store=nowhere")
    assert unknown.status_code == 422 and 'role="alert"' in unknown.text
    page = browser.get("/storefront/login?store=bakery")
    assert 'name="password"' in page.text and "Bakery" in page.text
    browser.post("/storefront/login?store=bakery", {"email": "cleo@mail.example", "password": cast.PASSWORD})
    browser.get(INBOX["storefront"])
    browser.post("/storefront/logout")
    again = browser.get("/storefront/login")
    assert 'name="password"' in again.text and "Bakery" in again.text, "the store is remembered"
    signed = browser.post("/storefront/login", {"email": "cleo@mail.example", "password": cast.PASSWORD})
    assert signed.status_code == 303


def test_the_same_customer_e_mail_at_two_stores_is_two_people(web: Web) -> None:
    bring_in(
        web,
        stores=[
            {
                "code": "cycles",
                "customers": [{"email": "cleo@mail.example", "name": "Cleo", "password_hash": cast.cheap_hash()}],
            }
        ],
    )
    browser = web.browser()
    browser.get("/storefront/login?store=cycles")
    browser.post("/storefront/login?store=cycles", {"email": "cleo@mail.example", "password": cast.PASSWORD})
    assert "Northwind" in browser.get("/storefront/account").text


@pytest.mark.parametrize("code", ["\0", "bakery\0", "x" * 10_000, "🥐", "' OR 1=1", "../admin", "nowhere"])
@pytest.mark.parametrize("database", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def test_a_store_code_of_any_wrong_shape_asks_again(code: str, database: str, webs: Callable[[str], Web]) -> None:
    browser = webs(database).browser()
    answer = browser.get("/storefront/login", query_string={"store": code})
    assert answer.status_code == 422 and 'role="alert"' in answer.text
    browser.client.set_cookie("storefront_store", "\x01nonsense", path="/storefront")
    assert browser.get("/storefront/login").status_code == 200


def test_staff_switch_stores_by_post_only_and_only_to_their_own(web: Web, numbers: dict[str, int]) -> None:
    lea = web.signed_in("lea")
    page = lea.get("/store/messages")
    assert "Bakery" in page.text and "Northwind Cycles" in page.text
    assert lea.client.get("/store/switch", query_string={"store_id": web.cast.cycles}).status_code == 405
    before = cookie(lea, "store")
    answer = lea.post("/store/switch", {"store_id": str(web.cast.cycles), "next": "/store/messages?status=all"})
    assert (answer.status_code, answer.location) == (303, "/store/messages?status=all")
    assert lea.get(f"/store/messages/{numbers['cycles-jun']}").status_code == 200
    assert lea.get(f"/store/messages/{numbers['bakery-cleo']}").status_code == 404
    assert (
        lea.post("/store/switch", {"store_id": str(web.cast.bakery), "next": "//evil.example"}).location
        == "/store/messages"
    )
    for wrong in ("999", "0", "-1", "1e0", "٣", "9" * 30, "", "\0"):
        assert lea.post("/store/switch", {"store_id": wrong}).status_code in (404, 422), wrong
    assert lea.get(f"/store/messages/{numbers['bakery-cleo']}").status_code == 200
    assert cookie(lea, "store") == before

    sam = web.signed_in("sam")
    assert "Northwind" not in sam.get("/store/messages").text
    assert sam.post("/store/switch", {"store_id": str(web.cast.cycles)}).status_code == 404
    assert sam.get(f"/store/messages/{numbers['bakery-cleo']}").status_code == 200


def test_a_page_of_the_store_one_was_in_asks_and_does_nothing_more(web: Web, numbers: dict[str, int]) -> None:
    lea = web.signed_in("lea")
    page = html.unescape(lea.get("/store/messages").text)
    shown_to = re.search(r'"X-Shown-To": "([^"]+)"', page)
    assert shown_to
    headers = {"X-Shown-To": shown_to.group(1)}
    assert lea.get("/store/messages?have=x", htmx=True, headers=headers).status_code == 200
    lea.post("/store/switch", {"store_id": str(web.cast.cycles)})
    for path in ("/store/messages", "/store/messages?have=x", "/store/messages/new", "/store/messages/unread-count"):
        answer = lea.get(path, htmx=True, headers=headers)
        assert (answer.status_code, answer.data) == (412, b""), path
    form = {"conversation_type": "store_customer", "recipient_type": "customer", "recipient_id": str(web.cast.jun.id)}
    form |= {"subject": "In the wrong name", "content": "Hello"}
    assert lea.post("/store/messages", form, htmx=True, headers=headers).status_code == 412
    assert "In the wrong name" not in lea.get("/store/messages").text
    assert lea.post("/store/messages", form, htmx=True).status_code == 204, "the page of the store one is in may"


def test_a_store_that_closed_or_was_left_is_offered_to_nobody(web: Web) -> None:
    lea = web.signed_in("lea")
    bring_in(web, stores=[{"code": "cycles", "active": False}])
    assert "Northwind" not in lea.get("/store/messages").text
    assert lea.post("/store/switch", {"store_id": str(web.cast.cycles)}).status_code == 404


def test_a_link_that_names_another_store_offers_to_switch_and_switches_nothing(
    web: Web, numbers: dict[str, int]
) -> None:
    lea = web.signed_in("lea")
    link = f"/store/messages/{numbers['cycles-jun']}"
    offer = lea.get(f"{link}?store=cycles")
    assert offer.status_code == 200
    assert "Northwind Cycles" in offer.text and f'value="{web.cast.cycles}"' in offer.text
    assert "Your bicycle" not in offer.text
    assert lea.get(link).status_code == 404, "the offer switched by itself"
    onward = re.search(r'name="next" value="([^"]*)"', offer.text.split("<main", 1)[1])
    assert onward
    gone = lea.post("/store/switch", {"store_id": str(web.cast.cycles), "next": onward.group(1)})
    assert gone.location == link
    assert lea.get(link).status_code == 200
    assert lea.get(f"{link}?store=cycles").status_code == 200, "the store one is in needs no offer"
    sam = web.signed_in("sam")
    assert "Northwind" not in sam.get(f"/store/messages/{numbers['bakery-cleo']}?store=cycles").text


# --- Signing out ----------------------------------------------------------------------------------------------------


def test_signing_out_twice_or_without_having_been_in_is_no_fault(web: Web) -> None:
    browser = web.signed_in("ada")
    assert browser.post("/admin/logout").location == "/admin/login"
    browser.get("/admin/login")
    assert browser.post("/admin/logout").status_code == 303


def test_the_page_after_signing_out_is_not_kept(web: Web, numbers: dict[str, int]) -> None:
    browser = web.signed_in("ada")
    page = browser.get(f"/admin/messages/{numbers['admin-bakery']}")
    assert page.headers["Cache-Control"] == "private, no-store"


def cookie(browser: Browser, name: str) -> str:
    found = browser.client.get_cookie(name)
    assert found is not None
    return found.value


def opens(web: Web, role: str, value: str) -> bool:
    """Whether a browser with nothing but this cookie is in."""
    thief = web.browser()
    thief.client.set_cookie(role, value)
    return is_in(thief, role)
