"""A forgotten password: nobody learns who is known here, and whoever reads the mail comes in again."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from messaging_app.accounts.limits import LIMITS, Counters
from messaging_app.accounts.tokens import create_token, find_bearer
from messaging_app.actors import ActorType
from messaging_app.db.engine import now, writing
from messaging_app.extensions import db
from messaging_app.models import AccountLink, AccountMail, Customer, Store, StoreMembership, User
from tests.accounts.conftest import actions, arrived, browse, link_in
from tests.accounts.second_factors import enrol, second_step
from tests.cast import EMAILS, PASSWORD
from tests.conftest import Browser, Web
from tests.post import Post

NEW = {"password": "a new long one"}


def ask(browser: Browser, role: str, email: str, store: str = "bakery"):  # type: ignore[no-untyped-def]
    """Ask for a link at the sign-in of a role."""
    extra = {"store": store} if role == "storefront" else {}
    browser.get(f"/{role}/forgot" + ("?store=bakery" if extra else ""))
    return browser.post(f"/{role}/forgot", {"email": email} | extra)


@pytest.mark.parametrize(("role", "name"), [("admin", "ada"), ("store", "sam"), ("storefront", "cleo")])
def test_who_forgot_a_password_chooses_another_and_all_else_ends(post: Post, role: str, name: str) -> None:
    inside = browse(post, name, role)
    actor = getattr(post.cast, name)
    token = create_token(actor.type, actor.id, actor.store_id, "shop")
    browser = browse(post)
    login = browser.get(f"/{role}/login?store=bakery")
    assert f'href="/{role}/forgot' in login.text
    answer = ask(browser, role, EMAILS[name].upper())
    assert answer.status_code == 200 and "Check your mail" in answer.text
    [mail] = arrived(post)
    assert mail["To"].addresses[0].addr_spec == EMAILS[name]
    path = link_in(mail)
    page = browser.get(path)
    assert page.status_code == 200 and page.headers["Referrer-Policy"] == "no-referrer" and EMAILS[name] in page.text
    assert browser.get(path).status_code == 200, "opening it uses nothing up"
    short = browser.post(path, {"password": "short"})
    assert short.status_code == 422 and "at least 10" in short.text
    done = browser.post(path, NEW)
    assert done.status_code == 303 and done.location.startswith(f"/{role}/login?chosen")
    assert "Your new password is set" in browser.get(done.location).text
    assert inside.get(f"/{role}/account/messages" if role == "storefront" else f"/{role}/messages").status_code == 302
    assert find_bearer(token) is None
    assert browse(post).sign_in(role, name, PASSWORD).status_code == 422
    assert browse(post).sign_in(role, name, NEW["password"]).status_code == 303
    for again in (browser.get(path), browser.post(path, NEW)):
        assert again.status_code == 410
    [told] = arrived(post)
    assert told["Subject"] == "Your password was changed"
    assert [action for _who, action, _whom in actions()] == ["password.reset_asked", "password.reset"]


def test_tokens_are_kept_where_somebody_says_so(post: Post) -> None:
    token = create_token(ActorType.ADMIN, post.cast.ada.id, None, "shop")
    browser = browse(post)
    ask(browser, "admin", EMAILS["ada"])
    path = link_in(arrived(post)[0])
    browser.get(path)
    assert browser.post(path, NEW | {"keep_tokens": "y"}).status_code == 303
    assert find_bearer(token) is not None


def test_the_answer_is_the_same_for_known_and_unknown_and_so_is_the_work(post: Post) -> None:
    browser = browse(post)
    web = Web(post.app, post.cast)
    seen = {}
    for email in (EMAILS["ada"], EMAILS["sam"], "nobody@mail.example"):
        browser.get("/admin/forgot")
        kept = []
        statements = web.statements(
            lambda email=email, kept=kept: kept.append(browser.post("/admin/forgot", {"email": email}))
        )  # type: ignore[misc]
        [answer] = kept
        page = re.sub(r'csrf_token" value="[^"]+', "", answer.text).replace(email, "EMAIL")
        seen[email] = (answer.status_code, page, statements)
    assert len(set(map(str, seen.values()))) == 1
    assert [mail["To"].addresses[0].addr_spec for mail in arrived(post)] == [EMAILS["ada"]], "Sam is no admin"


@pytest.mark.parametrize("how", ["deactivated", "off the staff", "store closed", "another store", "other role"])
def test_who_may_not_sign_in_gets_no_link(post: Post, how: str) -> None:
    role, name, store = "store", "sam", "bakery"
    with writing(db.session) as session:
        if how == "deactivated":
            session.execute(update(User).values(active=False))
        elif how == "off the staff":
            session.execute(update(StoreMembership).values(active=False))
        elif how == "store closed":
            session.execute(update(Store).values(active=False))
        elif how == "another store":
            role, name, store = "storefront", "cleo", "cycles"
        else:
            role = "admin"
    assert "Check your mail" in ask(browse(post), role, EMAILS[name], store).text
    assert arrived(post) == []
    assert db.session.scalars(select(AccountMail.state)).all() == ["skipped"]


def test_a_person_gets_three_in_an_hour_whichever_way_they_ask(post: Post) -> None:
    post.app.extensions["settings"].rate_limits = "on"
    with writing(db.session) as session:
        session.execute(update(User).where(User.id == post.cast.sam.id).values(is_admin=True))
    for role, email in (
        ("admin", "sam@mail.example"),
        ("store", "SAM@mail.example"),
        ("admin", "sam@mail.example"),
        ("store", "sam@mail.example"),
    ):
        assert "Check your mail" in ask(browse(post), role, email).text
    mails = arrived(post)
    assert len(mails) == 3
    with writing(db.session) as session:
        assert len(session.scalars(select(AccountLink.id)).all()) == 3
        session.execute(update(AccountLink).values(created_at=now() - timedelta(minutes=61)))
    ask(browse(post), "admin", "sam@mail.example")
    assert len(arrived(post)) == 1


def test_a_newer_link_replaces_the_older_one(post: Post) -> None:
    browser = browse(post)
    paths = []
    for _ in range(2):
        ask(browser, "store", EMAILS["sam"])
        paths.append(link_in(arrived(post)[0]))
    assert browser.get(paths[0]).status_code == 410
    assert browser.get(paths[1]).status_code == 200


def test_an_hour_later_it_is_over(post: Post) -> None:
    browser = browse(post)
    ask(browser, "store", EMAILS["sam"])
    path = link_in(arrived(post)[0])
    browser.get(path)
    with writing(db.session) as session:
        link = session.scalars(select(AccountLink)).one()
        assert timedelta(minutes=59) < link.expires_at - now() < timedelta(minutes=61)
        link.expires_at = now()
    assert browser.post(path, NEW).status_code == 410


def test_a_link_of_somebody_deactivated_meanwhile_opens_nothing(post: Post) -> None:
    browser = browse(post)
    ask(browser, "storefront", EMAILS["cleo"])
    path = link_in(arrived(post)[0])
    browser.get(path)
    with writing(db.session) as session:
        session.execute(update(Customer).values(active=False))
    assert browser.post(path, NEW).status_code == 410


def test_the_lock_after_wrong_passwords_is_passed_by_the_link(post: Post) -> None:
    post.app.extensions["limits"] = Counters(None)
    for _ in range(LIMITS["sign_in_account"].amount):
        browse(post).sign_in("store", "sam", "wrong")
    assert browse(post).sign_in("store", "sam").status_code == 429
    browser = browse(post)
    ask(browser, "store", EMAILS["sam"])
    path = link_in(arrived(post)[0])
    browser.get(path)
    assert browser.post(path, NEW).status_code == 303
    assert browse(post).sign_in("store", "sam", NEW["password"]).status_code == 303


def test_a_mail_that_is_sent_again_brings_the_same_link(post: Post) -> None:
    ask(browse(post), "store", EMAILS["sam"])
    post.server.refuse = "451 later"
    assert arrived(post) == []
    post.server.refuse = None
    post.sweep(2)
    [mail] = post.take()
    assert browse(post).get(link_in(mail)).status_code == 200
    assert len(db.session.scalars(select(AccountLink.id)).all()) == 1


@pytest.mark.parametrize("email", ["", "sam", "a@b@c", "sam@mail.example\nBcc: x@y", "x" * 300 + "@y.example", "a\0@b"])
def test_what_is_no_address_is_told(post: Post, email: str) -> None:
    answer = ask(browse(post), "store", email)
    assert answer.status_code == 422 and "Enter an e-mail address." in answer.text
    assert db.session.scalars(select(AccountMail.id)).all() == []


def test_the_storefront_asks_for_the_store(post: Post) -> None:
    browser = browse(post)
    assert 'name="store"' in browser.get("/storefront/forgot").text
    answer = browser.post("/storefront/forgot", {"email": EMAILS["cleo"], "store": "none"})
    assert answer.status_code == 422 and "There is no store with this code." in answer.text
    assert EMAILS["cleo"] in answer.text


def test_while_mail_is_off_the_page_says_so(post: Post) -> None:
    post.app.extensions["settings"].mail_url = None
    assert "E-mail is switched off" in browse(post).get("/admin/forgot").text


def test_a_server_that_cannot_be_reached_costs_no_attempt(post: Post) -> None:
    ask(browse(post), "store", EMAILS["sam"])
    post.begin(post.cast.ada, post.cast.bakery)
    url, post.app.extensions["settings"].mail_url = post.server.url, "smtp://127.0.0.1:9"
    assert post.sweep(2.1) == 0
    assert db.session.scalars(select(AccountMail.attempts)).all() == [0]
    post.app.extensions["settings"].mail_url = url
    post.sweep(3)
    subjects = sorted(mail["Subject"] for mail in post.take())
    assert subjects[0] == "Choose a new password" and len(subjects) > 1


def test_a_reset_leaves_the_second_factor_on_and_stops_a_change_of_address(post: Post) -> None:
    app, _codes, inside = enrol(post, "sam", "store")
    arrived(post)
    browser = browse(post)
    ask(browser, "store", EMAILS["sam"])
    path = link_in(arrived(post)[0])
    form = {"email": "other@mail.example", "current_password": PASSWORD}
    assert inside.post("/store/account/email", form).status_code == 303
    confirm = next(link_in(mail) for mail in arrived(post) if mail["Subject"].startswith("Confirm"))
    browser.get(path)
    assert browser.post(path, NEW).status_code == 303
    assert browser.get(confirm).status_code == 410
    browser.get("/store/login")
    answer = browser.post("/store/login", {"email": EMAILS["sam"]} | NEW)
    assert answer.status_code == 303 and answer.location.startswith("/store/login")
    assert browser.get("/store/messages").status_code == 302, "the password alone opens nothing"
    browser.get(answer.location)
    assert second_step(browser, app.code(1), "store").status_code == 303
    assert browser.get("/store/messages").status_code == 200
