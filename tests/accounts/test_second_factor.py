"""An authenticator app and recovery codes: set up, signed in with once each, removed, and reset when lost."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import select, update

from messaging_app.accounts.limits import Counters
from messaging_app.db.engine import now, writing
from messaging_app.extensions import db
from messaging_app.models import RecoveryCode, User
from tests.accounts.conftest import actions, arrived, browse, link_in
from tests.accounts.second_factors import App, enrol, first_step, second_step
from tests.cast import CHEAP, EMAILS, PASSWORD
from tests.post import Post

SECURITY = "/admin/account/security"


@pytest.fixture(autouse=True)
def steady() -> Iterator[None]:
    """Time goes on, but never across the end of a 30-second step within a test."""
    start = int(now().timestamp()) // 30 * 30 + 2
    with time_machine.travel(start, tick=False):
        yield


def test_an_app_is_set_up_by_its_secret_and_a_code(post: Post) -> None:
    browser = browse(post, "ada", "admin")
    page = browser.get(SECURITY)
    app = App(page.text)
    assert (app.totp.issuer, app.totp.name) == ("Marketplace", EMAILS["ada"])
    secret = re.search(r'id="secret"[^>]*>(.*?)</code>', page.text)
    assert secret and re.sub("<[^>]+>", "", secret[1]) == app.secret and len(app.secret) == 32
    assert '<path d="M0 0h7v1h-7z' in page.text, "a QR code"
    assert App(browser.get(SECURITY).text).secret == app.secret, "the page may be loaded again"
    wrong = browser.post(SECURITY, {"code": "000000" if app.code() != "000000" else "111111"})
    assert wrong.status_code == 422 and "not the code" in wrong.text and app.secret in wrong.text
    done = browser.post(SECURITY, {"code": f" {app.code()[:3]} {app.code()[3:]}"})
    assert done.status_code == 200 and "shown only once" in done.text
    again = browser.get(SECURITY).text
    assert "You have 10 left." in again and app.secret not in again
    assert browser.post(SECURITY, {"code": app.code(1)}).status_code == 409
    assert actions() == [("Ada", "factor.added", EMAILS["ada"])]
    [mail] = arrived(post)
    assert mail["Subject"] == "An authenticator app was turned on"


def test_nothing_of_a_factor_can_be_read_from_the_database(post: Post) -> None:
    app, codes, _browser = enrol(post, "ada")
    stored = " ".join(str(row) for table in db.metadata.sorted_tables for row in db.session.execute(select(table)))
    assert app.secret not in stored
    for code in codes:
        assert code not in stored and code.replace("-", "") not in stored


def test_customers_are_offered_none(post: Post) -> None:
    browser = browse(post, "cleo", "storefront")
    assert "authenticator" not in browser.get("/storefront/account/security").text
    refused = browser.post("/storefront/account/security", {"code": "123456"})
    assert refused.status_code == 422 and "not your current password" in refused.text


@pytest.mark.parametrize(("role", "name"), [("admin", "ada"), ("store", "sam")])
def test_signing_in_takes_a_code_after_the_password(post: Post, role: str, name: str) -> None:
    app, _codes, _browser = enrol(post, name, role)
    onward = f"/{role}/messages?status=all"
    browser = first_step(post, name, role, onward)
    assert browser.get(f"/{role}/messages").status_code == 302, "nobody is in yet"
    wrong = second_step(browser, "123456" if app.code() != "123456" else "654321", role, onward)
    assert wrong.status_code == 422 and "wrong or was already used" in wrong.text
    done = second_step(browser, app.code(), role, onward)
    assert (done.status_code, done.location) == (303, onward)
    assert browser.get(onward).status_code == 200


def test_a_code_is_accepted_once(post: Post) -> None:
    app, codes, _browser = enrol(post, "ada")
    assert second_step(first_step(post, "ada"), app.code(-1)).status_code == 422, "it turned the app on"
    for code in (app.code(), codes[0]):
        assert second_step(first_step(post, "ada"), code).status_code == 303
        assert second_step(first_step(post, "ada"), code).status_code == 422
    assert second_step(first_step(post, "ada"), app.code(1)).status_code == 303, "a clock may be half a minute ahead"
    assert second_step(first_step(post, "ada"), app.code()).status_code == 422, "nor an older one after a newer one"
    assert second_step(first_step(post, "ada"), app.code(2)).status_code == 422, "too far ahead"


@pytest.mark.parametrize("kind", ["app", "recovery"])
def test_a_code_sent_by_many_at_once_lets_one_in(post: Post, kind: str) -> None:
    app, codes, _browser = enrol(post, "ada")
    code = app.code() if kind == "app" else codes[3]
    browsers = [first_step(post, "ada") for _ in range(6)]
    with ThreadPoolExecutor(6) as people:
        statuses = list(people.map(lambda browser: second_step(browser, code).status_code, browsers))
    assert sorted(statuses) == [303, 422, 422, 422, 422, 422]


def test_a_recovery_code_works_however_it_is_typed_and_the_last_two_are_announced(post: Post) -> None:
    _app, codes, _browser = enrol(post, "ada")
    arrived(post)
    for number, code in enumerate(codes[:8]):
        typed = (code, code.upper(), code.replace("-", " "), f" {code.replace('-', '')} ")[number % 4]
        browser = first_step(post, "ada", onward="/admin/messages/7")
        done = second_step(browser, typed, onward="/admin/messages/7")
        assert done.status_code == 303
        if number < 7:
            assert done.location == "/admin/messages/7"
    assert done.location == f"{SECURITY}?next=%2Fadmin%2Fmessages%2F7"
    page = browser.get(done.location).text
    assert "You have 2 recovery codes left" in page and 'href="/admin/messages/7"' in page
    assert len(arrived(post)) == 8
    assert [action for _who, action, _whom in actions()].count("recovery_code.used") == 8


def test_new_recovery_codes_ask_for_the_password_and_end_the_old_ones(post: Post) -> None:
    _app, codes, browser = enrol(post, "ada")
    assert 'name="current_password"' in browser.get(f"{SECURITY}/codes").text
    assert browser.post(f"{SECURITY}/codes", {"current_password": "wrong"}).status_code == 422
    made = browser.post(f"{SECURITY}/codes", {"current_password": PASSWORD})
    fresh = re.findall(r"<li>([0-9a-z]{4}-[0-9a-z]{4})</li>", made.text)
    assert made.status_code == 200 and len(fresh) == 10 and not set(fresh) & set(codes)
    assert second_step(first_step(post, "ada"), codes[0]).status_code == 422
    assert second_step(first_step(post, "ada"), fresh[0]).status_code == 303
    assert [mail["Subject"] for mail in arrived(post)][:2] == [
        "An authenticator app was turned on",
        "You have new recovery codes",
    ]


def test_removing_asks_for_the_password_and_tells_the_person(post: Post) -> None:
    app, codes, browser = enrol(post, "ada")
    arrived(post)
    assert browser.post(f"{SECURITY}/authenticator/remove", {"current_password": "no"}).status_code == 422
    assert browser.post(f"{SECURITY}/authenticator/remove", {"current_password": PASSWORD}).status_code == 303
    assert [mail["Subject"] for mail in arrived(post)] == ["Your authenticator app was removed"]
    assert actions()[-1] == ("Ada", "factor.removed", EMAILS["ada"])
    assert browse(post).sign_in("admin", "ada").location == "/admin/messages", "the password is enough again"
    assert db.session.scalars(select(RecoveryCode.id)).all() == []
    offered = App(browser.get(SECURITY).text)
    assert offered.secret != app.secret, "a secret is never offered again"
    assert browser.get(f"{SECURITY}/authenticator/remove").status_code == 404
    assert browser.get(f"{SECURITY}/codes").status_code == 404


def test_the_password_counts_for_ten_minutes_and_only_while_it_is_the_password(post: Post) -> None:
    app, _codes, _browser = enrol(post, "ada")
    for how in ("late", "changed", "deactivated"):
        browser = first_step(post, "ada")
        with time_machine.travel(now() + timedelta(minutes=11 if how == "late" else 1), tick=False):
            with writing(db.session) as session:
                mine = update(User).where(User.id == post.cast.ada.id)
                if how == "changed":
                    session.execute(mine.values(password_hash=CHEAP.hash(PASSWORD)))
                elif how == "deactivated":
                    session.execute(mine.values(active=False))
            refused = second_step(browser, app.code())
            assert refused.status_code == 422 and "took too long" in refused.text and 'name="password"' in refused.text


def test_the_first_step_can_be_begun_anew(post: Post) -> None:
    enrol(post, "ada")
    browser = first_step(post, "ada")
    assert 'name="password"' in browser.get("/admin/login?start").text
    assert browser.sign_in("admin", "abe").location == "/admin/messages"
    assert browse(post).post("/admin/login", {"code": "123456"}).status_code in (400, 422)


def test_codes_are_throttled_and_right_ones_are_not_counted(post: Post) -> None:
    app, codes, _browser = enrol(post, "ada")
    post.app.extensions["limits"] = Counters(None)
    browser = first_step(post, "ada")
    for number in range(10):
        assert second_step(browser, f"xxxx-{number:04}").status_code == 422
    for right in (app.code(), codes[0]):
        answer = second_step(first_step(post, "ada"), right)
        assert answer.status_code == 429 and int(answer.headers["Retry-After"]) > 0
    with time_machine.travel(now() + timedelta(minutes=16), tick=False):
        for code in codes[:9]:
            assert second_step(first_step(post, "ada"), code).status_code == 303


def test_arabic_and_full_width_digits_are_digits(post: Post) -> None:
    app, _codes, _browser = enrol(post, "ada")
    arabic = "".join(chr(0x0660 + int(digit)) for digit in app.code())
    wide = "".join(chr(0xFF10 + int(digit)) for digit in app.code(1))
    assert second_step(first_step(post, "ada"), arabic).status_code == 303
    assert second_step(first_step(post, "ada"), wide).status_code == 303


@pytest.mark.parametrize("code", ["", " ", "\0", "1" * 5000, "²²²²²²", "٣٣٣", "😀" * 6, "-" * 40])
def test_a_code_of_any_shape_is_wrong_and_nothing_else(post: Post, code: str) -> None:
    enrol(post, "ada")
    assert second_step(first_step(post, "ada"), code).status_code == 422
    _app, _codes, browser = enrol(post, "abe")
    assert browser.post(SECURITY, {"code": code}).status_code == 409
    assert browse(post, "sam").post("/store/account/security", {"code": code}).status_code == 422


def test_a_lost_factor_is_reset_by_another_admin(post: Post) -> None:
    for name, role, listed in (("abe", "admin", "/admin/admins"), ("sam", "store", "/admin/stores/1/staff")):
        app, codes, _browser = enrol(post, name, role)
        arrived(post)
        ada, person = browse(post, "ada", "admin"), getattr(post.cast, name)
        path = f"/admin/admins/{person.id}/reset-factor"
        assert f'href="{path}"' in ada.get(listed).text
        asked = ada.get(path)
        assert person.name in asked.text and "Ends the authenticator app" in asked.text
        done = ada.post(path)
        assert (done.status_code, done.location) == (303, f"{listed}?done=factor&person={person.id}")
        after = ada.get(done.location).text
        assert "was reset" in after and f'href="{path}"' not in after
        assert browse(post).sign_in(role, name).location == f"/{role}/messages", "the password is enough"
        [mail] = arrived(post)
        assert mail["Subject"] == "Your second factor was reset" and "Ada removed" in mail.as_string()
        assert actions()[-1] == ("Ada", "factor.reset", EMAILS[name])
        assert ada.post(path).status_code == 404


def test_nobody_resets_their_own_and_nobody_but_admins_resets(post: Post) -> None:
    enrol(post, "ada")
    enrol(post, "nadia", "store")
    browser = browse(post)
    app = enrol(post, "abe")[0]
    browser = first_step(post, "abe")
    assert second_step(browser, app.code()).status_code == 303
    browser.get("/admin/admins")
    assert browser.post(f"/admin/admins/{post.cast.abe.id}/reset-factor").status_code == 403
    owner = browse(post, "sam")
    assert "reset-factor" not in owner.get("/store/staff").text
    assert owner.post(f"/store/staff/{post.cast.nadia.id}/reset-factor").status_code == 404


def test_the_only_admin_gets_in_again_by_command(post: Post) -> None:
    enrol(post, "ada")
    run = post.app.test_cli_runner()
    wrong = run.invoke(args=["admin", "reset-factor", "--email", "nobody@mail.example"])
    assert wrong.exit_code == 1 and "Nobody with this address" in wrong.stderr
    assert run.invoke(args=["admin", "reset-factor", "--email", EMAILS["ada"].upper()]).exit_code == 0
    assert browse(post).sign_in("admin", "ada").location == "/admin/messages"
    assert ("command line", "factor.reset", EMAILS["ada"]) in actions()


def test_a_new_password_keeps_the_factor_and_ends_the_pause_after_wrong_codes(post: Post) -> None:
    app, _codes, _browser = enrol(post, "ada")
    arrived(post)
    post.app.extensions["limits"] = Counters(None)
    browser = first_step(post, "ada")
    for _ in range(10):
        second_step(browser, "wrong-one")
    assert second_step(browser, app.code()).status_code == 429
    forgot = browse(post)
    forgot.get("/admin/forgot")
    forgot.post("/admin/forgot", {"email": EMAILS["ada"]})
    path = link_in(arrived(post)[0])
    forgot.get(path)
    assert forgot.post(path, {"password": "a new long one"}).status_code == 303
    browser = browse(post)
    assert browser.sign_in("admin", "ada", "a new long one").location == "/admin/login"
    assert second_step(browser, app.code()).status_code == 303
