"""The first start: nothing but one page, opened by a code from the server's own command line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select, update

from messaging_app.db.engine import now, writing
from messaging_app.extensions import db
from messaging_app.models import AccountLink, Store, User
from messaging_app.services import audit
from tests import cast
from tests.accounts.conftest import FromOutside, actions
from tests.conftest import Browser, empty
from tests.web.forms import alerts, field

FORM = {"email": "Ada@platform.example", "name": "Ada Lindqvist", "password": "long enough words"}


@pytest.fixture
def new(kept_app: tuple[Flask, object]) -> Iterator[Flask]:
    """An installation in which nobody is."""
    app, _server = kept_app
    app.extensions.pop("has_people", None)
    app.test_client_class = FromOutside
    with app.app_context():
        empty(db.engine)
        yield app
        db.session.rollback()


def code(app: Flask) -> str:
    made = app.test_cli_runner().invoke(args=["setup-code"])
    assert made.exit_code == 0, made.stderr
    assert re.fullmatch(r"[2-9A-Z]{4}(-[2-9A-Z]{4}){3}\n", made.stdout)
    assert "/setup within an hour" in made.stderr
    return str(made.stdout.strip())


def test_while_nobody_is_here_every_page_says_set_up(new: Flask) -> None:
    browser = Browser(new)
    for rule in new.url_map.iter_rules():
        path = re.sub("<id:[a-z_]+>", "1", re.sub("<(path:)?[a-z_]+>", "x", rule.rule))
        if rule.endpoint in ("static", "storefront.logo", "healthz", "readyz", "metrics") or path == "/setup":
            continue
        method = "GET" if "GET" in (rule.methods or ()) else "POST"
        answer = browser.client.open(path, method=method)
        if path.startswith("/api/"):
            assert (answer.status_code, answer.json["code"]) == (503, "unavailable"), path
        else:
            assert (answer.status_code, answer.location) == (303, "/setup"), path
    assert browser.get("/healthz").status_code == 200
    page = browser.get("/setup")
    assert page.status_code == 200 and "flask --app wsgi setup-code" in page.text


def test_the_code_makes_the_first_admin_who_is_in(new: Flask) -> None:
    browser = Browser(new)
    browser.get("/setup")
    answer = browser.post("/setup", FORM | {"code": code(new).lower().replace("-", " ")})
    assert (answer.status_code, answer.location) == (303, "/admin/messages")
    assert browser.get("/admin/messages").status_code == 200
    for method in (browser.get, browser.post):
        assert method("/setup").status_code in (404, 400)
    assert browser.get("/setup").status_code == 404
    assert Browser(new).get("/").status_code == 200
    again = new.test_cli_runner().invoke(args=["setup-code"])
    assert again.exit_code == 1 and again.stdout == "" and "There is already an admin" in again.stderr
    assert actions() == [
        (audit.COMMAND_LINE, "setup.code_made", ""),
        ("Ada Lindqvist", "admin.added", "ada@platform.example"),
        ("Ada Lindqvist", "setup.finished", ""),
    ]


@pytest.mark.parametrize("how", ["wrong", "empty", "older", "an hour ago", "none yet"])
def test_a_code_that_opens_nothing(new: Flask, how: str) -> None:
    typed = "ABCD-EFGH-JKLM-NPQR"
    if how != "none yet":
        first = code(new)
    if how == "older":
        typed = first
        code(new)
    elif how == "empty":
        typed = ""
    elif how == "an hour ago":
        typed = first
        with writing(db.session) as session:
            link = session.scalars(select(AccountLink)).one()
            assert timedelta(minutes=59) < link.expires_at - now() < timedelta(minutes=61)
            link.expires_at = now()
    browser = Browser(new)
    browser.get("/setup")
    answer = browser.post("/setup", FORM | {"code": typed})
    assert answer.status_code == 422 and "This code is wrong" in alerts(answer.text)
    assert field(answer.text, "email") == FORM["email"] and field(answer.text, "name") == FORM["name"]
    assert db.session.scalar(select(func.count()).select_from(User)) == 0


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"email": "ada"}, "Enter an e-mail address."),
        ({"name": "\u200b\u3164"}, "Enter a name"),
        ({"password": "short"}, "at least 10"),
        ({"password": "password123"}, "10,000 most common"),
    ],
)
def test_what_does_not_fit_costs_no_code(new: Flask, changes: dict[str, str], sentence: str) -> None:
    made = code(new)
    browser = Browser(new)
    browser.get("/setup")
    answer = browser.post("/setup", FORM | {"code": made} | changes)
    assert answer.status_code == 422 and sentence in alerts(answer.text) and field(answer.text, "code") == made
    assert browser.post("/setup", FORM | {"code": made}).status_code == 303


def test_of_many_at_once_one_becomes_the_first_admin(new: Flask) -> None:
    made = code(new)
    browsers = [Browser(new) for _ in range(4)]
    for browser in browsers:
        browser.get("/setup")
    forms = [FORM | {"code": made, "email": f"a{number}@platform.example"} for number in range(4)]
    with ThreadPoolExecutor(4) as people:
        answers = list(
            people.map(lambda pair: pair[0].post("/setup", pair[1]).status_code, zip(browsers, forms, strict=True))
        )
    assert answers.count(303) == 1 and set(answers) <= {303, 404, 422}
    assert db.session.scalar(select(func.count()).select_from(User)) == 1


def test_without_an_admin_the_others_go_on_and_a_code_makes_one(new: Flask) -> None:
    cast.bring_in()
    with writing(db.session) as session:
        session.execute(update(User).values(is_admin=False))
    assert Browser(new).sign_in("store", "sam").status_code == 303
    browser = Browser(new)
    browser.get("/setup")
    made = code(new)
    taken = browser.post("/setup", FORM | {"code": made, "email": cast.EMAILS["sam"]})
    assert taken.status_code == 422 and "This address is already in use" in taken.text
    assert browser.post("/setup", FORM | {"code": made}).status_code == 303


def test_the_first_steps_are_ticked_off_as_they_are_done(new: Flask) -> None:
    browser = Browser(new)
    browser.get("/setup")
    browser.post("/setup", FORM | {"code": code(new)})

    def done() -> str:
        found = re.search(r'id="first-count">([^<]*)<', browser.get("/admin/messages").text)
        return found[1] if found else "nothing to do"

    def places() -> list[str]:
        """Where the buttons lead, each of which has a page."""
        steps = browser.get("/admin/messages").text.partition('class="steps"')[2].partition("</ol>")[0]
        found = re.findall(r'<a class="button[^>]* href="([^"]*)"', steps)
        assert all(browser.get(place).status_code == 200 for place in found)
        return found

    assert (done(), places()) == ("1 of 5 done", ["/admin/stores/new", "/admin/admins", "/admin/tokens"])
    browser.post("/admin/stores", {"code": "bakery", "name": "Bakery"})
    staff = f"/admin/stores/{db.session.scalars(select(Store.id)).one()}/staff"
    assert (done(), places()) == ("2 of 5 done", [staff, "/admin/admins", "/admin/tokens"])
    browser.post(staff, {"emails": "sam@bakery.example", "role": "owner"})
    assert (done(), places()) == ("3 of 5 done", ["/admin/admins", "/admin/tokens"])
    browser.post("/admin/admins", {"emails": "abe@platform.example", "role": "admin"})
    assert (done(), places()) == ("4 of 5 done", ["/admin/tokens"])
    browser.post("/admin/tokens", {"name": "shop", "days": "90"})
    assert done() == "nothing to do"
    assert "first-count" not in browser.get("/admin/messages?status=closed").text


def test_with_people_nothing_of_this_shows(new: Flask) -> None:
    cast.bring_in()
    assert Browser(new).get("/setup").status_code == 404
    assert Browser(new).get("/").status_code == 200
