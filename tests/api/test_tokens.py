"""A token's life: made, shown once, kept hashed, seen, revoked, ended with its person."""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select, update

from messaging_app import directory
from messaging_app.accounts import tokens
from messaging_app.db.engine import now, writing
from messaging_app.errors import Invalid
from messaging_app.extensions import db
from messaging_app.models import ApiToken, Customer, Store, StoreMembership, User
from messaging_app.services.settings import set_settings
from tests import cast
from tests.api.conftest import Api, problem_of
from tests.conftest import Browser

PAGES = {"ada": "/admin/tokens", "sam": "/store/tokens", "cleo": "/storefront/account/tokens"}
TOKEN = re.compile(r"msg_(?:admin|store|customer)_[0-9a-f]{48}")


def rows(api: Api) -> list[ApiToken]:
    with api.app.app_context():
        return list(db.session.scalars(select(ApiToken).order_by(ApiToken.id)))


def let_customers_have_tokens(api: Api) -> None:
    with api.app.app_context():
        set_settings(None, {"customers_may_have_tokens": "true"})


def test_customers_have_the_page_only_where_the_platform_says_so(api: Api) -> None:
    cleo = api.signed_in("cleo")
    made = api.token("cleo")  # as an operator makes one on the command line
    assert PAGES["cleo"] not in cleo.get("/storefront/account").text
    assert cleo.get(PAGES["cleo"]).status_code == 404
    assert cleo.post(PAGES["cleo"], {"name": "mine"}).status_code == 404
    assert cleo.post(f"{PAGES['cleo']}/{rows(api)[0].id}/revoke").status_code == 404
    assert api.client.get(api.base("cleo"), headers={"Authorization": f"Bearer {made}"}).status_code == 200
    for name in ("ada", "sam"):
        assert PAGES[name] in api.signed_in(name).get(PAGES[name]).text
    let_customers_have_tokens(api)
    for address in ("/storefront/account", PAGES["cleo"]):
        assert PAGES["cleo"] in cleo.get(address).text
    refused = cleo.post(f"{PAGES['cleo']}", {"name": ""})  # a page that is not a GET has the menu too
    assert refused.status_code == 422 and f'class="menu__item" href="{PAGES["cleo"]}"' in refused.text


@pytest.mark.parametrize("name", PAGES)
def test_people_make_use_see_and_revoke_their_own(api: Api, name: str) -> None:
    let_customers_have_tokens(api)
    browser = api.signed_in(name)
    page = browser.get(PAGES[name])
    assert page.status_code == 200 and "No tokens yet" in page.text
    made = browser.post(PAGES[name], {"name": "Nightly <export>", "days": "30"})
    [token] = set(TOKEN.findall(made.text))
    assert made.headers["Cache-Control"] == "private, no-store"
    page = browser.get(PAGES[name])
    assert token not in page.text and f"…{token[-4:]}" in page.text
    assert "Nightly &lt;export&gt;" in page.text and "Never used" in page.text

    header = {"Authorization": f"Bearer {token}"}
    assert api.client.get(api.base(name), headers=header).status_code == 200
    assert "Last used" in browser.get(PAGES[name]).text
    [row] = rows(api)
    assert (row.actor_type, row.person_id, row.store_id) == (
        api.actor(name).type,
        api.actor(name).id,
        api.actor(name).store_id,
    )
    assert row.expires_at and timedelta(days=29) < row.expires_at - now() <= timedelta(days=30)

    assert browser.post(f"{PAGES[name]}/{row.id}/revoke").status_code == 303
    problem_of(api.client.get(api.base(name), headers=header), 401, "unauthenticated")
    assert "No tokens yet" in browser.get(PAGES[name]).text
    assert browser.post(f"{PAGES[name]}/{row.id}/revoke").status_code == 303


def test_only_a_digest_is_kept(api: Api) -> None:
    token = api.token("sam")
    [row] = rows(api)
    assert row.token_hash == hashlib.sha256(token.encode()).hexdigest()
    assert token not in repr({name: getattr(row, name) for name in dir(ApiToken) if not name.startswith("_")})


def test_nobody_revokes_what_is_anothers(api: Api) -> None:
    let_customers_have_tokens(api)
    api.token("sam")
    [row] = rows(api)
    for name in ("nadia", "ada", "cleo", "lea"):
        browser = api.signed_in(name)
        page = PAGES.get(name, "/store/tokens")
        assert f"token-{row.id}" not in browser.get(page).text
        assert browser.post(f"{page}/{row.id}/revoke").status_code == 404
    assert api.get("sam").status_code == 200


def test_the_same_number_in_another_role_is_another_person(api: Api) -> None:
    assert api.cast.ada.id == api.cast.cleo.id
    api.token("cleo")
    assert "No tokens yet" in api.signed_in("ada").get("/admin/tokens").text


@pytest.mark.parametrize(
    ("form", "sentence"),
    [
        ({"name": " "}, "Enter a name"),
        ({"name": "x" * 101}, "at most 100"),
        ({"name": "x", "days": "7"}, "when it expires"),
    ],
)
def test_a_form_that_does_not_fit_keeps_what_was_typed(api: Api, form: dict[str, str], sentence: str) -> None:
    browser = api.signed_in("sam")
    browser.get("/store/tokens")
    answer = browser.post("/store/tokens", form)
    assert answer.status_code == 422 and sentence in answer.text
    assert f'value="{form["name"].strip()}"' in answer.text.replace('value=" "', 'value=""')
    assert rows(api) == []


def test_a_person_has_at_most_fifty(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "MOST_TOKENS", 1)
    api.token("sam")
    browser: Browser = api.signed_in("sam")
    browser.get("/store/tokens")
    assert browser.post("/store/tokens", {"name": "another"}).status_code == 422
    assert len(rows(api)) == 1


@pytest.mark.parametrize("name", PAGES)
def test_fifty_are_fifty_for_many_calls_at_once_too(
    either_api: Api, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = tokens.digest

    def slowly(token: str) -> str:
        time.sleep(0.1)  # between counting and adding
        return digest(token)

    monkeypatch.setattr(tokens, "MOST_TOKENS", 2)
    monkeypatch.setattr(tokens, "digest", slowly)
    actor = either_api.actor(name)

    def create(_number: int) -> bool:
        with either_api.app.app_context():
            try:
                return bool(tokens.create_token(actor.type, actor.id, actor.store_id, "at once"))
            except Invalid:
                return False

    with ThreadPoolExecutor(6) as threads:
        assert sum(threads.map(create, range(6))) == 2
    assert len(rows(either_api)) == 2


def test_staff_of_two_stores_have_a_token_for_each(api: Api) -> None:
    bakery, cycles = api.begin("sam", "cleo"), api.begin("tomas", "jun")
    assert api.get("lea", f"/{bakery}").status_code == 200
    problem_of(api.get("lea", f"/{cycles}"), 404, "not_found")
    assert api.get("lea_at_cycles", f"/{cycles}").status_code == 200
    problem_of(api.get("lea_at_cycles", f"/{bakery}"), 404, "not_found")


def test_a_token_ends_when_its_time_is_over(either_api: Api) -> None:
    api = either_api
    assert api.get("sam").status_code == 200
    for moment, status in ((now() + timedelta(minutes=1), 200), (now() - timedelta(seconds=1), 401)):
        with api.app.app_context(), writing(db.session) as session:
            session.execute(update(ApiToken).values(expires_at=moment))
        assert api.get("sam").status_code == status


LEAVING = {
    "the person": ("sam", lambda cast: update(User).where(User.id == cast.sam.id).values(active=False)),
    "the admin's right": ("ada", lambda cast: update(User).where(User.id == cast.ada.id).values(is_admin=False)),
    "the customer": ("cleo", lambda cast: update(Customer).where(Customer.id == cast.cleo.id).values(active=False)),
    "the membership": (
        "sam",
        lambda cast: (
            update(StoreMembership)
            .where(StoreMembership.user_id == cast.sam.id, StoreMembership.store_id == cast.bakery)
            .values(active=False)
        ),
    ),
    "the staff's store": ("sam", lambda cast: update(Store).where(Store.id == cast.bakery).values(active=False)),
    "the customer's store": ("cleo", lambda cast: update(Store).where(Store.id == cast.bakery).values(active=False)),
}


@pytest.mark.parametrize("what", LEAVING)
def test_a_token_ends_at_the_next_request_with(either_api: Api, what: str) -> None:
    api = either_api
    name, leave = LEAVING[what]
    assert api.get(name).status_code == 200
    with api.app.app_context(), writing(db.session) as session:
        session.execute(leave(api.cast))
    problem_of(api.get(name), 401, "unauthenticated")


def test_an_import_ends_the_tokens_of_who_leaves_for_good(either_api: Api, tmp_path: Path) -> None:
    api = either_api
    assert [api.get(name).status_code for name in ("sam", "nadia")] == [200, 200]
    for active in (False, True):  # he leaves and comes back
        staff = [{"email": cast.EMAILS["sam"], "name": "Sam", "active": active}]
        file = tmp_path / "directory.json"
        file.write_text(json.dumps({"stores": [{"code": "bakery", "name": "Bakery", "staff": staff}]}))
        with api.app.app_context():
            directory.import_file(file)
        assert (api.get("sam").status_code, api.get("nadia").status_code) == (401, 200)


def test_a_changed_password_ends_the_tokens_of_its_person_unless_they_are_to_stay(
    either_api: Api, tmp_path: Path
) -> None:
    api, everybody = either_api, ("ada", "abe", "sam", "nadia", "cleo", "omar")
    with api.app.app_context(), writing(db.session) as session:
        session.execute(update(User).where(User.email == cast.EMAILS["nadia"]).values(password_hash=None))
    assert {api.get(name).status_code for name in everybody} == {200}
    new, same = {"password_hash": cast.CHEAP.hash("another")}, {"password_hash": cast.cheap_hash()}

    def people(*changes: tuple[str, dict[str, str]]) -> list[dict[str, str]]:
        return [{"email": cast.EMAILS[name], **change} for name, change in changes]

    file, command = tmp_path / "directory.json", ("directory", "import", str(tmp_path / "directory.json"))
    bakery = {"code": "bakery", "staff": people(("sam", new), ("nadia", new))}  # Nadia's is her first
    bakery |= {"customers": people(("cleo", new), ("omar", same))}
    file.write_text(json.dumps({"admins": people(("ada", new), ("abe", same)), "stores": [bakery]}))
    answer = api.app.test_cli_runner().invoke(args=command)
    assert (answer.exit_code, "tokens: 3 ended" in answer.stdout) == (0, True), answer.output
    ended = {name for name in everybody if api.get(name).status_code == 401}
    assert ended == {"ada", "sam", "cleo"}
    file.write_text(json.dumps({"admins": people(("abe", new))}))
    assert api.app.test_cli_runner().invoke(args=[*command, "--keep-tokens"]).exit_code == 0
    assert api.get("abe").status_code == 200


def test_last_use_is_noted_once_in_five_minutes(api: Api) -> None:
    api.token("sam")
    writes = [len([s for s in api.statements(lambda: api.get("sam")) if "UPDATE api_tokens" in s]) for _ in range(3)]
    assert writes == [1, 0, 0]
    with api.app.app_context(), writing(db.session) as session:
        session.execute(update(ApiToken).values(last_used_at=now() - timedelta(minutes=5, seconds=1)))
    assert any("UPDATE api_tokens" in statement for statement in api.statements(lambda: api.get("sam")))
    assert now() - rows(api)[0].last_used_at < timedelta(minutes=1)


def run(api: Api, *arguments: str) -> tuple[int, str, str]:
    answer = api.app.test_cli_runner().invoke(args=["token", "create", *arguments])
    return answer.exit_code, answer.stdout, answer.stderr


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("ada", ("--role", "admin", "--email", "ADA@mail.example")),
        ("sam", ("--role", "store", "--email", "sam@mail.example")),
        ("lea_at_cycles", ("--role", "store", "--email", "lea@mail.example", "--store", "cycles")),
        ("cleo", ("--role", "customer", "--email", "cleo@mail.example", "--store", "BAKERY")),
    ],
)
def test_the_command_prints_the_token_alone(either_api: Api, name: str, arguments: tuple[str, ...]) -> None:
    api = either_api
    code, out, err = run(api, *arguments, "--name", "Script")
    assert (code, err) == (0, "") and TOKEN.fullmatch(out.removesuffix("\n"))
    api.tokens[name] = out.strip()
    assert api.get(name).status_code == 200
    [row] = rows(api)
    assert (row.name, row.expires_at, row.store_id) == ("Script", None, api.actor(name).store_id)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--role", "customer", "--email", "cleo@mail.example"), "Say which store with --store: bakery."),
        (("--role", "store", "--email", "lea@mail.example"), "Say which store with --store: bakery, cycles."),
        (("--role", "store", "--email", "lea@mail.example", "--store", "mill"), "not active in the store mill: bakery, cycles."),
        (("--role", "customer", "--email", "cleo@mail.example", "--store", "cycles"), "not active in the store cycles: bakery."),
        (("--role", "store", "--email", "ada@mail.example"), "There is no active member of a store's staff ada@mail.example."),
        (("--role", "admin", "--email", "sam@mail.example"), "There is no active admin sam@mail.example."),
        (("--role", "admin", "--email", "ada@mail.example", "--store", "bakery"), "An admin's token has no store."),
        (("--role", "customer", "--email", "nobody@mail.example", "--store", "bakery"), "There is no active customer"),
        (("--role", "store", "--email", "sam@mail.example", "--name", ""), "Enter a name"),
    ],
)  # fmt: skip
def test_the_command_says_what_is_missing(api: Api, arguments: tuple[str, ...], sentence: str) -> None:
    code, out, err = run(api, *arguments)
    assert (code, out) == (1, "") and sentence in err
    assert rows(api) == []


def test_the_command_may_set_an_end(api: Api) -> None:
    run(api, "--role", "store", "--email", "sam@mail.example", "--days", "7")
    [row] = rows(api)
    assert row.expires_at and timedelta(days=6) < row.expires_at - now() <= timedelta(days=7)


def test_the_command_says_when_the_database_is_not_ready(make_app: Callable[..., Flask], tmp_path: Path) -> None:
    app = make_app(f"sqlite:///{tmp_path / 'empty.db'}")
    answer = app.test_cli_runner().invoke(args=["token", "create", "--role", "admin", "--email", "ada@mail.example"])
    assert answer.exit_code == 1 and "flask --app wsgi db upgrade" in answer.stderr and answer.stdout == ""
