"""A required second factor: seven days in which every sign-in says so, then nothing but the page that sets one up."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import update

from messaging_app.accounts.tokens import create_token, find_bearer
from messaging_app.db.engine import now, writing
from messaging_app.extensions import db
from messaging_app.models import StoreMembership
from messaging_app.services.settings import set_settings
from tests.accounts.conftest import browse
from tests.accounts.second_factors import App, enrol
from tests.conftest import Browser
from tests.post import Post


@pytest.fixture(autouse=True)
def steady() -> Iterator[None]:
    """Codes do not change within a test unless it says so."""
    with time_machine.travel(int(now().timestamp()) // 30 * 30 + 2, tick=False):
        yield


def require(who: str) -> None:
    set_settings(None, {f"second_factor_required_{who}": "true"})


def is_shut_out(browser: Browser, role: str) -> bool:
    """Whether every page leads to the one that sets a factor up."""
    to = f"/{role}/account/security?next="
    pages = [browser.get(f"/{role}{path}") for path in ("", "/messages", "/account", "/account/sessions", "/tokens")]
    shut = [page.status_code == 303 and page.location.startswith(to) for page in pages]
    assert len(set(shut)) == 1, "all or none"
    return shut[0]


@pytest.mark.parametrize(("role", "name", "who"), [("admin", "ada", "admins"), ("store", "sam", "owners")])
def test_each_sign_in_in_the_seven_days_says_until_when(post: Post, role: str, name: str, who: str) -> None:
    assert browse(post).sign_in(role, name).location == f"/{role}/messages"
    require(who)
    for day in (0, 6):
        with time_machine.travel(now() + timedelta(days=day), tick=False):
            browser = browse(post, name, role)
            page = browser.get(f"/{role}/account/security?next=/{role}/messages/7").text
            assert "you need a second factor" in page and f'href="/{role}/messages/7"' in page
            assert browse(post).sign_in(role, name).location == f"/{role}/account/security?next=%2F{role}%2Fmessages"
            assert not is_shut_out(browser, role)


@pytest.mark.parametrize(("role", "name", "who"), [("admin", "ada", "admins"), ("store", "sam", "owners")])
def test_after_them_only_the_page_that_sets_one_up_is_open(post: Post, role: str, name: str, who: str) -> None:
    require(who)
    actor = getattr(post.cast, name)
    token = create_token(actor.type, actor.id, actor.store_id, "shop")
    browser = browse(post, name, role)
    with time_machine.travel(now() + timedelta(days=7, hours=1), tick=False):
        browser = browse(post, name, role)
        assert is_shut_out(browser, role)
        fragment = browser.get(f"/{role}/messages", htmx=True)
        assert fragment.status_code == 401 and "/account/security" in fragment.headers["HX-Redirect"]
        poll = browser.get(f"/{role}/messages/unread-count")
        assert (poll.status_code, poll.data) == (401, b"")
        assert find_bearer(token) is not None, "programs go on"
        page = browser.get(f"/{role}/account/security?next=/{role}/messages")
        assert page.status_code == 200 and "You need a second factor to continue" in page.text
        done = browser.post(f"/{role}/account/security", {"code": App(page.text).code()})
        assert done.status_code == 200 and not is_shut_out(browser, role)


def test_nobody_else_is_asked(post: Post) -> None:
    require("owners")
    enrol(post, "abe")
    require("admins")
    with time_machine.travel(now() + timedelta(days=8), tick=False):
        for role, name in (("store", "nadia"), ("store", "lea"), ("storefront", "cleo")):
            answer = browse(post).sign_in(role, name)
            assert answer.location.endswith("/messages"), name
        assert browse(post).sign_in("admin", "abe").location == "/admin/login", "he has one, which is asked for"
        assert is_shut_out(browse(post, "sam"), "store")


def test_an_owner_is_asked_in_every_store_and_only_while_the_setting_is_on(post: Post) -> None:
    with writing(db.session) as session:
        hers = (StoreMembership.user_id == post.cast.lea.id) & (StoreMembership.store_id == post.cast.cycles)
        session.execute(update(StoreMembership).where(hers).values(role="owner"))
    require("owners")
    with time_machine.travel(now() + timedelta(days=8), tick=False):
        lea = browse(post, "lea")
        assert is_shut_out(lea, "store"), "in the bakery, where she is staff"
        set_settings(None, {"second_factor_required_owners": "false"})
        assert not is_shut_out(lea, "store")
        require("owners")
        assert not is_shut_out(lea, "store"), "seven days begin anew"
