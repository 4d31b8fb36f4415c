"""Another e-mail address: asked for with the password, confirmed by the new address, told to the old one."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from messaging_app.accounts.limits import LIMITS, Counters
from messaging_app.db.engine import now, writing
from messaging_app.extensions import db
from messaging_app.models import AccountLink, Customer, RecipientTerm, User
from messaging_app.policies import ROLES
from tests.accounts.conftest import actions, arrived, browse, link_in
from tests.accounts.test_own_account import PEOPLE, change
from tests.cast import EMAILS, PASSWORD
from tests.conftest import Browser, Web
from tests.post import Post

NEW = "Zoe@Elsewhere.example"


def ask(browser: Browser, role: str, email: str = NEW, password: str = PASSWORD) -> Any:
    """Fill in and send the form for another address."""
    browser.get(ROLES[role].account)
    return browser.post(f"{ROLES[role].account}/email", {"email": email, "current_password": password})


def mails(post: Post) -> dict[str, Any]:
    """What arrived, by address."""
    return {mail["To"].addresses[0].addr_spec: mail for mail in arrived(post)}


def sign_in(browser: Browser, role: str, email: str) -> int:
    """Sign in with an address; the status of the answer."""
    address = f"/{role}/login" + ("?store=bakery" if role == "storefront" else "")
    browser.get(address)
    return browser.post(address, {"email": email, "password": PASSWORD}).status_code


@pytest.mark.parametrize(("role", "name"), PEOPLE)
def test_the_new_address_confirms_and_the_old_one_is_told(post: Post, role: str, name: str) -> None:
    here, area, old = browse(post, name, role), ROLES[role], EMAILS[name]
    done = ask(here, role)
    assert done.status_code == 303
    page = here.get(done.location).text
    assert "We sent a link to your new address" in page and "We sent a link to <bdi>Zoe@Elsewhere.example</bdi>" in page
    sent = mails(post)
    assert (
        sent[old]["Subject"] == "Your e-mail address is about to change" and NEW in sent[old].get_body().get_content()
    )
    path = link_in(sent.pop(NEW))
    assert path.startswith("/confirm/") and path not in sent[old].as_string()
    elsewhere = browse(post)
    shown = elsewhere.get(path)
    assert shown.status_code == 200 and shown.headers["Referrer-Policy"] == "no-referrer" and NEW in shown.text
    assert elsewhere.get(path).status_code == 200, "opening it uses nothing up"
    assert sign_in(browse(post), role, NEW) == 422
    assert here.post(path, {"csrf_token": "none"}).status_code == 400
    elsewhere.get(path)
    confirmed = elsewhere.post(path)
    assert confirmed.status_code == 303 and confirmed.location.startswith(f"{area.account}?saved=email")
    assert elsewhere.get(confirmed.location).status_code == 302, "the link signs nobody in"
    assert "Your new address is confirmed." in here.get(confirmed.location).text
    assert [browser.status_code for browser in (elsewhere.get(path), elsewhere.post(path))] == [410, 410]
    assert (sign_in(browse(post), role, NEW.lower()), sign_in(browse(post), role, old)) == (303, 422)
    assert [mail["Subject"] for mail in mails(post).values()] == ["Your e-mail address was changed"]
    assert [action for _who, action, _whom in actions()] == ["email.change_asked", "email.changed"]
    if role == "storefront":
        words = set(db.session.scalars(select(RecipientTerm.term).where(RecipientTerm.recipient_type == "customer")))
        assert "zoe@elsewhere.example" in words and "cleo@mail.example" not in words


@pytest.mark.parametrize(
    ("email", "password", "says"),
    [
        (NEW, "wrong", "That is not your current password."),
        ("nothing", PASSWORD, "Enter an e-mail address."),
        ("", PASSWORD, "Enter an e-mail address."),
        (EMAILS["sam"], PASSWORD, "This is already your address."),
    ],
)
def test_what_is_refused_changes_nothing_and_keeps_the_address(
    post: Post, email: str, password: str, says: str
) -> None:
    refused = ask(browse(post, "sam"), "store", email, password)
    assert refused.status_code == 422 and says in refused.text
    assert f'value="{email}"' in refused.text and PASSWORD not in refused.text
    assert actions() == [] and arrived(post) == []


def test_a_taken_address_answers_the_same_and_stays_whose_it_is(post: Post) -> None:
    seen, here = {}, browse(post, "sam")
    web = Web(post.app, post.cast)
    for email in (EMAILS["ada"], NEW):
        kept: list[Any] = []
        statements = web.statements(lambda email=email, kept=kept: kept.append(ask(here, "store", email)))  # type: ignore[misc]
        page = here.get(kept[0].location).text.partition("<main")[2].partition("</main>")[0].replace(email, "EMAIL")
        seen[email] = (kept[0].status_code, kept[0].location, re.sub(r'value="[^"@]{60,}"', "", page), statements)
        sent = mails(post)
        assert set(sent) == {email, EMAILS["sam"]}
        if email != NEW:
            assert sent[email]["Subject"] == "You already use this e-mail address"
            assert "/confirm/" not in sent[email].as_string() and "Sam" not in sent[email].as_string()
    first, second = seen.values()
    assert first[:3] == second[:3]
    assert len(second[3]) - len(first[3]) <= 1, "the second voids a link that there is"


def test_an_address_that_was_taken_meanwhile_is_refused(post: Post) -> None:
    ask(browse(post, "sam"), "store")
    path = link_in(mails(post)[NEW])
    browser = browse(post)
    browser.get(path)
    with writing(db.session) as session:
        taken = update(User).where(User.id == post.cast.lea.id)
        session.execute(taken.values(email=NEW, email_key="zoe@elsewhere.example"))
    refused = browser.post(path)
    assert refused.status_code == 409 and "Another account already uses this address" in refused.text
    assert "email.changed" not in [action for _who, action, _whom in actions()]


def test_of_two_who_confirm_one_address_at_once_one_has_it(post: Post) -> None:
    paths = []
    for name in ("sam", "lea"):
        ask(browse(post, name), "store")
        paths.append(link_in(mails(post)[NEW]))
    browsers = [browse(post) for _ in paths]
    for browser, path in zip(browsers, paths, strict=True):
        browser.get(path)
    with ThreadPoolExecutor() as threads:
        answers = list(threads.map(lambda pair: pair[0].post(pair[1]).status_code, zip(browsers, paths, strict=True)))
    assert sorted(answers) == [303, 409]
    assert len(db.session.scalars(select(User.id).where(User.email == NEW)).all()) == 1


def test_a_customer_of_another_store_may_have_the_same_address(post: Post) -> None:
    ask(browse(post, "cleo", "storefront"), "storefront", EMAILS["jun"])
    browser, path = browse(post), link_in(mails(post)[EMAILS["jun"]])
    browser.get(path)
    assert browser.post(path).status_code == 303
    assert len(db.session.scalars(select(Customer.id).where(Customer.email == EMAILS["jun"])).all()) == 2


@pytest.mark.parametrize("how", ["newer", "hour", "password", "inactive"])
def test_a_link_that_is_over_changes_nothing(post: Post, how: str) -> None:
    here = browse(post, "cleo", "storefront")
    ask(here, "storefront")
    browser, path = browse(post), link_in(mails(post)[NEW])
    browser.get(path)
    if how == "newer":
        ask(here, "storefront", "other@elsewhere.example")
    elif how == "password":
        assert change(here, "storefront").status_code == 303
    else:
        with writing(db.session) as session:
            session.execute(
                update(Customer).values(active=False)
                if how == "inactive"
                else update(AccountLink).values(expires_at=now() - timedelta(seconds=1))
            )
    assert [browser.post(path).status_code, browser.get(path).status_code] == [410, 410]
    assert db.session.scalar(select(Customer.email).where(Customer.id == post.cast.cleo.id)) == EMAILS["cleo"]


def test_nobody_mails_strangers_without_end(post: Post) -> None:
    post.app.extensions["limits"] = Counters(None)
    here = browse(post, "sam")
    for number in range(LIMITS["email_change"].amount):
        assert ask(here, "store", f"n{number}@elsewhere.example").status_code == 303
    assert ask(here, "store").status_code == 429


def test_while_mail_is_off_nothing_is_asked(post: Post) -> None:
    post.app.extensions["settings"].mail_url = None
    refused = ask(browse(post, "sam"), "store")
    assert refused.status_code == 422 and "E-mail is switched off" in refused.text
