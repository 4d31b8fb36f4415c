"""Getting in: with which password, how often one may try, and where it leads."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from sqlalchemy import text, update
from sqlalchemy.exc import OperationalError

from messaging_app.accounts.limits import limiter
from messaging_app.db.engine import writing
from messaging_app.extensions import db
from messaging_app.models import User
from messaging_app.services import trail
from messaging_app.web.views import sign_ins
from tests import cast
from tests.conftest import Web
from tests.web.signing_in import WHO

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


def test_failures_are_in_the_trail_and_few(limited: Web, cheap_passwords: None) -> None:
    browser = limited.browser()
    for _ in range(12):
        browser.sign_in("admin", "ada", "wrong")
    for number in range(40):
        browser.post("/admin/login", {"email": f"nobody{number}@x.example", "password": "wrong"})
    with limited.app.app_context():
        entries = trail.list_entries(trail.Filters(actions=("sign_in.failed",)), limit=100)
    told = [(entry.object_type, entry.object_email, json.loads(entry.after)["failures"]) for entry in entries]
    assert told[-3:] == [("user", "ada@mail.example", number) for number in (10, 5, 1)]
    assert told[:-3] == [("address", "", 1)] * 27, "thirty an hour from one address"
    assert {entry.actor_type for entry in entries} == {"nobody"} and entries[0].address == "127.0.0.1"


@pytest.mark.parametrize("role", ["admin", "store", "storefront"])
def test_a_failure_costs_the_same_for_somebody_and_nobody(limited: Web, role: str) -> None:
    address = f"/{role}/login?store=bakery"
    made = []
    for email in (cast.EMAILS["cleo" if role == "storefront" else "sam"], "nobody@x.example"):
        browser = limited.browser()
        browser.get(address)
        form = {"email": email, "password": "wrong"}
        made.append(limited.statements(lambda: browser.post(address, form)))  # noqa: B023
    assert made[0] == made[1] and len(made[0]) >= 5


NFC, NFD = "Caf\u00e9 cr\u00e8me", "Cafe\u0301 cre\u0300me"


@pytest.mark.parametrize("typed", [NFC, NFD, NFC.replace(" ", "\u00a0"), NFD.replace(" ", "\u3000")])
@pytest.mark.parametrize("stored", [NFC, NFD], ids=["stored as NFC", "stored as NFD before"])
def test_a_password_is_the_same_however_a_keyboard_writes_it(web: Web, stored: str, typed: str) -> None:
    with web.app.app_context(), writing(db.session) as session:
        mine = update(User).where(User.email == cast.EMAILS["ada"])
        session.execute(mine.values(password_hash=cast.CHEAP.hash(stored)))
    assert web.browser().sign_in("admin", "ada", typed).status_code == 303
    for wrong in (NFC.upper(), "Cafe creme", NFC + " ", "\u00e9"):
        assert web.browser().sign_in("admin", "ada", wrong).status_code == 422


def test_attempts_that_come_at_once_are_counted_one_by_one(limited: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    def ponder(*_args: Any) -> None:
        time.sleep(0.5)

    monkeypatch.setattr(sign_ins, "authenticate", ponder)
    browsers = [limited.browser() for _ in range(25)]
    for browser in browsers:
        browser.get("/admin/login")
    form = {"email": "ada@mail.example", "password": "wrong"}
    with ThreadPoolExecutor(len(browsers)) as people:
        answers = list(people.map(lambda browser: browser.post("/admin/login", form).status_code, browsers))
    assert sorted(answers) == [422] * 10 + [429] * 15


def test_a_database_that_is_away_closes_no_account(limited: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_args: Any) -> None:
        raise OperationalError("SELECT", {}, Exception("gone"))

    browser = limited.browser()
    with monkeypatch.context() as patched:
        patched.setattr(sign_ins, "authenticate", fail)
        for _ in range(12):
            assert browser.sign_in("admin", "ada").status_code == 503
    assert browser.sign_in("admin", "ada").status_code == 303


def test_writing_the_e_mail_another_way_is_no_way_around(limited: Web) -> None:
    browser = limited.browser()
    browser.get("/admin/login")
    for email in ("ada@mail.example", " ADA@mail.example", "Ada@Mail.Example ", "ada@ｍail。example") * 3:
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


def test_whoever_only_watches_the_sign_in_pages_is_told_that_they_are_there(web: Web) -> None:
    for role in WHO:
        assert web.browser().client.head(f"/{role}/login?store=bakery").status_code == 200, role


# --- Where to -----------------------------------------------------------------------------------------------------

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
    typed = re.search(r'<input[^>]* name="next"[^>]* value="([^"]*)"', page.text)
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
